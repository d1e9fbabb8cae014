"""Jobs of several hosts, and what is kept in S3 while a job runs."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
Request = Callable[..., dict[str, Any]]
PATIENCE = {"Delay": 1, "MaxAttempts": 120}


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


def run(sagemaker: Any, request: dict[str, Any]) -> dict[str, Any]:
    """The job as it is told of once it has ended well."""
    name = request["TrainingJobName"]
    sagemaker.create_training_job(**request)
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=PATIENCE)
    return dict(sagemaker.describe_training_job(TrainingJobName=name))


def model(s3: Any, told: dict[str, Any]) -> dict[str, bytes]:
    bucket, key = told["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}


def test_hosts_find_each_other(sagemaker: Any, s3: Any, job_request: Request) -> None:
    request = job_request(SCRIPTS / "exchange.py")
    request["ResourceConfig"]["InstanceCount"] = 3
    told = run(sagemaker, request)
    found = {name: json.loads(data) for name, data in model(s3, told).items()}
    names = ["algo-1", "algo-2", "algo-3"]
    assert {name: report["hosts"] for name, report in found.items()} == {f"{name}.json": names for name in names}
    logs = boto3.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{told['TrainingJobName']}/"
    )["logStreams"]
    assert [stream["logStreamName"].split("/")[1][:6] for stream in logs] == names


def test_groups_of_instances(sagemaker: Any, s3: Any, job_request: Request) -> None:
    request = job_request(SCRIPTS / "exchange.py")
    groups = [
        {"InstanceGroupName": "data", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
        {"InstanceGroupName": "train", "InstanceType": "ml.m5.large", "InstanceCount": 1},
    ]
    request["ResourceConfig"] = {"VolumeSizeInGB": 1, "InstanceGroups": groups}
    told = run(sagemaker, request)
    assert told["ResourceConfig"]["InstanceGroups"] == groups
    found = {name: json.loads(data)["group"] for name, data in model(s3, told).items()}
    assert found == {"algo-1.json": "data", "algo-2.json": "train"}


def test_a_second_try_finds_the_checkpoints_of_the_first(
    sagemaker: Any, s3: Any, bucket: str, job_request: Request, unique: Callable[[str], str]
) -> None:
    prefix = unique("checkpoints")
    for expected in ("epoch 1", "epoch 2"):
        request = job_request(SCRIPTS / "epochs.py")
        request["CheckpointConfig"] = {"S3Uri": f"s3://{bucket}/{prefix}"}
        told = run(sagemaker, request)
        assert told["CheckpointConfig"] == request["CheckpointConfig"]
        assert s3.get_object(Bucket=bucket, Key=f"{prefix}/state/last")["Body"].read().decode() == expected


def test_checkpoints_are_kept_while_the_job_runs(
    sagemaker: Any, s3: Any, bucket: str, job_request: Request, unique: Callable[[str], str], eventually: Any
) -> None:
    prefix, request = unique("checkpoints"), job_request(SCRIPTS / "epochs.py", linger=120)
    request["CheckpointConfig"] = {"S3Uri": f"s3://{bucket}/{prefix}/", "LocalPath": "/checkpoints"}
    sagemaker.create_training_job(**request)
    eventually(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents"))
    sagemaker.stop_training_job(TrainingJobName=request["TrainingJobName"])
