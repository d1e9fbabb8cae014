"""MLflow and partners' applications through boto3: refused at once, and listed as none."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from .refusals import refused


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


def test_servers_are_refused_at_once(sagemaker: Any, role: str) -> None:
    with pytest.raises(ClientError, match="run MLflow tracking servers yet"):
        sagemaker.create_mlflow_tracking_server(TrackingServerName="a", ArtifactStoreUri="s3://b/a", RoleArn=role)
    assert refused(sagemaker.describe_mlflow_tracking_server, TrackingServerName="a") == ("ResourceNotFound", 400)
    assert sagemaker.list_mlflow_tracking_servers()["TrackingServerSummaries"] == []


def test_apps_are_refused_at_once(sagemaker: Any, role: str) -> None:
    with pytest.raises(ClientError, match="run MLflow apps yet"):
        sagemaker.create_mlflow_app(Name="a", ArtifactStoreUri="s3://b/a", RoleArn=role)
    with pytest.raises(ClientError, match="run applications of partners yet"):
        sagemaker.create_partner_app(Name="a", Type="comet", ExecutionRoleArn=role, Tier="small", AuthType="IAM")
    assert sagemaker.list_mlflow_apps()["Summaries"] == sagemaker.list_partner_apps()["Summaries"] == []
