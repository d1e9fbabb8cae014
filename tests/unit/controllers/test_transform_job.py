"""The life of a batch transform job: every way it can end, and every place where a server may die on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from sagewright.base.errors import Transient
from sagewright.compute.fake import Plan
from sagewright.controllers import transform_job
from sagewright.controllers.transform_job import STOP_GRACE, TransformJobs
from sagewright.resources.record import Key, Record
from sagewright.resources.transform_job import KIND, LOG_GROUP

from .conftest import ACCOUNT, IMAGE, REGION, Bench, Killed, packed

Create = Callable[..., Key]
OUTPUTS = {"out/a.csv.out": b"A", "out/deep/b.csv.out": b"B", "out/z.csv.out": b"Z"}


@pytest.fixture
def jobs(bench: Bench) -> TransformJobs:
    bench.files.held["b", "model.tar.gz"] = packed({"weights": b"w"})
    for name in ("a.csv", "deep/b.csv", "z.csv", "folder/"):
        bench.files.held["b", f"in/{name}"] = name[:1].encode() if "deep" not in name else b"b"
    bench.engine.plan("*", Plan(after=None))
    return TransformJobs(bench.platform, bench.wake, bench.room(1))


@pytest.fixture
def create(bench: Bench) -> Create:
    """Writes a job down, as CreateTransformJob does."""

    def make(name: str = "j", *, instances: int = 1, image: str = IMAGE, **spec: Any) -> Key:
        key = Key(ACCOUNT, REGION, KIND, "", name)
        now = bench.clock.now()
        container = {"Image": image, "ModelDataUrl": "s3://b/model.tar.gz", "Environment": {"A": "model", "B": "model"}}
        source = {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in/"}
        told = {
            "ModelName": "m",
            "model": {"PrimaryContainer": container, "ExecutionRoleArn": "arn:aws:iam::123456789012:role/R"},
            "TransformInput": {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
            "TransformOutput": {"S3OutputPath": "s3://b/out/", "Accept": "text/csv"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": instances},
            **spec,
        }
        status = {"TransformJobArn": f"arn:{name}"}
        bench.store.create(Record(key, f"uid-{name}", now, now, spec=told, status=status, state="InProgress"))
        return key

    return make


def record(bench: Bench, key: Key) -> Record:
    found = bench.store.get(key)
    assert found is not None
    return found


def ended(bench: Bench, key: Key) -> tuple[str, str]:
    """State and FailureReason."""
    found = record(bench, key)
    return found.state, found.status.get("FailureReason", "")


def stop(bench: Bench, key: Key) -> None:
    bench.change(key, intent="stop", state="Stopping")


def place(bench: Bench, task: str) -> Path:
    return bench.folder / "tasks" / task / "ml" / "transform"


def work(bench: Bench, task: str, *, exit_code: int = 0, only: int | None = None, **result: Any) -> None:
    """As the instance's program would: upper-case outputs for the first objects, or for all; then it ends."""
    folder = place(bench, task)
    for number, each in enumerate(json.loads((folder / "plan.json").read_text())["objects"]):
        if (only is None or number < only) and not (folder / each["output"]).exists():
            (folder / each["output"]).write_bytes((folder / each["input"]).read_bytes().upper())
    (folder / "data-log").write_text(f"{int(bench.clock.now() * 1000)} settings of {task}\n")
    if exit_code or result:
        (folder / "result.json").write_text(json.dumps({"settings": "", "failures": [], "error": "", **result}))
    bench.engine.end(task, exit_code)


def outputs(bench: Bench) -> dict[str, bytes]:
    return {key: body for (_, key), body in sorted(bench.files.held.items()) if key.startswith("out/")}


def started(bench: Bench, jobs: TransformJobs, key: Key) -> list[str]:
    """Look until the tasks run. Their ids."""
    for _ in range(4):
        bench.look(jobs, key)
    return [task.id for task in bench.engine.started]


# The ways a job ends.


