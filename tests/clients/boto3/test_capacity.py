"""Room for jobs: what waits says so, users take turns, quotas are kept to, strict capacity is as strict as it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from ..conftest import free_port
from .identities import user

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
LARGE = "ml.m5.large"
QUOTA = f"{LARGE} for training job usage"


class Own:
    """A server of a test's own, where nobody else's jobs are in the way."""

    def __init__(self, server: Any) -> None:
        self.server = server
        settings = server.environment()
        self.url = f"http://127.0.0.1:{server.port}"
        self.owner = boto3.Session(
            settings["AWS_ACCESS_KEY_ID"],
            settings["AWS_SECRET_ACCESS_KEY"],
            settings.get("AWS_SESSION_TOKEN"),
            region_name="us-east-1",
        )
        account = self.client("sts").get_caller_identity()["Account"]
        self.role = f"arn:aws:iam::{account}:role/service-role/SagewrightExecutionRole"
        self.client("s3").create_bucket(Bucket="box")

    def client(self, service: str, session: boto3.Session | None = None) -> Any:
        return (session or self.owner).client(service, endpoint_url=self.url, region_name="us-east-1")

    def request(self, name: str, code: str = "pass", type: str = LARGE, count: int = 1) -> dict[str, Any]:  # noqa: A002
        return {
            "TrainingJobName": name,
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python", "-c", code],
            },
            "RoleArn": self.role,
            "OutputDataConfig": {"S3OutputPath": "s3://box/models"},
            "ResourceConfig": {"InstanceType": type, "InstanceCount": count, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }


def _started(server: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: str) -> Iterator[Own]:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    made = type(server)(folder / "data", free_port(), folder / "log")
    made.start()
    try:
        yield Own(made)
    finally:
        made.stop()


@pytest.fixture
def own(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Own]:
    yield from _started(server, tmp_path, monkeypatch, SAGEWRIGHT_OVERCOMMIT="1")


@pytest.fixture
def strict(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Own]:
    yield from _started(server, tmp_path, monkeypatch, SAGEWRIGHT_CAPACITY="strict")


def _is(own: Own, name: str, secondary: str) -> Callable[[], Any]:
    sagemaker = own.client("sagemaker")

    def look() -> Any:
        told = sagemaker.describe_training_job(TrainingJobName=name)
        assert told["TrainingJobStatus"] != "Failed", told["FailureReason"]
        return told if told["SecondaryStatus"] == secondary else None

    return look


def _refused(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == "ResourceLimitExceeded"
    return str(caught.value.response["Error"]["Message"])


def test_jobs_wait_say_so_and_users_take_turns(own: Own, eventually: Callable[..., Any]) -> None:
    sagemaker = own.client("sagemaker")
    iam = own.client("iam")
    other = own.client("sagemaker", user(iam, "other", "sagemaker:*", "iam:PassRole"))
    # Of every node all that it has: nothing runs beside it.
    sagemaker.create_training_job(**own.request("blocker", "import time; time.sleep(600)", "ml.m5.24xlarge"))
    eventually(_is(own, "blocker", "Training"))
    for number in range(3):
        sagemaker.create_training_job(**own.request(f"mine-{number}", type="ml.m5.24xlarge"))
    other.create_training_job(**own.request("others", type="ml.m5.24xlarge"))
    told = eventually(_is(own, "others", "Pending"))
    message = told["SecondaryStatusTransitions"][-1]["StatusMessage"]
    assert message.startswith("Waiting for ")
    assert "1 job runs" in message
    other.create_training_job(**own.request("given-up", type="ml.m5.24xlarge"))
    eventually(_is(own, "given-up", "Pending"))
    other.stop_training_job(TrainingJobName="given-up")
    eventually(_is(own, "given-up", "Stopped"))
    sagemaker.stop_training_job(TrainingJobName="blocker")
    ends = {}
    for name in ("mine-0", "mine-1", "mine-2", "others"):
        ends[name] = eventually(_is(own, name, "Completed"))["TrainingEndTime"]
    assert sorted(ends, key=lambda name: ends[name])[0] in ("others", "mine-0")
    assert ends["others"] < ends["mine-1"], "one turn each"


def test_what_waits_keeps_its_turn_when_the_server_is_killed(own: Own, eventually: Callable[..., Any]) -> None:
    sagemaker = own.client("sagemaker")
    sagemaker.create_training_job(**own.request("runs", "import time; time.sleep(600)", "ml.m5.24xlarge"))
    eventually(_is(own, "runs", "Training"))
    for number in range(3):
        sagemaker.create_training_job(**own.request(f"job-{number}", type="ml.m5.24xlarge"))
    eventually(_is(own, "job-2", "Pending"))
    own.server.kill()
    own.server.start()
    assert all(_is(own, f"job-{number}", "Pending")() for number in range(3))
    sagemaker.stop_training_job(TrainingJobName="runs")
    ends = [eventually(_is(own, f"job-{number}", "Completed"))["TrainingEndTime"] for number in range(3)]
    assert ends == sorted(ends)


def test_quotas_of_the_account_and_of_a_user(own: Own, eventually: Callable[..., Any]) -> None:
    sagemaker, quotas, iam = own.client("sagemaker"), own.client("service-quotas"), own.client("iam")
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    known = {each["QuotaName"]: each for page in pages for each in page["Quotas"]}
    assert known[QUOTA]["Value"] >= 1_000_000
    code = known[QUOTA]["QuotaCode"]
    assert own.server.command("quota", "set", QUOTA, "2").startswith(QUOTA)
    assert quotas.get_service_quota(ServiceCode="sagemaker", QuotaCode=code)["Quota"]["Value"] == 2

    sagemaker.create_training_job(**own.request("one", "import time; time.sleep(600)"))
    message = _refused(lambda: sagemaker.create_training_job(**own.request("two", count=2)))
    assert message.startswith(
        f"The account-level service limit '{QUOTA}' is 2 Instances, with current utilization of 1 Instances and a "
        "request delta of 2 Instances. Please use AWS Service Quotas to request an increase for this quota."
    )
    with pytest.raises(ClientError):
        sagemaker.describe_training_job(TrainingJobName="two")

    # What has ended counts no more.
    sagemaker.stop_training_job(TrainingJobName="one")
    eventually(_is(own, "one", "Stopped"))
    sagemaker.create_training_job(**own.request("three", count=2))
    eventually(_is(own, "three", "Completed"))

    # A user's own, which the account's is not.
    session = user(iam, "ann", "sagemaker:*", "iam:PassRole", "servicequotas:*")
    ann, her_quotas = own.client("sagemaker", session), own.client("service-quotas", session)
    own.server.command("quota", "set", QUOTA, "0", "--user", "ann")
    assert ":user/ann" in _refused(lambda: ann.create_training_job(**own.request("hers")))
    arn = iam.get_user(UserName="ann")["User"]["Arn"]
    asked = {"ServiceCode": "sagemaker", "QuotaCode": code, "DesiredValue": 1.0, "ContextId": arn}
    made = her_quotas.request_service_quota_increase(**asked)["RequestedQuota"]
    assert made["Status"] == "PENDING"
    with pytest.raises(ClientError) as caught:
        her_quotas.request_service_quota_increase(**asked)
    assert caught.value.response["Error"]["Code"] == "ResourceAlreadyExistsException"
    listed = own.server.command("quota", "list")
    assert "asked for, waits" in listed
    own.server.command("quota", "set", QUOTA, "1", "--user", "ann")
    told = her_quotas.get_requested_service_quota_change(RequestId=made["Id"])["RequestedQuota"]
    assert told["Status"] == "APPROVED"
    ann.create_training_job(**own.request("hers"))
    own.server.command("quota", "unset", QUOTA, "--user", "ann")
    own.server.command("quota", "unset", QUOTA)
    assert QUOTA not in own.server.command("quota", "list")


def test_strict_capacity(strict: Own, eventually: Callable[..., Any]) -> None:
    sagemaker = strict.client("sagemaker")
    message = _refused(lambda: sagemaker.create_training_job(**strict.request("huge", type="ml.p4d.24xlarge")))
    assert "'ml.p4d.24xlarge for training job usage' is 0 Instances" in message
    sagemaker.create_training_job(**strict.request("gang", type="ml.t3.medium", count=200))

    def failed() -> Any:
        told = sagemaker.describe_training_job(TrainingJobName="gang")
        return told if told["TrainingJobStatus"] == "Failed" else None

    assert eventually(failed)["FailureReason"].startswith("CapacityError: ")
    sagemaker.create_training_job(**strict.request("small", type="ml.t3.medium"))
    eventually(_is(strict, "small", "Completed"))
