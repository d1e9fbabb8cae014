"""Training jobs as their tests have them: the reconciler, jobs that are written down, and what is read of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from sagewright.controllers.training_job import TrainingJobs
from sagewright.resources.record import Key, Record
from sagewright.resources.training_job import KIND

from ..conftest import ACCOUNT, IMAGE, REGION, Bench, packed

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
