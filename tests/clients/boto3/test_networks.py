"""What jobs reach: everything, the platform alone, or nothing; and how they find out who they are."""

import io
import json
import socket
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
Request = Callable[..., dict[str, Any]]
PATIENCE = {"Delay": 1, "MaxAttempts": 180}
VPC = {"SecurityGroupIds": ["sg-0123456789abcdef0"], "Subnets": ["subnet-0123456789abcdef0"]}


@pytest.fixture
def elsewhere() -> Iterator[int]:
    """A port on this machine that is not the platform's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def reports(request: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the hosts of a job found, by their names."""
    sagemaker, name = boto3.client("sagemaker"), request["TrainingJobName"]
    sagemaker.create_training_job(**request)
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=PATIENCE)
    told = sagemaker.describe_training_job(TrainingJobName=name)
    bucket, key = told["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
    body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
    return {name.removesuffix(".json"): json.loads(data) for name, data in files.items()}


def test_a_job_in_a_vpc_reaches_the_platform_and_its_own_hosts(job_request: Request, role: str, elsewhere: int) -> None:
    request = job_request(SCRIPTS / "look_around.py", port=elsewhere)
    request["VpcConfig"] = VPC
    request["ResourceConfig"]["InstanceCount"] = 2
    found = reports(request)
    name, session = role.rpartition("/")[2], f"{role.rpartition('/')[2]}/{request['TrainingJobName'][:64]}"
    for report in found.values():
        assert (report["platform"], report["elsewhere"]) == (True, False)
        assert report["meets"] == ["algo-1", "algo-2"]
        assert all(arn.endswith(f":assumed-role/{session}") for arn in report["botocore"].values())
        assert report["curl"] == {"role": name, "code": "Success", "region": "us-east-1", "without": "401"}
    assert set(found) == {"algo-1", "algo-2"}


def test_an_isolated_job_reaches_its_own_hosts_alone(job_request: Request, elsewhere: int) -> None:
    request = job_request(SCRIPTS / "look_around.py", port=elsewhere)
    request["EnableNetworkIsolation"] = True
    request["ResourceConfig"]["InstanceCount"] = 2
    expected = {"platform": False, "elsewhere": False, "meets": ["algo-1", "algo-2"]}
    assert reports(request) == {"algo-1": expected, "algo-2": expected}


def test_any_other_job_finds_its_role_by_the_metadata_of_its_own(
    job_request: Request, role: str, elsewhere: int
) -> None:
    request = job_request(SCRIPTS / "look_around.py", port=elsewhere)
    (report,) = reports(request).values()
    assert (report["platform"], report["elsewhere"]) == (True, True)
    assert report["botocore"]["own"].endswith(f"/{role.rpartition('/')[2]}/{request['TrainingJobName'][:64]}")
