"""Hubs through boto3: a private hub with a notebook in two versions."""

import json
from collections.abc import Callable

import boto3
import pytest
from botocore.exceptions import ClientError

from .refusals import refused


def test_a_hub_and_its_contents(unique: Callable[[str], str]) -> None:
    sagemaker = boto3.client("sagemaker")
    hub = {"HubName": unique("models")}
    arn = sagemaker.create_hub(**hub, HubDescription="ours")["HubArn"]
    content = {**hub, "HubContentType": "Notebook", "HubContentName": "intro"}
    for number in ("1.0.0", "1.1.0"):
        document = json.dumps({"NotebookLocation": f"s3://b/{number}.ipynb"})
        sagemaker.import_hub_content(
            **content, HubContentVersion=number, DocumentSchemaVersion="1.0.0", HubContentDocument=document
        )
    newest = sagemaker.describe_hub_content(**(content | {"HubName": arn}))
    assert json.loads(newest["HubContentDocument"]) == {"NotebookLocation": "s3://b/1.1.0.ipynb"}
    (listed,) = sagemaker.list_hub_contents(**hub, HubContentType="Notebook")["HubContentSummaries"]
    assert listed["HubContentVersion"] == "1.1.0"
    assert len(sagemaker.list_hub_content_versions(**content)["HubContentSummaries"]) == 2

    assert refused(sagemaker.delete_hub, **hub) == ("ResourceInUse", 400)
    for number in ("1.0.0", "1.1.0"):
        sagemaker.delete_hub_content(**content, HubContentVersion=number)
    sagemaker.delete_hub(**hub)
    assert refused(sagemaker.describe_hub, **hub) == ("ResourceNotFound", 400)


def test_references_wait_for_the_public_hub(unique: Callable[[str], str]) -> None:
    sagemaker = boto3.client("sagemaker")
    hub = {"HubName": unique("models")}
    sagemaker.create_hub(**hub, HubDescription="ours")
    public = "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/some-model"
    with pytest.raises(ClientError, match="public hub"):
        sagemaker.create_hub_content_reference(**hub, SageMakerPublicHubContentArn=public)
