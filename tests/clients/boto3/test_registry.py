"""The model registry and pipelines, as boto3 has them."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

CONTAINER = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/house:1", "ModelDataUrl": "s3://b/model.tar.gz"}


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture
def group(sagemaker: Any, unique: Callable[[str], str]) -> str:
    name = unique("houses")
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    return name


def register(sagemaker: Any, group: str, **members: Any) -> str:
    specification = {"Containers": [CONTAINER], "SupportedContentTypes": ["text/csv"]}
    made = sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=specification, **members)
    return str(made["ModelPackageArn"])


def test_versions_are_registered_approved_and_listed(sagemaker: Any, group: str) -> None:
    first, second = register(sagemaker, group), register(sagemaker, group)
    assert (first.rpartition("/")[2], second.rpartition("/")[2]) == ("1", "2")
    sagemaker.update_model_package(ModelPackageArn=second, ModelApprovalStatus="Approved")
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved"
    )
    assert [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]] == [second]
    both = sagemaker.batch_describe_model_package(ModelPackageArnList=[first, second])
    assert set(both["ModelPackageSummaries"]) == {first, second}


def test_a_model_is_made_of_an_approved_version(
    sagemaker: Any, group: str, role: str, unique: Callable[[str], str]
) -> None:
    arn, name = register(sagemaker, group), unique("from-package")
    request = {"ModelName": name, "ExecutionRoleArn": role, "PrimaryContainer": {"ModelPackageName": arn}}
    with pytest.raises(ClientError, match="not approved"):
        sagemaker.create_model(**request)
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    sagemaker.create_model(**request)
    assert sagemaker.describe_model(ModelName=name)["PrimaryContainer"] == {"ModelPackageName": arn}


def test_a_card_has_versions(sagemaker: Any, unique: Callable[[str], str]) -> None:
    name = unique("card")
    sagemaker.create_model_card(ModelCardName=name, Content="{}", ModelCardStatus="Draft")
    sagemaker.update_model_card(ModelCardName=name, Content='{"additional_information": {}}')
    versions = sagemaker.list_model_card_versions(ModelCardName=name)["ModelCardVersionSummaryList"]
    assert [each["ModelCardVersion"] for each in versions] == [2, 1]
    with pytest.raises(ClientError, match="does not export model cards"):
        sagemaker.create_model_card_export_job(
            ModelCardName=name, ModelCardExportJobName="pdf", OutputConfig={"S3OutputPath": "s3://b/cards"}
        )


def test_a_pipeline_is_made_again_as_the_sdk_does(sagemaker: Any, role: str, unique: Callable[[str], str]) -> None:
    name = unique("pipeline")
    definition = {"Version": "2020-12-01", "Steps": [{"Name": "End", "Type": "Fail", "Arguments": {}}]}
    request = {"PipelineName": name, "RoleArn": role, "PipelineDefinition": json.dumps(definition)}
    made = sagemaker.create_pipeline(**request)
    with pytest.raises(ClientError, match="Pipeline names must be unique within"):
        sagemaker.create_pipeline(**request)
    updated = sagemaker.update_pipeline(
        PipelineName=name, PipelineDefinition=json.dumps({**definition, "Metadata": {}})
    )
    assert updated["PipelineVersionId"] == 2
    sagemaker.add_tags(ResourceArn=made["PipelineArn"], Tags=[{"Key": "team", "Value": "blue"}])
    with pytest.raises(ClientError, match="does not run pipelines"):
        sagemaker.start_pipeline_execution(PipelineName=name)
    sagemaker.delete_pipeline(PipelineName=name)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_pipeline(PipelineName=name)
