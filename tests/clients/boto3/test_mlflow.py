"""MLflow and partners' applications through boto3, as far as no MLflow runs: `tests/clients/mlflow` has the rest."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from .refusals import refused


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


def test_a_store_that_is_not_there_fails_the_creation(
    sagemaker: Any, role: str, eventually: Callable[..., Any]
) -> None:
    name = {"TrackingServerName": "lost"}
    sagemaker.create_mlflow_tracking_server(**name, ArtifactStoreUri="s3://no-such-bucket-at-all/a", RoleArn=role)
    eventually(lambda: sagemaker.describe_mlflow_tracking_server(**name)["TrackingServerStatus"] == "CreateFailed")
    events = boto3.client("logs").filter_log_events(logGroupName="/aws/sagemaker/MlflowTrackingServers/lost")["events"]
    assert "cannot list the artifact store s3://no-such-bucket-at-all/a" in events[-1]["message"]
    sagemaker.delete_mlflow_tracking_server(**name)
    eventually(lambda: sagemaker.list_mlflow_tracking_servers()["TrackingServerSummaries"] == [])
    assert refused(sagemaker.describe_mlflow_tracking_server, **name) == ("ResourceNotFound", 400)


def test_applications_of_partners_are_refused_at_once(sagemaker: Any, role: str) -> None:
    with pytest.raises(ClientError, match="run applications of partners yet"):
        sagemaker.create_partner_app(Name="a", Type="comet", ExecutionRoleArn=role, Tier="small", AuthType="IAM")
    assert sagemaker.list_mlflow_apps()["Summaries"] == sagemaker.list_partner_apps()["Summaries"] == []
