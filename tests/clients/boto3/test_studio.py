"""Studio through boto3: a team's domain, from its first script to its end; images are waited for."""

import base64
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from .refusals import refused

SCRIPT = base64.b64encode(b"#!/bin/sh\necho hello\n").decode()


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture
def domain(sagemaker: Any, role: str, unique: Callable[[str], str]) -> str:
    made = sagemaker.create_domain(
        DomainName=unique("team"), AuthMode="IAM", DefaultUserSettings={"ExecutionRole": role}
    )
    return str(made["DomainId"])


def test_a_domain_its_people_and_their_spaces(sagemaker: Any, domain: str, role: str) -> None:
    for name in ("ada", "grace"):
        sagemaker.create_user_profile(DomainId=domain, UserProfileName=name)
    sagemaker.create_space(
        DomainId=domain,
        SpaceName="own",
        OwnershipSettings={"OwnerUserProfileName": "ada"},
        SpaceSharingSettings={"SharingType": "Private"},
        SpaceSettings={"AppType": "JupyterLab"},
    )
    pages = sagemaker.get_paginator("list_user_profiles").paginate(
        DomainIdEquals=domain, PaginationConfig={"PageSize": 1}
    )
    assert {each["UserProfileName"] for page in pages for each in page["UserProfiles"]} == {"ada", "grace"}
    assert sagemaker.describe_domain(DomainId=domain)["DefaultUserSettings"]["ExecutionRole"] == role

    assert refused(sagemaker.delete_domain, DomainId=domain) == ("ResourceInUse", 400)
    assert refused(sagemaker.delete_user_profile, DomainId=domain, UserProfileName="ada") == ("ResourceInUse", 400)
    sagemaker.delete_space(DomainId=domain, SpaceName="own")
    for name in ("ada", "grace"):
        sagemaker.delete_user_profile(DomainId=domain, UserProfileName=name)
    sagemaker.delete_domain(DomainId=domain, RetentionPolicy={"HomeEfsFileSystem": "Delete"})
    assert refused(sagemaker.describe_domain, DomainId=domain) == ("ResourceNotFound", 400)


def test_apps_and_addresses_are_refused_at_once(sagemaker: Any, domain: str) -> None:
    user = {"DomainId": domain, "UserProfileName": "ada"}
    sagemaker.create_user_profile(**user)
    with pytest.raises(ClientError, match="run Studio apps yet"):
        sagemaker.create_app(**user, AppType="JupyterLab", AppName="default")
    with pytest.raises(ClientError, match="open Studio in a browser yet"):
        sagemaker.create_presigned_domain_url(**user)
    assert sagemaker.list_apps(DomainIdEquals=domain)["Apps"] == []


def test_images_and_their_versions_are_waited_for(sagemaker: Any, role: str, unique: Callable[[str], str]) -> None:
    image = {"ImageName": unique("lab")}
    sagemaker.create_image(**image, RoleArn=role)
    sagemaker.get_waiter("image_created").wait(**image)
    made = sagemaker.create_image_version(**image, BaseImage="lab:1", ClientToken="one", Aliases=["stable"])
    sagemaker.get_waiter("image_version_created").wait(**image)
    assert sagemaker.describe_image_version(**image, Alias="stable")["ImageVersionArn"] == made["ImageVersionArn"]
    sagemaker.update_image(**image, DisplayName="Lab")
    sagemaker.get_waiter("image_updated").wait(**image)
    sagemaker.delete_image(**image)
    assert refused(sagemaker.describe_image, **image) == ("ResourceNotFound", 400)


def test_scripts_and_app_image_configurations(sagemaker: Any, unique: Callable[[str], str]) -> None:
    name = unique("setup")
    sagemaker.create_studio_lifecycle_config(
        StudioLifecycleConfigName=name,
        StudioLifecycleConfigContent=SCRIPT,
        StudioLifecycleConfigAppType="JupyterLab",
    )
    sagemaker.create_app_image_config(
        AppImageConfigName=name, KernelGatewayImageConfig={"KernelSpecs": [{"Name": "python3"}]}
    )
    assert (
        sagemaker.describe_studio_lifecycle_config(StudioLifecycleConfigName=name)["StudioLifecycleConfigContent"]
        == SCRIPT
    )
    assert "JupyterLabAppImageConfig" not in sagemaker.describe_app_image_config(AppImageConfigName=name)
    sagemaker.delete_app_image_config(AppImageConfigName=name)
    sagemaker.delete_studio_lifecycle_config(StudioLifecycleConfigName=name)
