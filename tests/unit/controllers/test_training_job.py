"""The life of a training job: every way it can end, and every place where a server may die on the way."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import StaleRecord, Transient
from sagewright.compute.fake import Plan
from sagewright.controllers import training_output, training_story
from sagewright.controllers.training_job import STOP_GRACE, TrainingJobs
from sagewright.resources.record import Key, Record
from sagewright.resources.training_job import KIND, LOG_GROUP

from .conftest import ACCOUNT, IMAGE, REGION, Bench, Killed, packed, unpacked

Create = Callable[..., Key]


@pytest.fixture
def jobs(bench: Bench) -> TrainingJobs:
    bench.files.held["b", "code.tar.gz"] = packed({"train.py": b"print()"})
    bench.files.held["b", "data/a/one.csv"] = b"1,2"
    return TrainingJobs(bench.platform, bench.wake, bench.room(2))


@pytest.fixture
def create(bench: Bench) -> Create:
    """Writes a job down, as CreateTrainingJob does."""
    turn = count()

    def make(name: str = "j", **spec: Any) -> Key:
        key = Key(ACCOUNT, REGION, KIND, "", name)
        now = bench.clock.now()
        told = {
            "RoleArn": "arn:aws:iam::123456789012:role/R",
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "HyperParameters": {
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": '"s3://b/code.tar.gz"',
            },
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/data"}}}],
            "OutputDataConfig": {"S3OutputPath": "s3://b/out/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            **spec,
        }  # fmt: skip
        status = {
            "TrainingJobArn": f"arn:{name}",
            "SecondaryStatus": "Starting",
            "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": now, "StatusMessage": ""}],
        }
        bench.store.create(
            Record(key, f"uid-{name}", now + next(turn) * 1e-6, now, spec=told, status=status, state="InProgress")
        )
        return key

    return make


def story(bench: Bench, key: Key) -> list[str]:
    record = bench.store.get(key)
    assert record is not None
    return [each["Status"] for each in record.status["SecondaryStatusTransitions"]]


def ended(bench: Bench, key: Key) -> tuple[str, str]:
    """State and FailureReason."""
    record = bench.store.get(key)
    assert record is not None
    return record.state, record.status.get("FailureReason", "")


def stop(bench: Bench, key: Key) -> None:
    bench.change(key, intent="stop", state="Stopping")


def write(bench: Bench, key: Key, path: str, text: str, host: int = 1) -> None:
    """As the script would, into its /opt/ml."""
    target = bench.folder / "tasks" / f"train-uid-{key.name}-{host}" / "ml" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


# The ways a job ends.


def test_a_job_is_staged_runs_and_leaves_its_model(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(lines=["one", "two"], piece="three", after=30))
    key = create()
    assert bench.look(jobs, key) == 0.5
    (task,) = bench.engine.started
    assert task.command[-2:] == ("train", "scikit-learn")
    assert task.environment["TRAINING_JOB_NAME"] == "j"
    assert task.folder is not None
    assert (task.folder / "input/data/train/a/one.csv").read_bytes() == b"1,2"
    assert (task.folder / "code/train.py").exists()
    write(bench, key, "model/weights", "w")
    bench.look(jobs, key)
    assert bench.lines(LOG_GROUP) == ["one", "two"]
    bench.engine.advance(30)
    assert key in bench.woken
    bench.settle(jobs, key)
    assert story(bench, key) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    record = bench.store.get(key)
    assert record is not None
    assert record.state == "Completed"
    assert record.status["ModelArtifacts"] == {"S3ModelArtifacts": "s3://b/out/j/output/model.tar.gz"}
    assert (record.status["TrainingTimeInSeconds"], record.status["BillableTimeInSeconds"]) == (30, 30)
    assert unpacked(bench.files.held["b", "out/j/output/model.tar.gz"]) == {"weights": b"w"}
    assert bench.lines(LOG_GROUP) == ["one", "two", "three"]
    assert bench.folders == []
    assert list(bench.engine.list()) == []
    assert bench.engine.watched == ["train-uid-j-1"], "the engine was asked more than once"
    assert {role for role, _ in bench.files.roles} == {record.spec["RoleArn"]}


def test_output_data_and_uncompressed_models_are_kept_too(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=10))
    plain = create("plain", OutputDataConfig={"S3OutputPath": "s3://b/out", "CompressionType": "NONE"})
    packed_too = create("packed")
    for key in (plain, packed_too):
        bench.look(jobs, key)
        write(bench, key, "model/deep/weights", "w")
        write(bench, key, "output/data/plot", "p")
    bench.engine.advance(10)
    for key in (plain, packed_too):
        bench.settle(jobs, key)
    assert bench.files.held["b", "out/plain/output/model/deep/weights"] == b"w"
    assert unpacked(bench.files.held["b", "out/packed/output/output.tar.gz"]) == {"plot": b"p"}


@pytest.mark.parametrize(
    ("plan", "failure", "words"),
    [
        (Plan(exit_code=1, after=1), "it said why", "AlgorithmError: it said why, exit code: 1"),
        (Plan(exit_code=3, after=1, lines=["first", "Boom"]), "", "Its last lines: first\nBoom, exit code: 3"),
        (Plan(exit_code=137, out_of_memory=True, after=1), "", "AlgorithmError: OutOfMemoryError"),
        (Plan(lost=True, after=1), "", "InternalServerError: The machine lost the training task"),
    ],
)
def test_a_failure_is_told_in_the_words_there_are(
    bench: Bench, jobs: TrainingJobs, create: Create, plan: Plan, failure: str, words: str
) -> None:
    bench.engine.plan("*", plan)
    key = create()
    bench.look(jobs, key)
    if failure:
        write(bench, key, "output/failure", failure)
    bench.engine.advance(1)
    bench.settle(jobs, key)
    state, reason = ended(bench, key)
    assert state == "Failed"
    assert words in reason
    assert len(reason) <= 1024
    assert story(bench, key)[-2:] == ["Training", "Failed"]
    assert not [name for name in bench.files.held if "out" in name[1]]
    assert bench.folders == []


def test_code_may_come_by_a_channel(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    program = {"sagemaker_program": "train.py"}
    source = {"S3DataSource": {"S3Uri": "s3://b/code.tar.gz"}}
    key = create(
        EnableNetworkIsolation=True,
        HyperParameters={**program, "sagemaker_submit_directory": '"/opt/ml/input/data/code/code.tar.gz"'},
        InputDataConfig=[{"ChannelName": "code", "DataSource": source}],
    )
    bench.look(jobs, key)
    (task,) = bench.engine.list()
    assert (bench.platform.ml_folder(task) / "code" / "train.py").read_bytes() == b"print()"


def test_what_a_failed_job_left_is_kept(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(exit_code=1, after=1))
    key = create()
    bench.look(jobs, key)
    write(bench, key, "output/data/report.ipynb", "as far as it came")
    bench.engine.advance(1)
    bench.settle(jobs, key)
    assert ended(bench, key)[0] == "Failed"
    assert story(bench, key)[-2:] == ["Uploading", "Failed"]
    assert [name for name in bench.files.held if name[1].endswith("output/output.tar.gz")]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"AlgorithmSpecification": {"TrainingImage": "mine:latest"}}, "ClientError: No runtime answers to image"),
        (
            {"InputDataConfig": [{"ChannelName": "c", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/none/"}}}]},
            "No S3 objects found under S3 URL 's3://b/none/'",
        ),
        (
            {"InputDataConfig": [{"ChannelName": "c", "DataSource": {"S3DataSource": {"S3Uri": "s3://none/x"}}}]},
            "Data download failed for s3://none/x (channel 'c'): NoSuchBucket",
        ),
        (
            {"HyperParameters": {"sagemaker_submit_directory": "s3://b/no-code.tar.gz"}},
            "Could not find the object s3://b/no-code.tar.gz",
        ),
        (
            {"HyperParameters": {"sagemaker_submit_directory": "s3://b/data/a/one.csv"}},
            "sagemaker_submit_directory s3://b/data/a/one.csv could not be unpacked",
        ),
    ],
)
def test_what_cannot_start_fails_before_anything_runs(
    bench: Bench, jobs: TrainingJobs, create: Create, spec: dict[str, Any], words: str
) -> None:
    key = create(**spec)
    bench.settle(jobs, key)
    state, reason = ended(bench, key)
    assert (state, bench.engine.started) == ("Failed", [])
    assert words in reason
    assert bench.folders == []


@pytest.mark.parametrize("compression", ["GZIP", "NONE"])
def test_an_output_bucket_that_is_gone_fails_the_job_at_once(
    bench: Bench, jobs: TrainingJobs, create: Create, compression: str
) -> None:
    bench.engine.plan("*", Plan(after=1))
    key = create(OutputDataConfig={"S3OutputPath": "s3://gone/out", "CompressionType": compression})
    bench.look(jobs, key)
    write(bench, key, "model/weights", "w")
    bench.engine.advance(1)
    bench.settle(jobs, key)
    state, reason = ended(bench, key)
    assert state == "Failed"
    assert reason.startswith("ClientError: The output could not be written to s3://gone/out")


@pytest.mark.parametrize(("attempts", "end"), [(1, "Completed"), (0, "Failed")])
def test_what_the_machine_lost_is_tried_again_as_often_as_was_asked_for(
    bench: Bench, jobs: TrainingJobs, create: Create, attempts: int, end: str
) -> None:
    bench.engine.plan("*-1", Plan(lost=True, lines=["one"], after=5))
    bench.engine.plan("*-again-*", Plan(lines=["two"], after=5))
    key = create(RetryStrategy={"MaximumRetryAttempts": attempts} if attempts else {})
    bench.settle(jobs, key)
    assert ended(bench, key)[0] == end
    assert len(bench.engine.started) == 1 + attempts
    assert bench.folders == []
    assert list(bench.engine.list()) == []
    if attempts:
        assert "Restarting" in story(bench, key)
        assert bench.lines(LOG_GROUP) == ["one", "two"]


def test_only_the_machines_faults_are_tried_again(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(exit_code=1, after=5))
    key = create(RetryStrategy={"MaximumRetryAttempts": 3})
    bench.settle(jobs, key)
    assert (ended(bench, key)[0], len(bench.engine.started)) == ("Failed", 1)


# Stops.


def test_a_job_that_is_stopped_before_it_began_never_runs(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    key = create()
    stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert bench.engine.started == []


def test_a_stop_that_comes_while_it_is_staged_is_heeded(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    key = create()
    bench.files.on_read = lambda: stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert bench.engine.started == []
    assert bench.folders == []


def test_a_stopped_job_has_its_grace_and_keeps_its_model(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=0, last_words=["saved"]))
    key = create()
    bench.look(jobs, key)
    write(bench, key, "model/weights", "w")
    stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert bench.engine.stops == [("train-uid-j-1", STOP_GRACE)]
    assert bench.lines(LOG_GROUP) == ["saved"]
    assert story(bench, key) == ["Starting", "Downloading", "Training", "Stopping", "Uploading", "Stopped"]
    assert ("b", "out/j/output/model.tar.gz") in bench.files.held


def test_a_script_that_does_not_heed_is_killed_after_its_grace(
    bench: Bench, jobs: TrainingJobs, create: Create
) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=None))
    key = create()
    bench.look(jobs, key)
    stop(bench, key)
    bench.look(jobs, key)
    bench.engine.advance(STOP_GRACE - 1)
    bench.look(jobs, key)
    assert ended(bench, key)[0] == "Stopping"
    bench.engine.advance(1)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_stop_that_was_acknowledged_wins_over_the_end(
    bench: Bench, jobs: TrainingJobs, create: Create, exit_code: int
) -> None:
    bench.engine.plan("*", Plan(after=1, exit_code=exit_code))
    key = create()
    bench.look(jobs, key)
    bench.engine.advance(1)
    stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")


def test_a_stop_that_comes_during_the_upload_is_not_overwritten(
    bench: Bench, jobs: TrainingJobs, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.engine.plan("*", Plan(after=1))
    key = create()
    bench.look(jobs, key)
    bench.engine.advance(1)
    put = bench.files.put_file

    def stopped_meanwhile(*arguments: Any) -> object:
        stop(bench, key)
        return put(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(bench.files, "put_file", stopped_meanwhile)
        with pytest.raises(StaleRecord):
            bench.look(jobs, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")


def test_a_job_that_takes_too_long_is_stopped(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=0))
    key = create(StoppingCondition={"MaxRuntimeInSeconds": 60})
    bench.look(jobs, key)
    bench.engine.advance(59.8)
    assert bench.look(jobs, key) == pytest.approx(0.2)
    bench.engine.advance(0.2)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert story(bench, key)[-3:] == ["Stopping", "Uploading", "MaxRuntimeExceeded"]


# A server that dies on the way, and the one after it.


def test_a_job_whose_time_was_over_when_the_server_died_is_not_completed(
    bench: Bench, jobs: TrainingJobs, create: Create
) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=0))
    key = create(StoppingCondition={"MaxRuntimeInSeconds": 60})
    bench.look(jobs, key)
    bench.engine.advance(61)
    bench.engine.die_at = "stop"
    with pytest.raises(Killed):
        bench.look(jobs, key)
    bench.engine.end("train-uid-j-1", 0)
    bench.settle(TrainingJobs(bench.platform, bench.wake, bench.room(2)), key)
    assert story(bench, key)[-1] == "MaxRuntimeExceeded"


@pytest.mark.parametrize("step", ["start", "destroy"])
def test_a_start_that_was_cut_short_is_made_again_once(
    bench: Bench, jobs: TrainingJobs, create: Create, step: str
) -> None:
    bench.engine.plan("*", Plan(lines=["one"], after=1))
    key = create(ResourceConfig={"InstanceType": "ml.m5.24xlarge"})
    bench.engine.die_at = step
    with pytest.raises(Killed):
        bench.look(jobs, key)
    jobs = TrainingJobs(bench.platform, bench.wake, bench.room(2))
    bench.look(jobs, key)
    bench.engine.advance(1)
    bench.settle(jobs, key)
    assert len(bench.engine.started) == 1
    note, *said = bench.lines(LOG_GROUP)
    assert note.startswith("sagewright: ml.m5.24xlarge has 96 vCPUs"), "said once"
    assert said == ["one"]


@pytest.mark.parametrize("away", [5, 60])
def test_a_task_that_was_started_but_not_written_down_is_found_again(
    bench: Bench, jobs: TrainingJobs, create: Create, monkeypatch: pytest.MonkeyPatch, away: int
) -> None:
    """While it still runs, or when it has ended meanwhile."""
    bench.engine.plan("*", Plan(after=20))
    key = create()
    started = bench.clock.now()

    def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(bench.engine, "watch", dies)
        with pytest.raises(Killed):
            bench.look(jobs, key)
    bench.engine.advance(away)
    jobs = TrainingJobs(bench.platform, bench.wake, bench.room(2))
    bench.look(jobs, key)
    record = bench.store.get(key)
    assert record is not None
    assert record.status["TrainingStartTime"] == started
    bench.engine.advance(15)
    bench.settle(jobs, key)
    assert story(bench, key) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    record = bench.store.get(key)
    assert record is not None
    assert record.status["TrainingTimeInSeconds"] == 20
    assert len(bench.engine.started) == 1
    assert ended(bench, key) == ("Completed", "")


def test_an_end_that_was_cut_short_is_brought_to_its_end(
    bench: Bench, jobs: TrainingJobs, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.engine.plan("*", Plan(lines=["one"], after=1))
    key = create()
    bench.look(jobs, key)
    write(bench, key, "model/weights", "w")
    bench.engine.advance(1)

    def dies(*_: Any, **__: Any) -> None:
        raise Killed

    for room, name in ((training_output, "upload"), (jobs, "_finish")):
        with monkeypatch.context() as patch:
            patch.setattr(room, name, dies)
            with pytest.raises(Killed):
                bench.look(jobs, key)
    jobs = TrainingJobs(bench.platform, bench.wake, bench.room(2))
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")
    assert story(bench, key) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert bench.lines(LOG_GROUP) == ["one"]
    assert unpacked(bench.files.held["b", "out/j/output/model.tar.gz"]) == {"weights": b"w"}


def test_an_engine_that_cannot_start_it_now_is_asked_again(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    key = create()
    bench.engine.plan("*", Plan(start_error=Transient("no processes left")))
    with pytest.raises(Transient):
        bench.look(jobs, key)
    bench.engine.plan("*", Plan(after=1))
    bench.look(jobs, key)
    bench.engine.advance(1)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")


def test_tasks_are_owned_until_the_job_is_settled(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    record = bench.store.get(create())
    assert record is not None
    assert list(jobs.tasks(record)) == ["train-uid-j-1"]
    assert jobs.tasks(replace(record, state="Failed")) == ()


# Several hosts.

TWO = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}


def test_each_host_has_its_task_and_its_log(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*-1", Plan(lines=["one"], after=10))
    bench.engine.plan("*-2", Plan(lines=["two"], after=5))
    key = create(ResourceConfig=TWO)
    bench.look(jobs, key)
    first, second = bench.engine.started
    assert (first.hostname, second.hostname) == ("algo-1", "algo-2")
    assert first.hosts == second.hosts == {"algo-1": "127.0.0.1", "algo-2": "127.0.0.2"}
    assert second.folder is not None
    config = json.loads((second.folder / "input/config/resourceconfig.json").read_bytes())
    assert (config["current_host"], config["hosts"]) == ("algo-2", ["algo-1", "algo-2"])
    for host in (1, 2):
        write(bench, key, "model/mine", f"of {host}", host)
        write(bench, key, f"model/deep/only-{host}", "x", host)
    bench.engine.advance(5)
    bench.look(jobs, key)
    assert ended(bench, key)[0] == "InProgress", "the other one still runs"
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")
    place = bench.logs.at(ACCOUNT, REGION)
    created = int(first_seen(bench, key))
    assert place.names(LOG_GROUP) == [f"j/algo-1-{created}", f"j/algo-2-{created}"]
    assert unpacked(bench.files.held["b", "out/j/output/model.tar.gz"]) == {
        "mine": b"of 1",
        "deep/only-1": b"x",
        "deep/only-2": b"x",
    }
    assert bench.folders == []


def first_seen(bench: Bench, key: Key) -> float:
    record = bench.store.get(key)
    assert record is not None
    return record.created


def test_a_host_that_fails_ends_the_others(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*-1", Plan(after=None, on_stop=0))
    bench.engine.plan("*-2", Plan(exit_code=3, after=5))
    key = create(ResourceConfig=TWO)
    bench.look(jobs, key)
    write(bench, key, "output/failure", "no data", 2)
    bench.engine.advance(5)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Failed", "AlgorithmError: no data, exit code: 3 (on algo-2)")
    assert bench.engine.stops == [("train-uid-j-1", 10.0)]


def test_a_start_that_was_cut_short_between_hosts_goes_on(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=10))
    key = create(ResourceConfig=TWO)
    start = bench.engine.start

    def dies(task: Any) -> None:
        if task.id.endswith("-2"):
            raise Killed
        start(task)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.engine, "start", dies)
        with pytest.raises(Killed):
            bench.look(jobs, key)
    bench.settle(TrainingJobs(bench.platform, bench.wake, bench.room(2)), key)
    assert ended(bench, key) == ("Completed", "")
    assert [task.id for task in bench.engine.started] == ["train-uid-j-1", "train-uid-j-2"]


def test_a_stop_reaches_all_hosts_that_run(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=None, on_stop=0))
    key = create(ResourceConfig={"InstanceGroups": [
        {"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 1},
        {"InstanceGroupName": "b", "InstanceType": "ml.c5.large", "InstanceCount": 2},
    ]})  # fmt: skip
    bench.look(jobs, key)
    assert len(bench.engine.started) == 3
    stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Stopped", "")
    assert [task for task, _ in bench.engine.stops] == [f"train-uid-j-{number}" for number in (1, 2, 3)]


def test_jobs_that_span_hosts_take_turns(bench: Bench, create: Create, jobs: TrainingJobs) -> None:
    """Single ones go past them."""
    jobs = TrainingJobs(bench.platform, bench.wake, bench.room(4))
    bench.engine.plan("*", Plan(after=10))
    one, two = create("one", ResourceConfig=TWO), create("two", ResourceConfig=TWO)
    for key in (one, two):
        bench.look(jobs, key)
    bench.clock.advance(1)
    single = create("single")
    bench.look(jobs, single)
    assert [story(bench, key)[-1] for key in (one, two, single)] == ["Training", "Pending", "Training"]
    bench.engine.advance(10)
    bench.woken.clear()
    bench.look(jobs, one)
    assert two in bench.woken
    bench.look(jobs, two)
    assert story(bench, two)[-1] == "Training"


# What is kept in S3 meanwhile.


def test_checkpoints_go_both_ways(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=60, lines=["epoch"]))
    bench.files.held["b", "kept/epoch-1"] = b"1"
    bench.files.held["b", "kept-elsewhere/x"] = b"x"
    bench.clock.advance(time.time() - bench.clock.now())  # files have the machine's times
    key = create(CheckpointConfig={"S3Uri": "s3://b/kept"})
    bench.look(jobs, key)
    (task,) = bench.engine.started
    assert task.folder is not None
    assert [path.name for path in (task.folder / "checkpoints").iterdir()] == ["epoch-1"]
    assert json.loads((task.folder / "input/config/checkpointconfig.json").read_bytes()) == {
        "LocalPath": "/opt/ml/checkpoints",
        "S3Uri": "s3://b/kept",
    }
    bench.files.held["b", "kept/epoch-1"] = b"changed by somebody else"
    bench.engine.advance(5)
    write(bench, key, "checkpoints/deep/epoch-2", "2")
    os.utime(task.folder / "checkpoints/deep/epoch-2", (0, 0))  # a copying program may keep an old time
    (task.folder / "checkpoints/secret").symlink_to("/etc/passwd")
    bench.engine.advance(5)
    bench.look(jobs, key)
    assert kept(bench) == {"kept/epoch-1": b"changed by somebody else", "kept/deep/epoch-2": b"2"}
    write(bench, key, "checkpoints/last", "3")
    stop(bench, key)
    bench.settle(jobs, key)
    assert ended(bench, key)[0] == "Stopped"
    assert kept(bench)["kept/last"] == b"3"


def kept(bench: Bench) -> dict[str, bytes]:
    return {name: data for (_, name), data in bench.files.held.items() if name.startswith("kept/")}


def test_a_folder_elsewhere_is_shown_to_the_task_and_kept(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    bench.engine.plan("*", Plan(after=5))
    key = create(
        CheckpointConfig={"S3Uri": "s3://b/kept/", "LocalPath": "/kept"},
        TensorBoardOutputConfig={"S3OutputPath": "s3://b/boards"},
    )
    bench.look(jobs, key)
    (task,) = bench.engine.started
    (mount,) = task.mounts
    assert (mount.target, mount.writable) == ("/kept", True)
    bench.clock.advance(time.time() - bench.clock.now())
    (mount.source / "epoch-1").write_text("1")
    write(bench, key, "output/tensorboard/events", "e")
    bench.engine.advance(5)
    bench.settle(jobs, key)
    assert kept(bench) == {"kept/epoch-1": b"1"}
    assert bench.files.held["b", "boards/j/tensorboard-output/events"] == b"e"


def test_a_mirrored_folder_that_became_a_link_is_not_followed(
    bench: Bench, jobs: TrainingJobs, create: Create, tmp_path: Path
) -> None:
    (tmp_path / "private" / "data").mkdir(parents=True)
    (tmp_path / "private" / "data" / "secret").write_text("s")
    bench.engine.plan("*", Plan(after=5))
    key = create(CheckpointConfig={"S3Uri": "s3://b/kept"})
    bench.look(jobs, key)
    (task,) = bench.engine.started
    assert task.folder is not None
    for name in ("checkpoints", "output", "model"):
        shutil.rmtree(task.folder / name)
        (task.folder / name).symlink_to(tmp_path / "private")
    bench.engine.advance(5)
    bench.settle(jobs, key)
    assert ended(bench, key) == ("Completed", "")
    assert kept(bench) == {}
    assert [name for _, name in bench.files.held if name.startswith("out/")] == ["out/j/output/model.tar.gz"]
    assert unpacked(bench.files.held["b", "out/j/output/model.tar.gz"]) == {}


# Turns.


def test_jobs_wait_their_turn(bench: Bench, create: Create, jobs: TrainingJobs) -> None:
    bench.engine.plan("*", Plan(after=10))
    first, second, third = create("one"), create("two"), create("three")
    for key in (first, second, third):
        bench.look(jobs, key)
    assert [task.id for task in bench.engine.started] == ["train-uid-one-1", "train-uid-two-1"]
    assert story(bench, third) == ["Starting", "Pending"]
    bench.clock.advance(1)
    fourth = create("four")
    bench.look(jobs, fourth)
    stop(bench, first)
    bench.woken.clear()
    bench.look(jobs, first)
    bench.look(jobs, first)
    assert third in bench.woken, "the oldest is told that there is a place"
    bench.look(jobs, fourth)
    assert story(bench, fourth) == ["Starting", "Pending"], "somebody older waits"
    bench.look(jobs, third)
    assert story(bench, third) == ["Starting", "Pending", "Downloading", "Training"]
    stop(bench, fourth)
    bench.look(jobs, fourth)
    assert ended(bench, fourth) == ("Stopped", "")


def test_a_job_that_was_stopped_before_it_ran_leaves_its_place(
    bench: Bench, create: Create, jobs: TrainingJobs
) -> None:
    one, two = create("one"), create("two")
    for key in (one, two):
        bench.files.on_read = lambda key=key: stop(bench, key)  # type: ignore[misc]
        assert bench.look(jobs, key) == 0.0
        bench.look(jobs, key)
        record = bench.store.get(key)
        assert record is not None
        bench.store.delete(record)  # before the loop looks at its end
    bench.files.on_read = lambda: None
    three = create("three")
    bench.look(jobs, three)
    assert story(bench, three)[-1] == "Training"


def test_running_jobs_keep_their_places_over_a_restart(bench: Bench, create: Create, jobs: TrainingJobs) -> None:
    bench.engine.plan("*", Plan(after=10))
    keys = [create("one"), create("two"), create("three")]
    bench.look(jobs, keys[0])
    bench.engine.die_at = "start"
    with pytest.raises(Killed):
        bench.look(jobs, keys[1])
    jobs = TrainingJobs(bench.platform, bench.wake, bench.room(2))
    bench.look(jobs, keys[0])
    bench.look(jobs, keys[2])
    bench.look(jobs, keys[1])
    assert story(bench, keys[1]) == ["Starting", "Downloading", "Training"], "it had a place before"


def test_a_job_that_waits_says_what_for_and_costs_nothing_until_it_is_woken(
    bench: Bench, create: Create, jobs: TrainingJobs
) -> None:
    bench.engine.plan("*", Plan(after=10))
    keys = [create(name) for name in ("one", "two", "three", "four")]
    for key in keys:
        bench.look(jobs, key)
    waiting = bench.store.get(keys[3])
    assert waiting is not None
    assert story(bench, keys[3]) == ["Starting", "Pending"]
    told = waiting.status["SecondaryStatusTransitions"][-1]["StatusMessage"]
    assert told.startswith("Waiting for 2 vCPUs and 8 GiB of memory: 2 jobs run, ")
    assert bench.look(jobs, keys[3]) is None, "nobody looks until it is woken"
    newest = bench.store.get(keys[3])
    assert newest is not None
    assert newest.version <= waiting.version + 1, "and then it says nothing new but that it is next"


def test_a_job_may_wait_for_so_long(bench: Bench, create: Create, jobs: TrainingJobs) -> None:
    bench.engine.plan("*", Plan(after=None))
    for key in (create("one"), create("two")):
        bench.look(jobs, key)
    key = create("three", StoppingCondition={"MaxRuntimeInSeconds": 600, "MaxPendingTimeInSeconds": 1800})
    assert bench.look(jobs, key) == pytest.approx(1800)
    bench.engine.advance(1801)
    assert bench.look(jobs, key) is None
    assert ended(bench, key) == ("Stopped", "")
    record = bench.store.get(key)
    assert record is not None
    assert "MaxPendingTimeInSeconds" in record.status["SecondaryStatusTransitions"][-1]["StatusMessage"]
    assert record.status.get("BillableTimeInSeconds", 0) == 0


# Metrics.


def test_metrics_are_found_in_the_log(bench: Bench, jobs: TrainingJobs, create: Create) -> None:
    definitions = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
    algorithm = {"TrainingImage": IMAGE, "MetricDefinitions": definitions}
    bench.engine.plan("*", Plan(lines=["loss=0.5", "loss=0.25", "loss=no"], after=1))
    key = create(AlgorithmSpecification=algorithm)
    bench.look(jobs, key)
    bench.engine.advance(1)
    bench.settle(jobs, key)
    record = bench.store.get(key)
    assert record is not None
    (final,) = record.status["FinalMetricDataList"]
    assert (final["MetricName"], final["Value"]) == ("loss", 0.25)


def test_every_secondary_status_has_words() -> None:
    assert all(message.strip() for message in training_story.MESSAGES.values())


def test_nothing_is_kept_of_jobs_that_have_ended(bench: Bench, create: Create) -> None:
    room = bench.room(2)
    jobs = TrainingJobs(bench.platform, bench.wake, room)
    bench.files.held["b", "code.tar.gz"] = packed({"train.py": b"print()"})
    bench.files.held["b", "data/a/one.csv"] = b"1,2"
    bench.engine.plan("*", Plan(lines=["line"], after=3))
    bench.engine.plan("train-uid-bad*", Plan(exit_code=1, after=3))
    kept = {"CheckpointConfig": {"S3Uri": "s3://b/checkpoints"}}
    keys = [create(f"{'bad' if number % 4 == 0 else 'job'}-{number}", **kept) for number in range(40)]
    for key in keys[-5:]:
        stop(bench, key)
    for key in keys:
        bench.settle(jobs, key)
        bench.look(jobs, key)
    assert {ended(bench, key)[0] for key in keys} == {"Completed", "Failed", "Stopped"}
    assert not jobs._watch._watched
    assert not jobs._carrier._seen
    assert not jobs._carrier._looked
    assert not room._keys
    assert not room._admission.inside
    assert not room._admission.waiting
    assert bench.folders == []
