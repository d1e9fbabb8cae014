"""Resources of all services by their tags."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from .refusals import refused


@pytest.fixture
def tagged(unique: Callable[[str], str], container: dict[str, Any], role: str) -> dict[str, str]:
    """ARNs of things of four services, which have one tag in common, by service."""
    team = unique("team")
    pair = [{"Key": "team", "Value": team}]
    model = boto3.client("sagemaker").create_model(
        ModelName=team, PrimaryContainer=container, ExecutionRoleArn=role, Tags=pair
    )
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=team)
    s3.put_bucket_tagging(Bucket=team, Tagging={"TagSet": pair})
    key = boto3.client("kms").create_key(Tags=[{"TagKey": "team", "TagValue": team}])["KeyMetadata"]["Arn"]
    repository = boto3.client("codecommit").create_repository(repositoryName=team, tags={"team": team})
    return {
        "team": team,
        "sagemaker": model["ModelArn"],
        "s3": f"arn:aws:s3:::{team}",
        "kms": key,
        "codecommit": repository["repositoryMetadata"]["Arn"],
    }


def test_resources_are_found_by_tag_type_and_page(tagged: dict[str, str]) -> None:
    tagging, team = boto3.client("resourcegroupstaggingapi"), tagged.pop("team")
    filters = [{"Key": "team", "Values": [team]}]

    def found(**more: Any) -> list[str]:
        pages = tagging.get_paginator("get_resources").paginate(TagFilters=filters, **more)
        return [each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]]

    assert found() == sorted(tagged.values())
    assert found(ResourcesPerPage=1) == sorted(tagged.values())
    assert found(ResourceTypeFilters=["sagemaker:model", "s3"]) == sorted([tagged["sagemaker"], tagged["s3"]])
    assert "team" in tagging.get_tag_keys()["TagKeys"]
    assert team in tagging.get_tag_values(Key="team")["TagValues"]
    assert refused(tagging.tag_resources, ResourceARNList=[tagged["kms"]], Tags={"a": "1"}) == (
        "ValidationException",
        400,
    )
