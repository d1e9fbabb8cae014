"""The life of a processing job: every way it can end, and every place where a server may die on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from sagewright.compute.fake import Plan
from sagewright.controllers.athena.ports import Callers
from sagewright.controllers.processing_job import STOP_GRACE, ProcessingJobs
from sagewright.resources import query_execution, usage
from sagewright.resources.processing_job import KIND, LOG_GROUP
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query

from .conftest import ACCOUNT, IMAGE, REGION, Bench, Killed

Create = Callable[..., Key]
ROOT = "/opt/ml/processing"
NOWHERE = {"S3Uri": "s3://no/x", "LocalPath": f"{ROOT}/out", "S3UploadMode": "EndOfJob"}
TASK = "process-uid-j-1"


class Anybody:
    """Who asks Athena: a role that may."""

    def __init__(self, query: Record) -> None:
        assert query.spec["caller"] == {"role": "arn:aws:iam::123456789012:role/R"}

    def allow(self, service: str, operation: str, _params: dict[str, Any]) -> None:
        assert (service, operation) == ("athena", "StartQueryExecution")


@pytest.fixture
def jobs(bench: Bench) -> ProcessingJobs:
    for name in ("a.csv", "b.csv", "c.csv"):
        bench.files.held["b", f"in/{name}"] = name.encode()
    bench.engine.plan("*", Plan(after=None))
    return ProcessingJobs(bench.platform, bench.wake, bench.room(2), cast(Callers, Anybody))


@pytest.fixture
def create(bench: Bench) -> Create:
    """Writes a job down, as CreateProcessingJob does."""

    def make(
        name: str = "j", *, count: int = 1, mode: str = "EndOfJob", app: dict[str, Any] | None = None, **spec: Any
    ) -> Key:
        key = Key(ACCOUNT, REGION, KIND, "", name)
        now = bench.clock.now()
        source = {"S3Uri": "s3://b/in/", "LocalPath": f"{ROOT}/in", "S3DataType": "S3Prefix"}
        target = {"S3Uri": "s3://b/out", "LocalPath": f"{ROOT}/out/", "S3UploadMode": mode}
        told = {
            "RoleArn": "arn:aws:iam::123456789012:role/R",
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "x.py"],
                "ContainerArguments": ["1"],
                **(app or {}),
            },
            "ProcessingInputs": [
                {
                    "InputName": "data",
                    "S3Input": {**source, "S3DataDistributionType": "ShardedByS3Key"},
                },
                {"InputName": "own", "AppManaged": True, "S3Input": source},
            ],
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": target}]},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 1}
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            "Environment": {"A": "1"},
            **spec,
        }
        status = {"ProcessingJobArn": f"arn:{name}"}
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


def ml(bench: Bench, task: str = TASK) -> Path:
    return bench.folder / "tasks" / task / "ml"


def outputs(bench: Bench) -> dict[str, bytes]:
    return {key: body for (_, key), body in sorted(bench.files.held.items()) if key.startswith("out/")}


def test_a_job_is_staged_runs_and_leaves_its_outputs(bench: Bench, jobs: ProcessingJobs, create: Create) -> None:
    key = create()
    bench.look(jobs, key)
    (task,) = bench.engine.started
    assert (task.id, list(task.command)) == (TASK, ["python3", "x.py", "1"])
    assert (task.environment["A"], task.environment["UV_INDEX_URL"]) == ("1", "https://index")
    assert {path.name for path in (ml(bench) / "processing/in").iterdir()} == {"a.csv", "b.csv", "c.csv"}
    told = json.loads((ml(bench) / "config/processingjobconfig.json").read_text())
    assert (told["ProcessingJobArn"], told["ProcessingJobName"]) == ("arn:j", "j")
    resources = json.loads((ml(bench) / "config/resourceconfig.json").read_text())
    assert (resources["current_host"], resources["hosts"]) == ("algo-1", ["algo-1"])
    bench.engine.say(TASK, "at work")
    (ml(bench) / "processing/out/deep").mkdir()
    (ml(bench) / "processing/out/deep/x").write_text("X")
    (ml(bench) / "processing/out/link").symlink_to("/etc/passwd")
    (ml(bench) / "output/message").write_text("all well" + "!" * 2000)
    bench.engine.advance(30)
    bench.look(jobs, key)
    assert outputs(bench) == {}
    bench.engine.end(TASK)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")
    assert outputs(bench) == {"out/deep/x": b"X"}
    status = record(bench, key).status
    assert status["ProcessingEndTime"] - status["ProcessingStartTime"] == 30
    assert status["ExitMessage"].startswith("all well!")
    assert len(status["ExitMessage"]) == 1024
    assert bench.lines(LOG_GROUP) == ["at work"]
    assert bench.folders == []
    (entry,) = bench.store.list(Query(ACCOUNT, "", usage.KIND), limit=9).records
    assert [(line.kind, line.end - line.start) for line in usage.entry(entry).lines] == [("Processing", 30)]
    assert {role for role, _ in bench.files.roles} == {"arn:aws:iam::123456789012:role/R"}


def test_inputs_are_dealt_and_one_failed_host_ends_the_others(
    bench: Bench, jobs: ProcessingJobs, create: Create
) -> None:
    key = create(count=2)
    bench.look(jobs, key)
    dealt = [
        sorted(path.name for path in (ml(bench, task.id) / "processing/in").iterdir()) for task in bench.engine.started
    ]
    assert dealt == [["a.csv", "c.csv"], ["b.csv"]]
    (ml(bench, "process-uid-j-2") / "output/message").write_text("no rows")
    bench.engine.end("process-uid-j-2", 1)
    bench.engine.advance(1)
    bench.look(jobs, key)
    assert [task for task, _ in bench.engine.stops] == [TASK]
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Failed", "AlgorithmError: no rows, exit code: 1 (on algo-2)")


def test_an_input_with_another_inside_is_the_tasks_own(bench: Bench, jobs: ProcessingJobs, create: Create) -> None:
    bench.files.held["b", "in/big"] = b"0" * (17 << 20)
    inner = {"S3Uri": "s3://b/in/a.csv", "LocalPath": f"{ROOT}/in/deep/er", "S3DataType": "S3Prefix"}
    outer = {"S3Uri": "s3://b/in/", "LocalPath": f"{ROOT}/in", "S3DataType": "S3Prefix"}
    key = create(
        ProcessingInputs=[{"InputName": "outer", "S3Input": outer}, {"InputName": "inner", "S3Input": inner}],
    )
    bench.look(jobs, key)
    assert (ml(bench) / "processing/in/big").stat().st_size == 17 << 20
    assert (ml(bench) / "processing/in/deep/er/a.csv").read_bytes() == b"a.csv"


def test_continuous_output_goes_out_while_it_runs(bench: Bench, jobs: ProcessingJobs, create: Create) -> None:
    key = create(mode="Continuous")
    bench.look(jobs, key)
    (ml(bench) / "processing/out/x").write_text("X")
    for _ in range(3):  # until it was left alone for a moment
        bench.engine.advance(bench.look(jobs, key) or 0.0)
    bench.engine.advance(time.time() + 60 - bench.clock.now())  # files have the machine's time
    bench.look(jobs, key)
    assert outputs(bench) == {"out/x": b"X"}
    (ml(bench) / "processing/out/y").write_text("Y")
    bench.engine.end(TASK)
    bench.settle(jobs, key)
    assert outputs(bench) == {"out/x": b"X", "out/y": b"Y"}


def test_it_stops_with_grace_and_leaves_what_there_is(bench: Bench, jobs: ProcessingJobs, create: Create) -> None:
    key = create()
    bench.look(jobs, key)
    (ml(bench) / "processing/out/x").write_text("X")
    bench.change(key, intent="stop", state="Stopping")
    bench.look(jobs, key)
    assert bench.engine.stops == [(TASK, STOP_GRACE)]
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert outputs(bench) == {"out/x": b"X"}


def test_a_time_limit_stops_it(bench: Bench, jobs: ProcessingJobs, create: Create) -> None:
    key = create(StoppingCondition={"MaxRuntimeInSeconds": 10})
    bench.look(jobs, key)
    bench.engine.advance(11)
    bench.look(jobs, key)
    bench.engine.end(TASK, 0)  # it ends well when it is asked to
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")


def test_one_that_waits_for_room_is_stopped_at_once(bench: Bench, jobs: ProcessingJobs, create: Create) -> None:
    first, second, third = create("j"), create("k"), create("l")
    for key in (first, second, third):
        bench.look(jobs, key)
    assert len(bench.engine.started) == 2
    bench.change(third, intent="stop", state="Stopping")
    bench.settle(jobs, third)
    assert record(bench, third).state == "Stopped"
    assert len(bench.engine.started) == 2


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "stopped"])
def test_what_a_query_leaves_is_an_input(bench: Bench, jobs: ProcessingJobs, create: Create, state: str) -> None:
    definition = {
        "Catalog": "AwsDataCatalog",
        "Database": "db",
        "QueryString": "SELECT 1 AS n;",
        "OutputS3Uri": "s3://b/asked",
        "OutputFormat": "PARQUET",
        "OutputCompression": "SNAPPY",
    }
    around = {"LocalPath": f"{ROOT}/rows", "AthenaDatasetDefinition": definition}
    key = create(ProcessingInputs=[{"InputName": "rows", "DatasetDefinition": around}])
    bench.look(jobs, key)
    bench.look(jobs, key)
    (query,) = bench.store.list(Query(ACCOUNT, REGION, query_execution.KIND), limit=9).records
    place = f"s3://b/asked/{query.name}/"
    asked = f"UNLOAD (SELECT 1 AS n\n) TO '{place}' WITH (format = 'PARQUET', compression = 'SNAPPY')"
    assert (query.state, query.spec["QueryString"]) == ("QUEUED", asked)
    assert bench.engine.started == []
    if state == "stopped":
        bench.store.amend(key, lambda job: replace(job, intent="stop", state="Stopping"))
        bench.look(jobs, key)
        assert bench.store.get(query.key).intent == "stop"  # type: ignore[union-attr]
        assert record(bench, key).state == "Stopped"
        return
    why = {"StateChangeReason": "TABLE_NOT_FOUND: t"} if state == "FAILED" else {}
    bench.store.update(replace(query, state=state, status=why))
    bench.files.held["b", f"asked/{query.name}/0.parquet"] = b"PAR1"
    bench.settle(jobs, key) if state == "FAILED" else bench.look(jobs, key)
    if state == "FAILED":
        assert "TABLE_NOT_FOUND: t" in ended(bench, key)[1]
    else:
        assert [path.read_bytes() for path in (ml(bench) / "processing/rows").iterdir()] == [b"PAR1"]


@pytest.mark.parametrize("die_at", ["start", "destroy"])
def test_a_server_that_dies_is_followed_by_one_that_goes_on(
    bench: Bench, jobs: ProcessingJobs, create: Create, die_at: str
) -> None:
    key = create()
    bench.engine.die_at = die_at
    with pytest.raises(Killed):
        bench.look(jobs, key)
    again = ProcessingJobs(bench.platform, bench.wake, bench.room(2), cast(Callers, Anybody))
    bench.look(again, key)
    assert [task.id for task in bench.engine.started] == [TASK]
    bench.engine.end(TASK)
    bench.settle(again, key)
    assert ended(bench, key) == ("Completed", "")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"app": {"ImageUri": "mine:1"}}, "ClientError: No runtime answers to image 'mine:1'"),
        ({"app": {"ContainerEntrypoint": []}}, "has no program of its own that processes"),
        (
            {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "o", "S3Output": NOWHERE}]}},
            "could not be written to s3://no/x",
        ),
    ],
)
def test_what_cannot_work_fails_with_the_reason(
    bench: Bench, jobs: ProcessingJobs, create: Create, members: dict[str, Any], words: str
) -> None:
    key = create(**members)
    bench.look(jobs, key)
    if bench.engine.started:
        (ml(bench) / "processing/out/x").write_text("X")
        bench.engine.end(TASK)
    bench.settle(jobs, key)
    state, reason = ended(bench, key)
    assert (state, words in reason) == ("Failed", True), reason
    assert bench.folders == []


def test_a_task_that_was_lost_fails_the_job(bench: Bench, jobs: ProcessingJobs, create: Create) -> None:
    key = create()
    bench.look(jobs, key)
    bench.engine.lose(TASK)
    bench.settle(jobs, key)
    assert ended(bench, key)[1].startswith("InternalServerError: The machine lost the processing task")
