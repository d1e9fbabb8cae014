"""Users, their keys and groups: made with boto3, and then signing with boto3."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from .identities import Unique, allowing, session, user
from .refusals import refused

UNKNOWN = ("InvalidClientTokenId", 403)


@pytest.fixture
def iam() -> Any:
    return boto3.client("iam")


def test_a_user_signs_with_its_key(iam: Any, unique: Unique) -> None:
    name = unique("user")
    own = user(iam, name)
    told = own.client("sts").get_caller_identity()
    assert told["Arn"] == f"arn:aws:iam::123456789012:user/{name}"
    assert told["UserId"] == iam.get_user(UserName=name)["User"]["UserId"]
    assert refused(own.client("s3").list_buckets) == ("AccessDenied", 403)


def test_a_key_counts_as_long_as_it_is_active(iam: Any, unique: Unique) -> None:
    name = unique("user")
    own = user(iam, name)
    key = iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["AccessKeyId"]
    sts = own.client("sts")
    sts.get_caller_identity()
    used = iam.get_access_key_last_used(AccessKeyId=key)
    assert (used["UserName"], used["AccessKeyLastUsed"]["ServiceName"]) == (name, "sts")
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")
    assert refused(sts.get_caller_identity) == UNKNOWN
    assert refused(own.client("s3").list_buckets) == ("InvalidAccessKeyId", 403)
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Active")
    sts.get_caller_identity()
    iam.delete_access_key(UserName=name, AccessKeyId=key)
    assert refused(sts.get_caller_identity) == UNKNOWN


def test_a_group_gives_what_it_has(iam: Any, unique: Unique) -> None:
    name, group = unique("user"), unique("group")
    own = user(iam, name).client("s3")
    iam.create_group(GroupName=group)
    iam.attach_group_policy(GroupName=group, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    assert refused(own.list_buckets) == ("AccessDenied", 403)
    iam.add_user_to_group(GroupName=group, UserName=name)
    assert own.list_buckets()["Buckets"] is not None
    iam.remove_user_from_group(GroupName=group, UserName=name)
    assert refused(own.list_buckets) == ("AccessDenied", 403)


def test_a_boundary_bounds_a_user(iam: Any, unique: Unique) -> None:
    name = unique("user")
    own = user(iam, name, "s3:*", "iam:*")
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    own.client("s3").list_buckets()
    assert refused(own.client("iam").list_users) == ("AccessDenied", 403)
    iam.delete_user_permissions_boundary(UserName=name)
    assert own.client("iam").list_users()["Users"]


def test_what_terraform_does_to_delete_a_user(iam: Any, unique: Unique) -> None:
    name = unique("user")
    user(iam, name, "s3:*")
    iam.create_login_profile(UserName=name, Password="Correct-horse-9")
    assert refused(iam.delete_user, UserName=name) == ("DeleteConflict", 409)
    for key in iam.get_paginator("list_access_keys").paginate(UserName=name).search("AccessKeyMetadata[]"):
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    assert iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"] == []
    assert iam.list_mfa_devices(UserName=name)["MFADevices"] == []
    assert iam.list_signing_certificates(UserName=name)["Certificates"] == []
    assert iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"] == []
    iam.delete_login_profile(UserName=name)
    iam.delete_user_policy(UserName=name, PolicyName="own")
    iam.delete_user(UserName=name)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_user(UserName=name)


def test_everything_at_once_and_the_report(iam: Any, unique: Unique) -> None:
    name = unique("user")
    user(iam, name, "s3:*")
    pages = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 2})
    details = [each for page in pages for each in page["UserDetailList"] if each["UserName"] == name]
    assert details[0]["UserPolicyList"][0]["PolicyDocument"]["Statement"][0]["Action"] == ["s3:*"]
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    assert name in iam.get_credential_report()["Content"].decode()
    assert iam.get_account_summary()["SummaryMap"]["Users"] >= 1


def test_what_is_not_built_says_so(iam: Any) -> None:
    assert refused(iam.create_virtual_mfa_device, VirtualMFADeviceName="m") == ("ValidationException", 400)


# A server of one's own.


def keys(server: Any, command: str) -> dict[str, str]:
    """The root key as `sagewright keys` prints it."""
    pairs = dict(line.split(" = ") for line in server.command("keys", command).splitlines())
    return {"AccessKeyId": pairs["aws_access_key_id"], "SecretAccessKey": pairs["aws_secret_access_key"]}


def test_identities_outlive_a_killed_server(own_server: Any, unique: Unique) -> None:
    url = f"http://127.0.0.1:{own_server.port}"
    root = session(keys(own_server, "show")).client("iam", endpoint_url=url)
    name = unique("user")
    signing = user(root, name)
    token = signing.client("sts", endpoint_url=url).get_session_token()["Credentials"]
    root.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=allowing("iam:GetUser"))
    own_server.kill()
    own_server.start()
    assert signing.client("iam", endpoint_url=url).get_user()["User"]["UserName"] == name
    told = session(token).client("sts", endpoint_url=url).get_caller_identity()
    assert told["Arn"].endswith(f"user/{name}")
    assert root.get_user_policy(UserName=name, PolicyName="own")["PolicyName"] == "own"


def test_the_root_key_is_replaced_while_the_server_runs(own_server: Any) -> None:
    url = f"http://127.0.0.1:{own_server.port}"
    old = session(keys(own_server, "show")).client("sts", endpoint_url=url)
    assert old.get_caller_identity()["Arn"].endswith(":root")
    new = session(keys(own_server, "rotate")).client("sts", endpoint_url=url)
    assert refused(old.get_caller_identity) == UNKNOWN
    assert new.get_caller_identity()["Arn"].endswith(":root")
    assert own_server.environment()["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    listed = own_server.command("keys", "list")
    assert " root " in listed
    assert "SecretAccessKey" not in own_server.log.read_text()
