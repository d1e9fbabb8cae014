"""Managed Spot training: instances are reclaimed, and the job goes on where it was."""

import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from .refusals import refusal

SCRIPTS = Path(__file__).parents[1] / "scripts"
Request = Callable[..., dict[str, Any]]
Eventually = Callable[..., Any]
PATIENCE = {"Delay": 1, "MaxAttempts": 120}
GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture
def spot_request(job_request: Request, bucket: str, unique: Callable[[str], str]) -> Request:
    """A job on Spot instances with checkpoints."""

    def made(script: str, **hyperparameters: Any) -> dict[str, Any]:
        request = job_request(SCRIPTS / script, **hyperparameters)
        request["EnableManagedSpotTraining"] = True
        request["StoppingCondition"] = {"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600}
        request["CheckpointConfig"] = {"S3Uri": f"s3://{bucket}/{unique('checkpoints')}"}
        return request

    return made


def said(job: str) -> list[str]:
    """The lines a job has printed so far."""
    logs = boto3.client("logs")
    try:
        found = logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix=f"{job}/")
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in found["events"]]


def test_a_job_goes_on_after_three_interruptions_and_tells_its_savings(
    sagemaker: Any, s3: Any, server: Any, spot_request: Request, eventually: Eventually
) -> None:
    request = spot_request("resume.py", tries=4)
    name = request["TrainingJobName"]
    sagemaker.create_training_job(**request)
    for number in (1, 2, 3):
        eventually(lambda line=f"try {number} has made steps": line in said(name))
        told = server.command("chaos", "interrupt", name if number < 3 else "--all")
        assert told.strip() == f"{name}: the instances of try {number} are reclaimed in 120 s."
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=PATIENCE)
    told = sagemaker.describe_training_job(TrainingJobName=name)

    steps = [each["Status"] for each in told["SecondaryStatusTransitions"]]
    assert [step for step in steps if step != "DownloadingTrainingImage"] == [
        *["Starting", "Downloading", "Training", "Interrupted"] * 3,
        *["Starting", "Downloading", "Training", "Uploading", "Completed"],
    ]
    tries = state_of(s3, told)["tries"]
    assert [each["from"] for each in tries] == [0, *(each["to"] for each in tries[:-1])], "each goes on where it was"
    assert len(boto3.client("logs").describe_log_streams(
        logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]) == 4  # fmt: skip
    assert told["BillableTimeInSeconds"] < told["TrainingTimeInSeconds"]
    saving = 100 * (1 - told["BillableTimeInSeconds"] / told["TrainingTimeInSeconds"])
    assert 40 < saving < 90  # 70, but for whole seconds


def state_of(s3: Any, told: dict[str, Any]) -> Any:
    bucket, key = told["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return json.loads(archive.extractfile("state.json").read())


def test_a_server_that_is_killed_loses_no_interruption(
    sagemaker: Any, s3: Any, server: Any, spot_request: Request, eventually: Eventually
) -> None:
    """The server dies with an interruption on its way; the next one carries it out."""
    request = spot_request("resume.py", tries=2)
    name = request["TrainingJobName"]
    sagemaker.create_training_job(**request)
    eventually(lambda: "try 1 has made steps" in said(name))
    server.command("chaos", "interrupt", name)
    server.kill()
    server.start()
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=PATIENCE)
    told = sagemaker.describe_training_job(TrainingJobName=name)
    assert [each["Status"] for each in told["SecondaryStatusTransitions"]].count("Interrupted") == 1
    first, second = state_of(s3, told)["tries"]
    assert (first["from"], second["from"]) == (0, first["to"])


def test_what_does_not_run_on_spot_instances_is_not_reclaimed(
    sagemaker: Any, server: Any, job_request: Request, trained: dict[str, Any]
) -> None:
    for job, words in ((trained["TrainingJobName"], "does not run on Spot"), ("none", "no training job none")):
        with pytest.raises(subprocess.CalledProcessError) as failed:
            server.command("chaos", "interrupt", job)
        assert words in failed.value.stderr


def test_a_wait_that_is_shorter_than_the_run(sagemaker: Any, spot_request: Request) -> None:
    request = spot_request("resume.py", tries=1)
    request["StoppingCondition"]["MaxWaitTimeInSeconds"] = 299
    code, message = refusal(sagemaker.create_training_job, **request)
    assert code == "ValidationException"
    assert "MaxWaitTimeInSeconds" in message
