"""What SDK v3 does with MLflow apps by itself: it finds the one to use, and leads its user to an experiment."""

import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def app(role: str, bucket: str, eventually: Callable[..., Any]) -> Iterator[str]:
    """The ARN of an app that runs."""
    import boto3

    sagemaker = boto3.client("sagemaker")
    arn: str = sagemaker.create_mlflow_app(Name="v3", ArtifactStoreUri=f"s3://{bucket}/mlflow", RoleArn=role)["Arn"]
    eventually(lambda: sagemaker.describe_mlflow_app(Arn=arn)["Status"] == "Created")
    yield arn
    sagemaker.delete_mlflow_app(Arn=arn)
    eventually(lambda: not sagemaker.list_mlflow_apps()["Summaries"])


def test_trainers_find_the_app(app: str) -> None:
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.train.common_utils.finetune_utils import _resolve_mlflow_resource_arn

    assert _resolve_mlflow_resource_arn(Session(), min_mlflow_version="3.10") == app


def test_an_experiments_address_opens_in_a_browser(app: str) -> None:
    from sagemaker.train.common_utils.mlflow_url_utils import get_presigned_mlflow_url

    url = get_presigned_mlflow_url(app, experiment_name="Default")
    assert url is not None
    assert url.endswith("#/experiments/0?workspace=default")
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with browser.open(urllib.request.Request(url, headers={"accept": "text/html"}), timeout=120) as page:
        assert b"<title>MLflow</title>" in page.read()