def test_a_job_is_staged_runs_and_leaves_its_outputs(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    key = create(MaxPayloadInMB=2, BatchStrategy="SingleRecord", MaxConcurrentTransforms=0, Environment={"B": "job"})
    (task_id,) = started(bench, jobs, key)
    (task,) = bench.engine.started
    assert list(task.command) == [
        *("python", "-m", "sagewright_container.transform"),
        *("python", "-m", "sagewright_container.main", "serve", "scikit-learn"),
    ]
    told = {name: task.environment.get(name) for name in ("A", "B", "SAGEMAKER_BATCH", "SAGEMAKER_BATCH_STRATEGY")}
    assert told == {"A": "model", "B": "job", "SAGEMAKER_BATCH": "true", "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD"}
    assert task.environment["SAGEMAKER_MAX_PAYLOAD_IN_MB"] == "2"
    assert "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS" not in task.environment
    assert task.environment["SAGEWRIGHT_BIND_UDS"] == task.socket
    plan = json.loads((place(bench, task_id) / "plan.json").read_text())
    assert [each["name"] for each in plan["objects"]] == ["b/in/a.csv", "b/in/deep/b.csv", "b/in/z.csv"]
    assert (plan["split"], plan["strategy"], plan["payload_mb"], plan["join"]) == ("Line", "SingleRecord", 2, False)
    bench.engine.say(task_id, "loaded")
    bench.engine.advance(30)
    work(bench, task_id)
    assert key in bench.woken
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")
    assert outputs(bench) == OUTPUTS
    status = record(bench, key).status
    assert status["TransformEndTime"] - status["TransformStartTime"] == 30
    assert bench.lines(LOG_GROUP) == ["loaded", f"settings of {task_id}"]
    assert bench.folders == []
    assert bench.engine.watched == [task_id], "the engine was asked more than once"
    assert {role for role, _ in bench.files.roles} == {"arn:aws:iam::123456789012:role/R"}


def test_the_containers_of_a_pipeline_run_beside_the_one_that_asks_them(
    bench: Bench, jobs: TransformJobs, create: Create
) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://b/model.tar.gz", "Environment": {"A": "model"}}
    named = [{**container, "ContainerHostname": name} for name in ("first", "then", "last")]
    role = "arn:aws:iam::123456789012:role/R"
    key = create(model={"Containers": named, "ExecutionRoleArn": role}, Environment={"A": "job"})
    assert started(bench, jobs, key) == ["transform-uid-j-0-1-2", "transform-uid-j-0-1-3", "transform-uid-j-0-1"]
    *others, asker = bench.engine.started
    assert all(task.environment["A"] == "job" and task.environment["SAGEMAKER_BATCH"] for task in others)
    assert [str(mount.source) for mount in asker.mounts] == [str(task.folder / "run") for task in others if task.folder]
    plan = json.loads((place(bench, asker.id) / "plan.json").read_text())
    assert plan["others"] == ["servers/2/model.sock", "servers/3/model.sock"]
    assert [mount.target for mount in asker.mounts] == [f"/opt/ml/transform/servers/{number}" for number in (2, 3)]
    bench.engine.say(others[1].id, "last has loaded")
    bench.look(jobs, key)
    work(bench, asker.id)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")
    assert "last has loaded" in bench.lines(LOG_GROUP)
    assert (list(bench.engine.list()), bench.folders) == ([], [])


@pytest.mark.parametrize("begun", [1, 2])
def test_a_pipeline_that_was_half_started_runs_each_container_once(
    bench: Bench, jobs: TransformJobs, create: Create, begun: int
) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://b/model.tar.gz"}
    role = "arn:aws:iam::123456789012:role/R"
    key = create(model={"Containers": [container] * 3, "ExecutionRoleArn": role})
    starts = bench.engine.start

    def cut_short(task: Any) -> None:
        if len(bench.engine.started) == begun:
            raise Killed
        starts(task)

    bench.engine.start = cut_short  # type: ignore[method-assign]
    with pytest.raises(Killed):
        started(bench, jobs, key)
    bench.engine.start = starts  # type: ignore[method-assign]
    bench.settle(TransformJobs(bench.platform, bench.wake, bench.room(1)), key)
    ids = [task.id for task in bench.engine.started]
    assert sorted(ids) == ["transform-uid-j-0-1", "transform-uid-j-0-1-2", "transform-uid-j-0-1-3"]


def test_objects_are_dealt_over_instances(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    key = create(instances=2)
    first, second = started(bench, jobs, key)
    dealt = [json.loads((place(bench, task) / "plan.json").read_text())["objects"] for task in (first, second)]
    assert [[each["name"] for each in objects] for objects in dealt] == [
        ["b/in/a.csv", "b/in/z.csv"],
        ["b/in/deep/b.csv"],
    ]
    work(bench, second)
    bench.look(jobs, key)
    assert record(bench, key).state == "InProgress"
    assert outputs(bench) == {}
    work(bench, first)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")
    assert outputs(bench) == OUTPUTS


def test_instances_without_an_object_are_not_started(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    assert len(started(bench, jobs, create(instances=7))) == 3


def test_an_object_that_fails_fails_the_job_and_the_others_are_kept(
    bench: Bench, jobs: TransformJobs, create: Create
) -> None:
    key = create()
    (task,) = started(bench, jobs, key)
    failures = [{"object": "b/in/z.csv", "kind": "ClientError", "reason": "400: not a number " + "x" * 2000}] * 2
    work(bench, task, exit_code=1, only=2, failures=failures)
    bench.settle(jobs, key)
    state, reason = ended(bench, key)
    assert state == "Failed"
    assert reason.startswith("ClientError: See job logs for more information. b/in/z.csv: 400: not a number x")
    stream = record(bench, key).status["instances"][0]["log_stream"]
    assert reason.endswith(f" 1 more objects failed. (log group {LOG_GROUP}, log stream {stream}/data-log)")
    assert len(reason) <= 1024
    assert outputs(bench) == {name: OUTPUTS[name] for name in ("out/a.csv.out", "out/deep/b.csv.out")}


@pytest.mark.parametrize(
    ("plan", "result", "words"),
    [
        (Plan(exit_code=1, after=1, lines=["Boom"]), {"error": "AlgorithmError: no /ping"}, "no /ping (log group"),
        (Plan(exit_code=3, after=1, lines=["first", "Boom"]), None, "exit code 3. (log group"),
        (Plan(exit_code=3, after=1, lines=["Boom"]), "[]", "Its last lines: Boom"),
        (Plan(exit_code=3, after=1, lines=["Boom"]), "{", "Its last lines: Boom"),
        (Plan(exit_code=137, out_of_memory=True, after=1), None, "AlgorithmError: OutOfMemoryError"),
        (Plan(after=1), None, "An output is missing although all instances ended well"),
    ],
)
def test_a_failure_is_told_in_the_words_there_are(
    bench: Bench, jobs: TransformJobs, create: Create, plan: Plan, result: Any, words: str
) -> None:
    bench.engine.plan("*", plan)
    key = create()
    (task,) = started(bench, jobs, key)
    if result is not None:
        (place(bench, task) / "result.json").write_text(result if isinstance(result, str) else json.dumps(result))
    bench.engine.advance(1)
    bench.settle(jobs, key)
    state, reason = ended(bench, key)
    assert (state, words in reason) == ("Failed", True), reason
    assert outputs(bench) == {}
    assert bench.folders == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"image": "mine:latest"}, "No runtime answers to image"),
        ({"source": ("S3Prefix", "s3://b/none/")}, "ClientError: No S3 objects found under S3 URL 's3://b/none/'"),
        ({"source": ("S3Prefix", "s3://nobody/")}, "ClientError: Data download failed for s3://nobody/: NoSuchBucket"),
        ({"source": ("ManifestFile", "s3://b/in/a.csv")}, "ClientError: The manifest s3://b/in/a.csv is not JSON"),
        ({"source": ("ManifestFile", "s3://b/none")}, "ClientError: Could not find the object s3://b/none"),
        ({"manifest": []}, "is not of the form"),
        ({"manifest": [{"prefix": "s3://b/in/"}]}, "ClientError: No S3 objects found"),
        ({"manifest": [{"prefix": "s3://b/in/"}, "a.csv", "a.csv"]}, "would both be a.csv.out"),
        ({"manifest": [{"prefix": "s3://b/in/"}, "none.csv"]}, "Could not find the object s3://b/in/none.csv"),
        ({"TransformOutput": {"S3OutputPath": "s3://nobody/"}}, "could not be written to s3://nobody/a.csv.out"),
    ],
)
def test_what_cannot_work_fails_the_job_with_the_reason(
    bench: Bench, jobs: TransformJobs, create: Create, spec: dict[str, Any], words: str
) -> None:
    if "manifest" in spec:
        bench.files.held["b", "manifest"] = json.dumps(spec.pop("manifest")).encode()
        spec["source"] = ("ManifestFile", "s3://b/manifest")
    if "source" in spec:
        kind, uri = spec.pop("source")
        spec["TransformInput"] = {"DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": uri}}}
    key = create(**spec)
    for task in started(bench, jobs, key):
        work(bench, task)
    bench.settle(jobs, key)
    state, reason = ended(bench, key)
    assert state == "Failed"
    assert words in reason
    assert bench.folders == []


