"""Warm pools: what a job leaves for the next one that is alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from .refusals import refusal

SCRIPTS = Path(__file__).parents[1] / "scripts"
Request = Callable[..., dict[str, Any]]
PATIENCE = {"Delay": 0.3, "MaxAttempts": 400}


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture
def run(sagemaker: Any, job_request: Request) -> Callable[..., str]:
    """Runs a job that looks into the cache; its name once it has completed."""

    def ran(keep: int | None, **resources: Any) -> str:
        request = job_request(SCRIPTS / "remember.py")
        del request["InputDataConfig"]
        request["ResourceConfig"] |= resources
        if keep is not None:
            request["ResourceConfig"]["KeepAlivePeriodInSeconds"] = keep
        sagemaker.create_training_job(**request)
        name: str = request["TrainingJobName"]
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=PATIENCE)
        return name

    return ran


def pool(sagemaker: Any, name: str) -> dict[str, Any]:
    return dict(sagemaker.describe_training_job(TrainingJobName=name)["WarmPoolStatus"])


def found(name: str) -> str:
    """What a job found in its cache."""
    events = boto3.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/", filterPattern="found"
    )["events"]
    return str(events[0]["message"])


def test_the_next_that_is_alike_takes_what_is_kept(sagemaker: Any, run: Callable[..., str], eventually: Any) -> None:
    first = run(keep=600, VolumeSizeInGB=2)
    assert pool(sagemaker, first)["Status"] == "Available"
    available = sagemaker.list_training_jobs(WarmPoolStatusEquals="Available", MaxResults=100)["TrainingJobSummaries"]
    assert first in [each["TrainingJobName"] for each in available]
    assert "Available warm pool" in refusal(sagemaker.delete_training_job, TrainingJobName=first)[1]

    other = run(keep=None, VolumeSizeInGB=3)
    assert "WarmPoolStatus" not in sagemaker.describe_training_job(TrainingJobName=other)
    assert pool(sagemaker, first)["Status"] == "Available", "another size of its volume does not match"

    second = run(keep=600, VolumeSizeInGB=2)
    told = pool(sagemaker, first)
    assert (told["Status"], told["ReusedByJob"]) == ("Reused", second)
    assert told["ResourceRetainedBillableTimeInSeconds"] >= 0
    assert [found(job) for job in (first, other, second)] == ["found []", "found None", "found ['job-1']"]

    sagemaker.update_training_job(TrainingJobName=second, ResourceConfig={"KeepAlivePeriodInSeconds": 0})
    eventually(lambda: pool(sagemaker, second)["Status"] == "Terminated")
    assert found(run(keep=0, VolumeSizeInGB=2)) == "found []"
    sagemaker.delete_training_job(TrainingJobName=first)


def test_what_is_kept_is_kept_by_a_server_that_is_killed(
    sagemaker: Any, server: Any, run: Callable[..., str], eventually: Any
) -> None:
    first = run(keep=600, VolumeSizeInGB=4)
    server.kill()
    server.start()
    assert found(run(keep=None, VolumeSizeInGB=4)) == "found ['job-1']"
    assert pool(sagemaker, first)["Status"] == "Reused"


@pytest.mark.parametrize("change", ["spot", "groups"])
def test_what_cannot_be_kept(sagemaker: Any, job_request: Request, change: str) -> None:
    request = job_request()
    request["ResourceConfig"]["KeepAlivePeriodInSeconds"] = 60
    if change == "spot":
        request |= {"EnableManagedSpotTraining": True}
        request["StoppingCondition"] = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
    else:
        group = {"InstanceGroupName": "g", "InstanceType": "ml.m5.large", "InstanceCount": 1}
        request["ResourceConfig"] = {"VolumeSizeInGB": 1, "KeepAlivePeriodInSeconds": 60, "InstanceGroups": [group]}
    code, message = refusal(sagemaker.create_training_job, **request)
    assert code == "ValidationException"
    assert "KeepAlivePeriodInSeconds" in message
