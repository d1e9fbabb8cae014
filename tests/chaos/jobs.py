"""Users of training jobs: create, perhaps stop, wait for the end, and look at everything that a job leaves."""

from __future__ import annotations

import json
import random
import time
from typing import Any, NamedTuple

from .server import eventually
from .world import BUCKET, IMAGE, OUTPUT, World, unpacked

GROUP = "/aws/sagemaker/TrainingJobs"
ORDER = (
    "Starting", "Pending", "Downloading", "DownloadingTrainingImage", "Training", "Stopping", "Uploading",
    "Completed", "Failed", "Stopped", "MaxRuntimeExceeded",
)  # fmt: skip
SETTLED = ("Completed", "Failed", "Stopped")


class Kind(NamedTuple):
    """A sort of job, and how it may end."""

    name: str
    weight: int
    end: str
    """What the script does at its end: `ok`, `fail`, `never`."""
    ends: tuple[str, ...]
    stopped_after: tuple[float, float] | None = None
    """Seconds between which StopTrainingJob is called."""

    @property
    def hosts(self) -> int:
        return 2 if self.name == "of-two" else 1


KINDS = (
    Kind("good", 6, "ok", ("Completed",)),
    Kind("failing", 3, "fail", ("Failed",)),
    Kind("stopped", 3, "never", ("Stopped",), (0.0, 2.0)),
    Kind("stopped-late", 2, "ok", ("Completed", "Stopped"), (0.2, 1.2)),
    Kind("stopped-at-once", 1, "ok", ("Completed", "Stopped"), (0.0, 0.05)),
    Kind("too-long", 1, "never", ("Stopped",)),
    Kind("without-input", 1, "ok", ("Failed",)),
    Kind("without-output", 1, "ok", ("Failed",)),
    Kind("talkative", 1, "ok", ("Completed",)),
    Kind("of-two", 2, "ok", ("Completed",)),
)


