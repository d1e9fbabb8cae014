"""Training jobs through boto3 alone: no SDK in between."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import WaiterError

from .identities import allowing, trusting
from .refusals import refusal

SCRIPTS = Path(__file__).parents[1] / "scripts"
Request = Callable[..., dict[str, Any]]
Eventually = Callable[..., Any]
PATIENCE = {"Delay": 1, "MaxAttempts": 300}


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def logs() -> Any:
    return boto3.client("logs")


def test_a_job_completes_and_says_how_it_went(trained: dict[str, Any]) -> None:
    assert trained["TrainingJobStatus"] == trained["SecondaryStatus"] == "Completed"
    assert trained["TrainingStartTime"] <= trained["TrainingEndTime"]
    assert trained["BillableTimeInSeconds"] >= 0
    steps = [step["Status"] for step in trained["SecondaryStatusTransitions"]]
    assert steps[0] == "Starting"
    assert {"Downloading", "Training", "Uploading", "Completed"} <= set(steps)
    assert all(step["StatusMessage"] for step in trained["SecondaryStatusTransitions"])


def test_what_was_asked_for_is_told_as_it_was_asked(sagemaker: Any, trained: dict[str, Any]) -> None:
    assert trained["HyperParameters"]["n-estimators"] == "50"
    assert trained["HyperParameters"]["sagemaker_program"] == '"train.py"'
    assert trained["OutputDataConfig"]["KmsKeyId"] == ""  # SDK v2's attach reads it
    assert trained["ResourceConfig"]["InstanceType"] == "ml.m5.large"


def test_the_model_is_where_the_job_says(trained: dict[str, Any]) -> None:
    uri = trained["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://client-tests/jobs/{trained['TrainingJobName']}/output/model.tar.gz"
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert "model.joblib" in [name.removeprefix("./") for name in archive.getnames()]


def test_the_metric_is_read_off_the_log(trained: dict[str, Any]) -> None:
    (metric,) = trained["FinalMetricDataList"]
    assert metric["MetricName"] == "validation:rmse"
    assert 1 < metric["Value"] < 10


def test_the_log_holds_the_scripts_lines(logs: Any, trained: dict[str, Any]) -> None:
    group, name = "/aws/sagemaker/TrainingJobs", trained["TrainingJobName"]
    found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")
    (stream,) = [stream["logStreamName"] for stream in found["logStreams"]]
    assert stream.startswith(f"{name}/algo-1-")
    first = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
    messages = [event["message"] for event in first["events"]]
    assert any(message.startswith("validation:rmse=") for message in messages)
    again = logs.get_log_events(
        logGroupName=group, logStreamName=stream, startFromHead=True, nextToken=first["nextForwardToken"]
    )
    assert (again["events"], again["nextForwardToken"]) == ([], first["nextForwardToken"])


def test_the_log_can_be_filtered(logs: Any, trained: dict[str, Any]) -> None:
    found = logs.filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs",
        logStreamNamePrefix=f"{trained['TrainingJobName']}/",
        filterPattern='"validation:rmse"',
    )
    assert len(found["events"]) == 1


def test_a_running_job_can_be_read_and_stopped(
    sagemaker: Any, logs: Any, job_request: Request, eventually: Eventually
) -> None:
    request = job_request(SCRIPTS / "linger.py", seconds=300)
    name = request["TrainingJobName"]
    sagemaker.create_training_job(**request)
    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    eventually(lambda: "the script has begun" in messages_of(logs, name))
    sagemaker.stop_training_job(TrainingJobName=name)
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName=name, WaiterConfig=PATIENCE)
    told = sagemaker.describe_training_job(TrainingJobName=name)
    assert told["TrainingJobStatus"] == told["SecondaryStatus"] == "Stopped"
    assert told["ModelArtifacts"]["S3ModelArtifacts"].endswith("/model.tar.gz")
    assert "the script has ended" not in messages_of(logs, name)


def test_a_job_whose_time_is_over_keeps_what_it_has(sagemaker: Any, s3: Any, job_request: Request) -> None:
    request = job_request(SCRIPTS / "linger.py", seconds=300)
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 10}  # it has begun by then, however busy the machine is
    name = request["TrainingJobName"]
    sagemaker.create_training_job(**request)
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName=name, WaiterConfig=PATIENCE)
    told = sagemaker.describe_training_job(TrainingJobName=name)
    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    bucket, key = told["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.getnames() == ["partial.txt"]


def messages_of(logs: Any, job: str) -> list[str]:
    """The lines a job has printed so far."""
    try:
        found = logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{job}/")
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in found["events"]]


def test_a_failed_script_is_told_by_its_last_lines(sagemaker: Any, job_request: Request) -> None:
    request = job_request(SCRIPTS / "fail.py")
    name = request["TrainingJobName"]
    sagemaker.create_training_job(**request)
    with pytest.raises(WaiterError):
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=PATIENCE)
    told = sagemaker.describe_training_job(TrainingJobName=name)
    assert told["TrainingJobStatus"] == "Failed"
    assert told["FailureReason"].startswith("AlgorithmError")
    assert "the learning rate went through the roof" in told["FailureReason"]


def test_a_job_reads_and_writes_what_its_role_may(sagemaker: Any, job_request: Request, unique: Any) -> None:
    iam, role = boto3.client("iam"), unique("limited")
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trusting(Service="sagemaker.amazonaws.com"))["Role"][
        "Arn"
    ]

    def failure() -> str:
        request = {**job_request(SCRIPTS / "fail.py"), "RoleArn": arn}
        name = request["TrainingJobName"]
        sagemaker.create_training_job(**request)
        with pytest.raises(WaiterError):
            sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=PATIENCE)
        return str(sagemaker.describe_training_job(TrainingJobName=name)["FailureReason"])

    refused = failure()
    assert refused.startswith("ClientError: Data download failed for s3://")
    assert f"User: arn:aws:sts::123456789012:assumed-role/{role}/SageMaker is not authorized to perform: s3:" in refused
    assert "because no identity-based policy allows the s3:" in refused
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=allowing("s3:GetObject", "s3:ListBucket"))
    assert failure().startswith("AlgorithmError")
    iam.delete_role_policy(RoleName=role, PolicyName="p")
    iam.delete_role(RoleName=role)


def test_jobs_are_listed_by_name_and_status(sagemaker: Any, trained: dict[str, Any]) -> None:
    name = trained["TrainingJobName"]
    found = sagemaker.list_training_jobs(NameContains=name, StatusEquals="Completed", SortBy="CreationTime")
    assert name in [summary["TrainingJobName"] for summary in found["TrainingJobSummaries"]]
    assert sagemaker.list_training_jobs(NameContains="nothing-like-it")["TrainingJobSummaries"] == []
    assert sagemaker.list_training_jobs(CreationTimeBefore=0)["TrainingJobSummaries"] == []


def test_a_long_list_comes_in_pages(sagemaker: Any, trained: dict[str, Any]) -> None:
    pages = sagemaker.get_paginator("list_training_jobs").paginate(PaginationConfig={"PageSize": 1})
    names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    assert trained["TrainingJobName"] in names
    assert len(names) == len(set(names))


def test_tags_come_and_go(sagemaker: Any, trained: dict[str, Any]) -> None:
    arn = trained["TrainingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "red"}, {"Key": "stage", "Value": "test"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "test"}]


def test_a_job_that_is_not_there(sagemaker: Any) -> None:
    for call in (sagemaker.describe_training_job, sagemaker.stop_training_job):
        code, message = refusal(call, TrainingJobName="nobody")
        assert (code, message) == ("ValidationException", "Requested resource not found.")


def test_a_name_is_used_once(sagemaker: Any, job_request: Request, trained: dict[str, Any]) -> None:
    request = {**job_request(), "TrainingJobName": trained["TrainingJobName"]}
    code, message = refusal(sagemaker.create_training_job, **request)
    assert code == "ResourceInUse"
    assert "already exists" in message


def test_a_finished_job_cannot_be_stopped(sagemaker: Any, trained: dict[str, Any]) -> None:
    code, message = refusal(sagemaker.stop_training_job, TrainingJobName=trained["TrainingJobName"])
    assert code == "ValidationException"
    assert "Completed" in message


def test_a_name_that_breaks_its_pattern(sagemaker: Any, job_request: Request) -> None:
    code, message = refusal(sagemaker.create_training_job, **{**job_request(), "TrainingJobName": "under_score"})
    assert code == "ValidationException"
    assert "failed to satisfy constraint: Member must satisfy regular expression pattern" in message


def test_an_image_that_nothing_answers_to(sagemaker: Any, job_request: Request) -> None:
    request = job_request()
    request["AlgorithmSpecification"]["TrainingImage"] = "example.com/no/such-image:1"
    sagemaker.create_training_job(**request)
    name = request["TrainingJobName"]
    with pytest.raises(WaiterError):
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=PATIENCE)
    assert "no/such-image:1" in sagemaker.describe_training_job(TrainingJobName=name)["FailureReason"]
