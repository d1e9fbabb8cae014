"""What goes wrong for a user, and whether the answer says what to do about it."""

import datetime
import http.client
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import WaiterError

SCRIPTS = Path(__file__).parents[1] / "scripts"
Request = Callable[..., dict[str, Any]]
PATIENCE = {"Delay": 1, "MaxAttempts": 300}


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def junk(bucket: str) -> str:
    """The address of an object that claims to be an archive."""
    boto3.client("s3").put_object(Bucket=bucket, Key="junk/model.tar.gz", Body=b"this is no archive")
    return f"s3://{bucket}/junk/model.tar.gz"


def failure(sagemaker: Any, request: dict[str, Any]) -> str:
    """Why the job of this request failed."""
    name = request["TrainingJobName"]
    sagemaker.create_training_job(**request)
    with pytest.raises(WaiterError):
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=PATIENCE)
    told = sagemaker.describe_training_job(TrainingJobName=name)
    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("Failed", "Failed")
    return str(told["FailureReason"])


def endpoint_failure(sagemaker: Any, container: dict[str, Any], role: str, name: str) -> str:
    """Why an endpoint of this container failed."""
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    with pytest.raises(WaiterError):
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    reason = str(sagemaker.describe_endpoint(EndpointName=name)["FailureReason"])
    sagemaker.delete_endpoint(EndpointName=name)
    return reason


def test_a_channel_without_objects(sagemaker: Any, job_request: Request, bucket: str) -> None:
    request = job_request()
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{bucket}/nothing/here/"
    reason = failure(sagemaker, request)
    assert reason.startswith("ClientError: Data download failed: No S3 objects found under S3 URL")
    assert f"s3://{bucket}/nothing/here/" in reason


def test_a_bucket_that_is_not_there(sagemaker: Any, job_request: Request) -> None:
    request = job_request()
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://nobodys-bucket/data/"
    assert "nobodys-bucket" in failure(sagemaker, request)


def test_an_output_bucket_that_is_not_there(sagemaker: Any, job_request: Request) -> None:
    request = job_request(**{"n-estimators": 1})
    request["OutputDataConfig"]["S3OutputPath"] = "s3://nobodys-bucket/out"
    assert "nobodys-bucket" in failure(sagemaker, request)


def test_a_source_archive_that_is_none(sagemaker: Any, job_request: Request, junk: str) -> None:
    request = job_request()
    request["HyperParameters"]["sagemaker_submit_directory"] = json.dumps(junk)
    reason = failure(sagemaker, request)
    assert junk in reason
    assert "must be a tar archive" in reason


def test_a_source_archive_that_is_not_there(sagemaker: Any, job_request: Request, bucket: str) -> None:
    request = job_request()
    request["HyperParameters"]["sagemaker_submit_directory"] = json.dumps(f"s3://{bucket}/no/sourcedir.tar.gz")
    assert f"s3://{bucket}/no/sourcedir.tar.gz" in failure(sagemaker, request)


def test_a_script_that_wants_more_memory_than_its_instance_has(sagemaker: Any, job_request: Request) -> None:
    request = job_request(SCRIPTS / "hog.py")
    request["ResourceConfig"]["InstanceType"] = "ml.t3.medium"  # 4 GiB
    reason = failure(sagemaker, request)
    assert reason.startswith("AlgorithmError: ")
    assert "instance type with more memory" in reason or "MemoryError" in reason


def test_a_script_that_never_stops_talking(sagemaker: Any, job_request: Request) -> None:
    reason = failure(sagemaker, job_request(SCRIPTS / "misbehave.py", how="talk", much=256))
    assert reason.startswith("AlgorithmError: ")
    assert "that was all there is to say" in reason


def test_a_script_that_forks_and_forks(sagemaker: Any, job_request: Request) -> None:
    request = job_request(SCRIPTS / "misbehave.py", how="fork")
    request["StoppingCondition"]["MaxRuntimeInSeconds"] = 30
    name = request["TrainingJobName"]
    sagemaker.create_training_job(**request)
    with suppress(WaiterError):
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=PATIENCE)
    told = sagemaker.describe_training_job(TrainingJobName=name)
    assert told["TrainingJobStatus"] in ("Failed", "Stopped")
    if os.access("/sys/fs/cgroup/pids", os.W_OK):
        assert "children: Resource temporarily unavailable" in told["FailureReason"]


def test_a_script_that_outstays_its_time(sagemaker: Any, job_request: Request) -> None:
    request = job_request(SCRIPTS / "linger.py")
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 2}
    name = request["TrainingJobName"]
    sagemaker.create_training_job(**request)
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=PATIENCE)
    told = sagemaker.describe_training_job(TrainingJobName=name)
    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_a_model_archive_that_is_none(
    sagemaker: Any, container: dict[str, Any], role: str, junk: str, unique: Callable[[str], str]
) -> None:
    reason = endpoint_failure(sagemaker, {**container, "ModelDataUrl": junk}, role, unique("junk"))
    assert junk in reason
    assert "must be a tar archive" in reason


def test_a_serving_image_that_nothing_answers_to(
    sagemaker: Any, container: dict[str, Any], role: str, unique: Callable[[str], str]
) -> None:
    container = {**container, "Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-own:latest"}
    reason = endpoint_failure(sagemaker, container, role, unique("image"))
    assert "No runtime answers to image" in reason


def post(server: Any, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    """Status and body of a raw request: what no client library would send."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("POST", "/", body, headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def signed(server: Any, body: bytes) -> dict[str, str]:
    """Headers of a ListModels request with a right signature."""
    headers = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", f"http://127.0.0.1:{server.port}/", headers=headers, data=body)
    SigV4Auth(boto3.Session().get_credentials().get_frozen_credentials(), "sagemaker", "us-east-1").add_auth(request)
    return dict(request.headers)


def test_a_body_that_is_no_json(server: Any) -> None:
    status, told = post(server, b"{nonsense", signed(server, b"{nonsense"))
    assert (status, told["__type"]) == (400, "SerializationException")


def test_a_request_without_a_signature(server: Any) -> None:
    headers = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "application/x-amz-json-1.1"}
    status, told = post(server, b"{}", headers)
    assert (status, told["__type"]) == (403, "MissingAuthenticationTokenException")
    assert "sagewright env" in told["message"]


def test_a_request_that_was_changed_after_signing(server: Any) -> None:
    status, told = post(server, b'{"MaxResults": 1}', signed(server, b"{}"))
    assert (status, told["__type"]) == (403, "InvalidSignatureException")


def test_a_request_from_an_hour_ago(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: then.replace(tzinfo=None))
    status, told = post(server, b"{}", signed(server, b"{}"))
    assert (status, told["__type"]) == (403, "InvalidSignatureException")
    assert "expired" in told["message"]