def create(
    world: World, name: str, *, lines: int, pause: float = 0.0, end: str = "ok", hosts: int = 1, **members: Any
) -> None:
    """Ask for a job that prints so many lines, `pause` seconds after each, and ends so. `members` of the request count
    in place of those here. One that an earlier try may have made is no refusal."""
    told = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://{BUCKET}/code/source.tar.gz",
        "witness": world.witness.port,
        "lines": lines,
        "pause": round(pause, 4),
        "end": end,
    }
    request = {
        "RoleArn": world.role,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {key: json.dumps(value) for key, value in told.items()},
        "OutputDataConfig": {"S3OutputPath": f"s3://{OUTPUT}/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **members,
    }
    answer = world("sagemaker", "create_training_job", refused=("ResourceInUse",), TrainingJobName=name, **request)
    assert answer.perhaps_twice or not answer.refusal, f"{name}: {answer.refusal}"


class Jobs:
    """One user's jobs, one after the other."""

    def __init__(self, world: World, user: str) -> None:
        self._world = world
        self._user = user
        self._count = 0
        self.kept: dict[str, str] = {}
        """Jobs that ended and were not deleted: name to status."""
        self._life = 0

    def act(self, choose: random.Random) -> None:
        """One job from its creation to its end."""
        self._count += 1
        (kind,) = choose.choices(KINDS, [kind.weight for kind in KINDS])
        name = f"{self._user}-{self._count}-{kind.name}"
        lines = 12_000 if kind.name == "talkative" else choose.choice((1, 5, 30))
        pause = 0.0 if kind.name == "talkative" else choose.uniform(0.0, 1.0) / lines
        tags = {"made-by": self._user}
        self._create(name, kind, lines, pause, tags)
        if choose.random() < 0.3:
            arn = self._describe(name)["TrainingJobArn"]
            self._world("sagemaker", "add_tags", ResourceArn=arn, Tags=[{"Key": "later", "Value": name}])
            tags["later"] = name
        stopped = kind.stopped_after is not None and self._stop(name, choose.uniform(*kind.stopped_after))
        self._wait(name)
        self._check(name, kind, lines, tags, stopped=stopped)
        self.kept[name] = self._describe(name)["TrainingJobStatus"]
        self._audit(choose)
        if choose.random() < 0.4:
            self._delete(choose.choice(list(self.kept)))

    def audit(self) -> None:
        """Everything that ended is still there as it was."""
        for name, status in self.kept.items():
            assert self._describe(name)["TrainingJobStatus"] == status, f"{name} changed after its end"

    def delete_all(self) -> None:
        for name in list(self.kept):
            self._delete(name)

    # Steps.

    def _create(self, name: str, kind: Kind, lines: int, pause: float, tags: dict[str, str]) -> None:
        missing = "nothing-is-here" if kind.name == "without-input" else "code"
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{missing}/"}}
        output = "no-such-bucket" if kind.name == "without-output" else OUTPUT
        create(
            self._world,
            name,
            lines=lines,
            pause=pause,
            end=kind.end,
            AlgorithmSpecification={
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "line", "Regex": "^line ([0-9]+)"}],
            },
            InputDataConfig=[{"ChannelName": "train", "DataSource": source}],
            OutputDataConfig={"S3OutputPath": f"s3://{output}/{self._user}"},
            # Larger than any machine that runs this: it is fitted, and the log says so, once.
            ResourceConfig={"InstanceType": "ml.m5.24xlarge", "InstanceCount": kind.hosts, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 1 if kind.name == "too-long" else 600},
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        assert self._describe(name)["TrainingJobName"] == name

    def _stop(self, name: str, delay: float) -> bool:
        """Whether it was acknowledged."""
        time.sleep(delay)
        answer = self._world("sagemaker", "stop_training_job", refused=("is in status",), TrainingJobName=name)
        if not answer.refusal:
            assert self._describe(name)["TrainingJobStatus"] in ("Stopping", "Stopped"), f"{name}: the stop was lost"
            return True
        return answer.perhaps_twice and self._describe(name)["TrainingJobStatus"] == "Stopped"

    def _wait(self, name: str) -> None:
        eventually(
            lambda: self._describe(name)["TrainingJobStatus"] in SETTLED,
            within=180,
            what=lambda: f"the end of {name}; {self._describe(name)['SecondaryStatusTransitions']}",
        )

    def _describe(self, name: str) -> dict[str, Any]:
        return self._world("sagemaker", "describe_training_job", TrainingJobName=name).body

    def _delete(self, name: str) -> None:
        missing = "Requested resource not found"
        answer = self._world("sagemaker", "delete_training_job", refused=(missing,), TrainingJobName=name)
        assert answer.perhaps_twice or not answer.refusal, f"{name}: {answer.refusal}"
        del self.kept[name]
        gone = self._world("sagemaker", "describe_training_job", refused=(missing,), TrainingJobName=name)
        assert gone.refusal, f"{name} is there again after it was deleted"

    def _audit(self, choose: random.Random) -> None:
        """After each new start of the server, look at a few jobs that ended before."""
        if self.kept and self._life != self._world.front.lives:
            self._life = self._world.front.lives
            name = choose.choice(list(self.kept))
            assert self._describe(name)["TrainingJobStatus"] == self.kept[name], f"{name} changed after its end"

    # What it left.

    def _check(self, name: str, kind: Kind, lines: int, tags: dict[str, str], *, stopped: bool) -> None:
        job = self._describe(name)
        status = job["TrainingJobStatus"]
        story = [each["Status"] for each in job["SecondaryStatusTransitions"]]
        where = f"{name}: {status} by {story}, {job.get('FailureReason', '')!r}"
        allowed = kind.ends if kind.stopped_after is None else (("Stopped",) if stopped else kind.ends)
        if stopped and kind.name == "stopped-late":
            allowed = ("Stopped",)
        assert status in allowed, f"{where}; it should be one of {allowed}"
        assert [ORDER.index(each) for each in story] == sorted({ORDER.index(each) for each in story}), where
        runs = self._world.witness.starts(name)
        assert len(runs) <= 1, f"{where}: it ran {len(runs)} times"
        assert runs or status == "Stopped" or kind.name == "without-input", f"{where}: it never ran"
        assert not self._world.witness.live(name), f"{where}: and it still runs"
        if kind.hosts > 1:
            others = self._world.witness.starts(f"{name}/algo-2")
            assert len(others) == 1, f"{where}: its second host ran {len(others)} times"
        listed = self._world("sagemaker", "list_tags", ResourceArn=job["TrainingJobArn"]).body["Tags"]
        assert {tag["Key"]: tag["Value"] for tag in listed} == tags, f"{where}: its tags are {listed}"
        if runs and kind.name != "too-long" and not stopped:
            assert "TrainingStartTime" in job, f"{where}: no start time"
        log = self._log(name)
        self._check_log(where, log, runs, lines, complete=kind.end != "never" and not stopped)
        self._check_component(where, job, sum(line.startswith("line ") for line in log) * kind.hosts)
        self._check_result(where, job, kind, runs)

    def _check_component(self, where: str, job: dict[str, Any], printed: int) -> None:
        """It ended with the job, has each line of the log as a point once, and lineage of what the job used."""
        name = f"{job['TrainingJobName']}-aws-training-job"
        component = self._world("sagemaker", "describe_trial_component", TrialComponentName=name).body
        assert component["Status"]["PrimaryStatus"] == job["TrainingJobStatus"], f"{where}: {component['Status']}"
        counted = sum(metric["Count"] for metric in component.get("Metrics", ()))
        assert counted == printed, f"{where}: {counted} points of {printed} lines"
        arn = component["TrialComponentArn"]
        used = self._world("sagemaker", "list_associations", DestinationArn=arn).body["AssociationSummaries"]
        assert sorted(each["SourceType"] for each in used) == ["DataSet", "Image"], f"{where}: it used {used}"

    def _check_log(self, where: str, log: list[str], runs: list[str], lines: int, *, complete: bool) -> None:
        notes = [line for line in log if line.startswith("sagewright: ")]
        assert len(notes) == len(set(notes)), f"{where}: notes said twice: {notes}"
        said = [line for line in log if not line.startswith("sagewright: ")]
        if not runs:
            assert not said, f"{where}: it never ran, but its log has {said[:5]}"
            return
        # A script that is told to stop before its first line has none.
        numbers = [int(line.split()[1]) for line in said if line.startswith("line ")]
        assert [line for line in said if line.startswith("run ")] in (
            [f"run {runs[0]}"],
            [] if not numbers else None,
        ), f"{where}: {said[:3]}"
        assert numbers == list(range(len(numbers))), f"{where}: lines {_odd(numbers)}"
        if complete:
            assert len(numbers) == lines, f"{where}: {len(numbers)} lines of {lines}"
            assert said[-1] in ("end", f"broken on purpose: {runs[0]}"), f"{where}: it ends with {said[-1]!r}"

    def _check_result(self, where: str, job: dict[str, Any], kind: Kind, runs: list[str]) -> None:
        reason = job.get("FailureReason", "")
        if kind.name == "without-input":
            assert "No S3 objects found" in reason, where
        elif kind.name == "without-output" and job["TrainingJobStatus"] == "Failed":
            assert "no-such-bucket" in reason, where
        elif kind.end == "fail" and job["TrainingJobStatus"] == "Failed":
            assert f"broken on purpose: {runs[0]}" in reason, where
        else:
            assert not reason, where
        if job["TrainingJobStatus"] == "Completed":
            bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
            model = unpacked(self._world("s3", "get_object", Bucket=bucket, Key=key).body["Body"])
            assert model == {"runs": f"{runs[0]}\n".encode()}, f"{where}: its model is {model}"

    def _log(self, name: str) -> list[str]:
        streams = self._world(
            "logs",
            "describe_log_streams",
            refused=("ResourceNotFoundException",),
            logGroupName=GROUP,
            logStreamNamePrefix=f"{name}/",
        ).body.get("logStreams", [])
        wanted = 2 if name.endswith("-of-two") else 1
        assert len(streams) <= wanted, f"{name} has {len(streams)} log streams"
        lines: list[str] = []
        token: dict[str, Any] = {}
        while streams:
            page = self._world(
                "logs",
                "get_log_events",
                logGroupName=GROUP,
                logStreamName=streams[0]["logStreamName"],
                startFromHead=True,
                **token,
            ).body
            lines += [event["message"] for event in page["events"]]
            if token == {"nextToken": page["nextForwardToken"]}:
                break
            token = {"nextToken": page["nextForwardToken"]}
        return lines


def _odd(numbers: list[int]) -> str:
    """Where a count goes wrong."""
    for place, number in enumerate(numbers):
        if number != place:
            return f"go wrong at {place}: …{numbers[max(0, place - 3) : place + 5]}… of {len(numbers)}"
    return "are in order"
