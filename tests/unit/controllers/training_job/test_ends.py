"""The ways a training job ends."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.compute.fake import Plan
from sagewright.controllers.training_job import TrainingJobs
from sagewright.resources.training_job import LOG_GROUP

from ..conftest import Bench, unpacked
from .conftest import Create, ended, story, write


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
