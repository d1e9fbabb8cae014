"""Repositories and their settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sagewright.testing.world import Client, World

Code = Callable[..., str]
ARN = "arn:aws:ecr:us-east-1:123456789012:repository/app"


def test_a_repository_is_addressed_at_the_server(ecr: Client) -> None:
    found = ecr.describe_repositories(repositoryNames=["app"])["repositories"][0]
    assert found["repositoryUri"] == "127.0.0.1:4700/app"
    assert (found["repositoryArn"], found["registryId"]) == (ARN, "123456789012")
    assert found["imageTagMutability"] == "MUTABLE"


def test_a_name_is_taken_in_its_region_only(world: World, ecr: Client, code: Code) -> None:
    assert code(ecr.create_repository, repositoryName="app") == "RepositoryAlreadyExistsException"
    elsewhere = replace(world, region="eu-west-1").client("ecr")
    elsewhere.create_repository(repositoryName="app")
    elsewhere.delete_repository(repositoryName="app")
    assert len(ecr.describe_repositories()["repositories"]) == 1


def test_pages_hold_all_repositories_once(ecr: Client, code: Code) -> None:
    for name in ("b", "a/b", "c"):
        ecr.create_repository(repositoryName=name)
    first = ecr.describe_repositories(maxResults=3)
    second = ecr.describe_repositories(maxResults=3, nextToken=first["nextToken"])
    names = [each["repositoryName"] for each in (*first["repositories"], *second["repositories"])]
    assert names == ["a/b", "app", "b", "c"]
    assert "nextToken" not in second
    for token in ("?", "é", "/w=="):
        assert code(ecr.describe_repositories, nextToken=token) == "InvalidParameterException"


def test_what_is_not_there_is_refused_with_how_to_make_it(ecr: Client, code: Code) -> None:
    for ask in (ecr.delete_repository, ecr.list_images, ecr.initiate_layer_upload, ecr.get_repository_policy):
        assert code(ask, repositoryName="none") == "RepositoryNotFoundException"
    assert code(ecr.describe_repositories, repositoryNames=["none"]) == "RepositoryNotFoundException"


def test_there_is_no_other_account_s_registry(ecr: Client, code: Code) -> None:
    for ask in (ecr.delete_repository, ecr.list_images, ecr.create_repository):
        assert code(ask, repositoryName="app", registryId="999999999999") == "InvalidParameterException"
    assert code(ecr.get_authorization_token, registryIds=["999999999999"]) == "InvalidParameterException"


@pytest.mark.parametrize(
    "settings",
    [
        {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"},
        {"imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "a"}]},
        {
            "imageTagMutability": "MUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "a*b*c*"}],
        },
        {"encryptionConfiguration": {"encryptionType": "KMS"}},
        {"tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]},
        {"tags": [{"Key": str(number), "Value": ""} for number in range(51)]},
    ],
)
def test_settings_that_will_not_do_make_no_repository(ecr: Client, code: Code, settings: dict[str, Any]) -> None:
    assert code(ecr.create_repository, repositoryName="new", **settings).startswith(("Invalid", "TooMany"))
    assert len(ecr.describe_repositories()["repositories"]) == 1


def test_settings_are_put_and_shown(ecr: Client) -> None:
    filters = [{"filterType": "WILDCARD", "filter": "dev*"}]
    ecr.put_image_tag_mutability(
        repositoryName="app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    ecr.put_image_scanning_configuration(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
    found = ecr.describe_repositories(repositoryNames=["app"])["repositories"][0]
    assert found["imageTagMutabilityExclusionFilters"] == filters
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
    found = ecr.describe_repositories(repositoryNames=["app"])["repositories"][0]
    assert "imageTagMutabilityExclusionFilters" not in found


def test_tags_are_put_and_taken_away(ecr: Client, code: Code) -> None:
    ecr.tag_resource(resourceArn=ARN, tags=[{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "b"}])
    ecr.untag_resource(resourceArn=ARN, tagKeys=["cost"])
    assert ecr.list_tags_for_resource(resourceArn=ARN) == {"tags": [{"Key": "team", "Value": "a"}]}
    assert code(ecr.list_tags_for_resource, resourceArn=f"{ARN}x") == "RepositoryNotFoundException"
    assert code(ecr.list_tags_for_resource, resourceArn="arn:aws:s3:::app") == "InvalidParameterException"
    assert code(ecr.list_tags_for_resource, resourceArn="app") == "InvalidParameterException"


def test_settings_of_the_registry_are_kept(ecr: Client, code: Code) -> None:
    rules = [
        {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "ap*", "filterType": "WILDCARD"}]},
    ]
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=rules)
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"]["rules"] == rules
    asked = ecr.batch_get_repository_scanning_configuration(repositoryNames=["app", "none"])
    assert asked["scanningConfigurations"][0]["scanOnPush"] is True
    assert asked["failures"][0]["failureCode"] == "REPOSITORY_NOT_FOUND"
    assert code(ecr.put_registry_scanning_configuration, scanType="ENHANCED") == "ValidationException"
    ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == "DISABLED"
    assert code(ecr.put_account_setting, name="BLOB_MOUNTING", value="x") == "ValidationException"
    assert code(ecr.get_account_setting, name="x") == "ValidationException"