def test_a_manifest_names_the_objects(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    manifest = [{"prefix": "s3://b/in/"}, "z.csv", "deep/b.csv"]
    bench.files.held["b", "manifest"] = json.dumps(manifest).encode()
    source = {"S3DataType": "ManifestFile", "S3Uri": "s3://b/manifest"}
    key = create(TransformInput={"DataSource": {"S3DataSource": source}})
    (task,) = started(bench, jobs, key)
    work(bench, task)
    bench.settle(jobs, key)
    assert outputs(bench) == {name: OUTPUTS[name] for name in ("out/deep/b.csv.out", "out/z.csv.out")}


def test_captured_data_are_manifests(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    capture = {"DestinationS3Uri": "s3://b/captured/", "GenerateInferenceId": True}
    key = create(DataCaptureConfig=capture)
    (task,) = started(bench, jobs, key)
    assert json.loads((place(bench, task) / "plan.json").read_text())["inference_time"].endswith("Z")
    work(bench, task, exit_code=1, only=1)
    bench.settle(jobs, key)
    found = {name: orjson.loads(body) for (_, name), body in bench.files.held.items() if name.startswith("captured/")}
    assert {name.split("/")[1]: body for name, body in found.items()} == {
        "input": [{"prefix": "s3://b/"}, "in/a.csv"],
        "output": [{"prefix": "s3://b/"}, "out/a.csv.out"],
    }


# Stopping.


def test_a_job_that_is_stopped_leaves_nothing(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    key = create(instances=2)
    first, second = started(bench, jobs, key)
    work(bench, first)
    stop(bench, key)
    bench.look(jobs, key)
    assert bench.engine.stops == [(second, STOP_GRACE)]
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert outputs(bench) == {}
    assert bench.folders == []


def test_a_job_that_waits_is_stopped_at_once(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    running, waiting = create("running"), create("waiting")
    started(bench, jobs, running)
    assert bench.look(jobs, waiting) is None, "it is woken"
    stop(bench, waiting)
    bench.settle(jobs, waiting)
    assert record(bench, waiting).state == "Stopped"
    assert len(bench.engine.started) == 1


def test_one_asked_to_stop_while_it_is_staged_does_not_start(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    key = create()
    bench.look(jobs, key)
    bench.files.on_read = lambda: stop(bench, key) if record(bench, key).intent != "stop" else None
    bench.settle(jobs, key)
    assert record(bench, key).state == "Stopped"
    assert bench.engine.started == []


def test_the_next_one_has_its_turn_when_a_job_has_ended(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    first, second = create("first"), create("second")
    (task,) = started(bench, jobs, first)
    bench.look(jobs, second)
    work(bench, task)
    bench.woken.clear()
    bench.settle(jobs, first)
    assert second in bench.woken
    started(bench, jobs, second)
    assert len(bench.engine.started) == 2


# Machines and servers that die.


def test_what_the_machine_lost_goes_on_where_it_was(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    key = create()
    (task,) = started(bench, jobs, key)
    bench.engine.say(task, "before")
    (place(bench, task) / "output/0").write_bytes(b"from before")
    (place(bench, task) / "output/1.part").write_bytes(b"half")
    bench.engine.lose(task)
    _, again = started(bench, jobs, key)
    assert bench.folders == ["transform-uid-j", again]
    assert sorted(path.name for path in (place(bench, again) / "input").iterdir()) == ["1", "2"]
    bench.engine.say(again, "after")
    (place(bench, again) / "input/0").write_bytes(b"")
    work(bench, again)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")
    assert outputs(bench) == {**OUTPUTS, "out/a.csv.out": b"from before"}
    assert sorted(bench.lines(LOG_GROUP)) == ["after", "before", f"settings of {again}"]


def test_a_machine_that_loses_everything_fails_the_job(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(lost=True, after=1))
    key = create()
    bench.settle(jobs, key)
    state, reason = ended(bench, key)
    assert (state, len(bench.engine.started)) == ("Failed", transform_job.ATTEMPTS)
    assert reason.startswith("InternalServerError: The machine lost")
    assert bench.folders == []


def restarted(bench: Bench) -> TransformJobs:
    return TransformJobs(bench.platform, bench.wake, bench.room(1))


def sweep(bench: Bench, jobs: TransformJobs) -> None:
    """What a server does first when it starts."""
    owned = {task for each in bench.store.unsettled(KIND, jobs.settled) for task in jobs.tasks(each)}
    bench.platform.sweep(owned)


def test_new_objects_do_not_change_what_a_job_does(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    """A server that dies between two starts must not deal the objects anew."""
    key = create(instances=2)
    bench.look(jobs, key)
    inner, calls = bench.engine.start, []

    def start(task: Any) -> None:
        calls.append(task.id)
        if len(calls) == 2:
            raise Killed
        inner(task)

    bench.engine.start = start  # type: ignore[method-assign]
    with pytest.raises(Killed):
        bench.look(jobs, key)
    bench.files.held["b", "in/0.csv"] = b"0"
    jobs = restarted(bench)
    sweep(bench, jobs)
    first, second = started(bench, jobs, key)
    for task in (first, second):
        work(bench, task)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")
    assert outputs(bench) == OUTPUTS


@pytest.mark.parametrize("fatal", range(1, 20))
def test_a_server_may_die_at_every_write(bench: Bench, jobs: TransformJobs, create: Create, fatal: int) -> None:
    """At the n-th thing that is written anywhere: before it, and right after it."""
    for after in (False, True):
        key = create(f"{fatal}-{after}".lower(), instances=2, DataCaptureConfig={"DestinationS3Uri": "s3://b/captured"})
        count = 0
        originals = {
            "update": bench.store.update,
            "write": bench.store.write,
            "put_file": bench.files.put_file,
            "materialise": bench.files.materialise,
            "start": bench.engine.start,
            "destroy": bench.engine.destroy,
        }

        def deadly(name: str, originals: dict[str, Any] = originals, after: bool = after) -> Callable[..., Any]:
            def call(*words: Any, **more: Any) -> Any:
                nonlocal count
                count += 1
                if count == fatal and not after:
                    raise Killed
                answer = originals[name](*words, **more)
                if count == fatal:
                    raise Killed
                return answer

            return call

        with pytest.MonkeyPatch.context() as patch:
            for owner, names in (
                (bench.store, ("update", "write")),
                (bench.files, ("put_file", "materialise")),
                (bench.engine, ("start", "destroy")),
            ):
                for name in names:
                    patch.setattr(owner, name, deadly(name))
            for _ in range(40):
                try:
                    bench.look(jobs, key)
                    for task in bench.engine.list():
                        if bench.engine.inspect(task).phase == "running" and key.name in task:
                            work(bench, task)
                except Killed:
                    jobs = restarted(bench)
                    sweep(bench, jobs)
        bench.settle(jobs, key)
        assert ended(bench, key) == ("Completed", "")
        assert outputs(bench) == OUTPUTS
        assert count >= fatal, "nobody died"
        ours = [task.id for task in bench.engine.started if key.name in task.id]
        assert len(ours) == len(set(ours)) == 2
        assert bench.folders == []
        told = [line for line in bench.lines(LOG_GROUP) if key.name in line]
        assert len(told) == len(set(told)) == 2, "a line was lost or told twice"


def test_an_output_that_is_in_s3_is_not_put_there_again(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    key = create()
    (task,) = started(bench, jobs, key)
    work(bench, task)
    inner = bench.files.put_file
    puts: list[str] = []

    def put(bucket: str, key: str, path: Path, **more: Any) -> object:
        if len(puts) == 2 and puts[-1] != "down":
            puts.append("down")
            raise Transient("the disk is full")
        puts.append(key)
        return inner(bucket, key, path, **more)

    bench.files.put_file = put  # type: ignore[method-assign]
    with pytest.raises(Transient):
        bench.look(jobs, key)
    bench.settle(restarted(bench), key)
    assert ended(bench, key) == ("Completed", "")
    assert puts == ["out/a.csv.out", "out/deep/b.csv.out", "down", "out/z.csv.out"]


def test_links_out_of_a_task_are_not_followed(
    bench: Bench, jobs: TransformJobs, create: Create, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("1700000000000 secret\n")
    key = create()
    (task,) = started(bench, jobs, key)
    work(bench, task)
    folder = place(bench, task)
    for name in ("output/0", "data-log"):
        (folder / name).unlink()
        (folder / name).symlink_to(secret)
    bench.settle(jobs, key)
    assert ended(bench, key)[0] == "Failed"
    assert "out/a.csv.out" not in outputs(bench)
    assert "secret" not in "".join(bench.lines(LOG_GROUP))


def test_a_data_log_is_carried_line_by_line(bench: Bench, jobs: TransformJobs, create: Create) -> None:
    key = create()
    (task,) = started(bench, jobs, key)
    path = place(bench, task) / "data-log"
    now = int(bench.clock.now() * 1000)
    path.write_text(f"{now} one\nrubbish\n{now} two\n{now} thr")
    bench.look(jobs, key)
    assert bench.lines(LOG_GROUP) == ["one", "two"]
    with path.open("a") as file:
        file.write("ee\n")
    bench.look(jobs, key)
    assert bench.lines(LOG_GROUP) == ["one", "two", "three"]
