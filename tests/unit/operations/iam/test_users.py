"""Users, as boto3 and Terraform use them."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.testing.policies import allowing, refusal
from sagewright.testing.world import Client, World


def test_a_user_is_made_found_and_deleted(iam: Client) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    made = iam.create_user(UserName="ann", Path="/team/", Tags=tags)["User"]
    assert made["Arn"] == "arn:aws:iam::123456789012:user/team/ann"
    assert (made["UserId"][:4], len(made["UserId"]), made["Tags"]) == ("AIDA", 21, tags)
    assert iam.get_user(UserName="ann")["User"] == made
    again = refusal(iam.create_user, UserName="ann")
    assert again == ("EntityAlreadyExists", 409, "User with name ann already exists.")
    iam.delete_user(UserName="ann")
    gone = ("NoSuchEntity", 404, "The user with name ann cannot be found.")
    assert refusal(iam.get_user, UserName="ann") == gone
    assert refusal(iam.delete_user, UserName="ann") == gone


def test_names_that_differ_in_case_alone_are_one(iam: Client) -> None:
    iam.create_user(UserName="ann")
    assert refusal(iam.create_user, UserName="Ann")[0] == "EntityAlreadyExists"
    iam.update_user(UserName="ann", NewUserName="ANN")
    assert refusal(iam.get_user, UserName="ann")[0] == "NoSuchEntity"
    assert refusal(iam.create_user, UserName="ann")[0] == "EntityAlreadyExists"
    iam.delete_user(UserName="ANN")
    iam.create_user(UserName="Ann")


def test_users_are_listed_by_path_in_pages(iam: Client) -> None:
    for name in ("c", "a", "b"):
        iam.create_user(UserName=name, Path="/team/")
    iam.create_user(UserName="outside")
    first = iam.list_users(PathPrefix="/team/", MaxItems=2)
    rest = iam.list_users(PathPrefix="/team/", MaxItems=2, Marker=first["Marker"])
    assert [user["UserName"] for user in (*first["Users"], *rest["Users"])] == ["a", "b", "c"]
    assert not rest["IsTruncated"]


def test_a_new_name_takes_everything_along(iam: Client) -> None:
    made = iam.create_user(UserName="ann", Path="/team/")["User"]
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    iam.create_login_profile(UserName="ann", Password="Correct-horse-9")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="ann")
    iam.create_user(UserName="taken")
    assert refusal(iam.update_user, UserName="ann", NewUserName="Taken")[0] == "EntityAlreadyExists"
    iam.update_user(UserName="ann", NewUserName="eve", NewPath="/")
    user = iam.get_user(UserName="eve")["User"]
    assert (user["UserId"], user["Arn"]) == (made["UserId"], "arn:aws:iam::123456789012:user/eve")
    assert [each["AccessKeyId"] for each in iam.list_access_keys(UserName="eve")["AccessKeyMetadata"]] == [key]
    assert iam.get_login_profile(UserName="eve")["LoginProfile"]["UserName"] == "eve"
    assert [each["UserName"] for each in iam.get_group(GroupName="g")["Users"]] == ["eve"]
    iam.create_user(UserName="ann")
    assert iam.list_access_keys(UserName="ann")["AccessKeyMetadata"] == []


def test_a_user_that_has_something_is_not_deleted(iam: Client) -> None:
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="g")
    policy = iam.create_policy(PolicyName="p", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    steps: list[tuple[Any, Any, dict[str, str]]] = [
        (lambda: None, iam.delete_access_key, {"AccessKeyId": key}),
        (lambda: iam.create_login_profile(UserName="ann", Password="Correct-horse-9"), iam.delete_login_profile, {}),
        (lambda: iam.add_user_to_group(UserName="ann", GroupName="g"), iam.remove_user_from_group, {"GroupName": "g"}),
        (lambda: iam.attach_user_policy(UserName="ann", PolicyArn=policy), iam.detach_user_policy,
         {"PolicyArn": policy}),
        (lambda: iam.put_user_policy(UserName="ann", PolicyName="i", PolicyDocument=allowing("s3:*")),
         iam.delete_user_policy, {"PolicyName": "i"}),
    ]  # fmt: skip
    for give, take, members in steps:
        give()
        assert refusal(iam.delete_user, UserName="ann")[:2] == ("DeleteConflict", 409)
        take(UserName="ann", **members)
    iam.delete_user(UserName="ann")


def test_without_a_name_the_caller_is_meant(world: World, iam: Client) -> None:
    iam.create_user(UserName="ann", Path="/team/")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    _, ann = world.services.credentials.lookup(key["AccessKeyId"], None, now=world.clock.now())
    own = world.as_principal(ann).client("iam")
    assert own.get_user()["User"]["UserName"] == "ann"
    assert [each["AccessKeyId"] for each in own.list_access_keys()["AccessKeyMetadata"]] == [key["AccessKeyId"]]
    assert iam.get_user()["User"]["Arn"] == "arn:aws:iam::123456789012:root"
    role = world.services.credentials.issue(
        "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole", "me"
    ).principal
    assert refusal(world.as_principal(role).client("iam").get_user)[0] == "ValidationError"


def test_users_have_a_boundary(iam: Client) -> None:
    policy = iam.create_policy(PolicyName="p", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    made = iam.create_user(UserName="ann", PermissionsBoundary=policy)["User"]
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == policy
    assert refusal(iam.delete_policy, PolicyArn=policy)[0] == "DeleteConflict"
    assert iam.get_policy(PolicyArn=policy)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    iam.delete_user_permissions_boundary(UserName="ann")
    iam.delete_policy(PolicyArn=policy)
    with pytest.raises(AwsError, match="Scope ARN"):
        iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=policy)


def test_clients_are_told_that_there_are_no_certificates(iam: Client) -> None:
    iam.create_user(UserName="ann")
    assert iam.list_mfa_devices(UserName="ann")["MFADevices"] == []
    assert iam.list_signing_certificates(UserName="ann")["Certificates"] == []
    assert refusal(iam.list_ssh_public_keys, UserName="eve")[0] == "NoSuchEntity"
