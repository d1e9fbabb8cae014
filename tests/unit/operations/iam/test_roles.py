"""Roles and policies, as boto3, the SDK and Terraform use them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest

from sagewright.base.ids import RandomIds
from sagewright.operations.iam.records import ROLE, key
from sagewright.operations.iam.roles import ensure_default_role
from sagewright.resources.record import Record
from sagewright.store.memory import MemoryStore
from sagewright.testing.clock import ManualClock
from sagewright.testing.policies import allowing, refusal, trusting
from sagewright.testing.world import Client

TRUST = trusting(Service="sagemaker.amazonaws.com")
FULL = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"


DEFAULT = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
S3 = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
FIRST_TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},'
    '"Action":"sts:AssumeRole"}]}'
)


@pytest.mark.parametrize(
    ("trust", "attached"),
    [
        (FIRST_TRUST, [FULL, S3]),
        (None, ["arn:aws:iam::aws:policy/AdministratorAccess", FULL, S3]),
        (None, [FULL, S3]),  # without what tracking servers need
    ],
)
def test_a_default_role_of_an_earlier_version_becomes_todays(trust: str | None, attached: list[str]) -> None:
    store = MemoryStore()

    def ensure() -> Record:
        ensure_default_role(store, account="123456789012", clock=ManualClock(), ids=RandomIds())
        found = store.get(key("123456789012", ROLE, "SagewrightExecutionRole"))
        assert found is not None
        return found

    today = ensure()
    assert today.spec["Attached"] == [FULL, S3]
    document = trust or today.spec["AssumeRolePolicyDocument"]
    assert DEFAULT in today.spec["AssumeRolePolicyDocument"]
    earlier = {**today.spec, "AssumeRolePolicyDocument": document, "Attached": attached, "Inline": {}}
    store.update(replace(today, spec=earlier))
    upgraded = ensure()
    assert (upgraded.spec, upgraded.status) == (today.spec, today.status)
    assert ensure().version == upgraded.version, "it was written again"
    # What somebody changed is somebody's.
    for changed in ({"Inline": {"p": "{}"}}, {"Description": "ours"}, {"Attached": attached[:1]}):
        kept = store.update(replace(ensure(), spec={**earlier, **changed}))
        assert ensure() == kept
    kept = store.update(replace(ensure(), spec=earlier, tags={"ours": ""}))
    assert ensure() == kept


@pytest.fixture
def role(iam: Client) -> dict[str, Any]:
    made: dict[str, Any] = iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=TRUST, Path="/team/")["Role"]
    return made


def test_a_role_is_made_found_and_deleted(iam: Client, role: dict[str, Any]) -> None:
    assert role["Arn"] == "arn:aws:iam::123456789012:role/team/trainer"
    assert (role["RoleId"][:4], len(role["RoleId"])) == ("AROA", 21)
    assert unquote(role["AssumeRolePolicyDocument"]) == TRUST
    assert iam.get_role(RoleName="trainer")["Role"] == {**role, "RoleLastUsed": {}}
    again = refusal(iam.create_role, RoleName="trainer", AssumeRolePolicyDocument=TRUST)
    assert again == ("EntityAlreadyExists", 409, "Role with name trainer already exists.")
    iam.delete_role(RoleName="trainer")
    gone = ("NoSuchEntity", 404, "The role with name trainer cannot be found.")
    assert refusal(iam.get_role, RoleName="trainer") == gone
    assert refusal(iam.update_role, RoleName="trainer") == gone
    assert refusal(iam.attach_role_policy, RoleName="trainer", PolicyArn=FULL) == gone


def test_the_default_role_is_there(iam: Client) -> None:
    role = iam.get_role(RoleName="SagewrightExecutionRole")["Role"]
    assert role["Arn"] == "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
    attached = iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    names = [policy["PolicyName"] for policy in attached]
    assert names == ["AmazonS3FullAccess", "AmazonSageMakerFullAccess"]


def test_a_role_is_changed(iam: Client, role: dict[str, Any]) -> None:
    iam.update_role(RoleName="trainer", Description="d", MaxSessionDuration=7200)
    changed = iam.get_role(RoleName="trainer")["Role"]
    assert (changed["Description"], changed["MaxSessionDuration"]) == ("d", 7200)
    assert iam.update_role_description(RoleName="trainer", Description="e")["Role"]["Description"] == "e"
    other = TRUST.replace("sagemaker", "ec2")
    iam.update_assume_role_policy(RoleName="trainer", PolicyDocument=other)
    assert unquote(iam.get_role(RoleName="trainer")["Role"]["AssumeRolePolicyDocument"]) == other
    malformed = refusal(iam.update_assume_role_policy, RoleName="trainer", PolicyDocument="{")
    assert malformed[0] == "MalformedPolicyDocument"


def test_a_role_in_use_is_not_deleted(iam: Client, role: dict[str, Any]) -> None:
    iam.attach_role_policy(RoleName="trainer", PolicyArn=FULL)
    iam.attach_role_policy(RoleName="trainer", PolicyArn=FULL)
    iam.put_role_policy(RoleName="trainer", PolicyName="own", PolicyDocument=allowing("s3:*"))
    assert refusal(iam.delete_role, RoleName="trainer")[:2] == ("DeleteConflict", 409)
    iam.detach_role_policy(RoleName="trainer", PolicyArn=FULL)
    assert refusal(iam.detach_role_policy, RoleName="trainer", PolicyArn=FULL)[0] == "NoSuchEntity"
    assert refusal(iam.delete_role, RoleName="trainer")[2] == "Cannot delete entity, must delete policies first."
    iam.delete_role_policy(RoleName="trainer", PolicyName="own")
    iam.delete_role(RoleName="trainer")


def test_inline_policies(iam: Client, role: dict[str, Any]) -> None:
    iam.put_role_policy(RoleName="trainer", PolicyName="own", PolicyDocument=allowing("s3:*"))
    assert iam.list_role_policies(RoleName="trainer") == {"PolicyNames": ["own"], "IsTruncated": False}
    found = iam.get_role_policy(RoleName="trainer", PolicyName="own")
    assert unquote(found["PolicyDocument"]) == allowing("s3:*")
    for question in (iam.get_role_policy, iam.delete_role_policy):
        assert refusal(question, RoleName="trainer", PolicyName="x")[2] == (
            "The role policy with name x cannot be found."
        )


def test_tags(iam: Client, role: dict[str, Any]) -> None:
    iam.tag_role(RoleName="trainer", Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}])
    expected = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    assert iam.list_role_tags(RoleName="trainer")["Tags"] == expected
    iam.untag_role(RoleName="trainer", TagKeys=["A"])
    assert iam.get_role(RoleName="trainer")["Role"]["Tags"] == expected[1:]
    twice = [{"Key": "x", "Value": "1"}, {"Key": "X", "Value": "2"}]
    assert refusal(iam.tag_role, RoleName="trainer", Tags=twice)[0] == "InvalidInput"
    many = [{"Key": str(number), "Value": ""} for number in range(50)]
    assert refusal(iam.tag_role, RoleName="trainer", Tags=many)[0] == "LimitExceeded"


def test_roles_are_listed_in_pages(iam: Client) -> None:
    for number in range(5):
        iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=TRUST, Path="/team/")
    names: list[str] = []
    marker: dict[str, Any] = {}
    while True:
        page = iam.list_roles(PathPrefix="/team/", MaxItems=2, **marker)
        names += [role["RoleName"] for role in page["Roles"]]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert names == ["r0", "r1", "r2", "r3", "r4"]
    assert refusal(iam.list_roles, Marker="nonsense")[0] == "InvalidInput"


def test_a_policy_has_versions(iam: Client, role: dict[str, Any]) -> None:
    arn = iam.create_policy(PolicyName="own", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    for number in range(2, 6):
        document = allowing(f"s3:Get{number}*")
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=number == 3)
    assert refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=document)[0] == "LimitExceeded"
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v3"
    assert refusal(iam.delete_policy_version, PolicyArn=arn, VersionId="v3")[0] == "DeleteConflict"
    assert refusal(iam.get_policy_version, PolicyArn=arn, VersionId="v9")[0] == "NoSuchEntity"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    for number in range(2, 6):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document)["PolicyVersion"]
    assert version["VersionId"] == "v6"
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in versions] == [("v6", False), ("v1", True)]
    assert refusal(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"


def test_a_policy_in_use_is_not_deleted(iam: Client, role: dict[str, Any]) -> None:
    arn = iam.create_policy(PolicyName="own", PolicyDocument=allowing("s3:*"), Path="/p/")["Policy"]["Arn"]
    assert arn == "arn:aws:iam::123456789012:policy/p/own"
    assert refusal(iam.create_policy, PolicyName="own", PolicyDocument=allowing("s3:*"))[0] == "EntityAlreadyExists"
    iam.attach_role_policy(RoleName="trainer", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    users = iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]
    assert users == [{"RoleName": "trainer", "RoleId": role["RoleId"]}]
    assert refusal(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    attached = iam.list_policies(OnlyAttached=True, Scope="Local")["Policies"]
    assert [policy["Arn"] for policy in attached] == [arn]
    iam.detach_role_policy(RoleName="trainer", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    assert refusal(iam.get_policy, PolicyArn=arn)[0] == "NoSuchEntity"


def test_aws_own_policies_are_there_and_stay(iam: Client) -> None:
    policy = iam.get_policy(PolicyArn=FULL)["Policy"]
    version = iam.get_policy_version(PolicyArn=FULL, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    assert json.loads(unquote(version["Document"]))["Version"] == "2012-10-17"
    assert refusal(iam.delete_policy, PolicyArn=FULL)[0] == "AccessDenied"
    names = {policy["PolicyName"] for policy in iam.list_policies(Scope="AWS", MaxItems=1000)["Policies"]}
    assert {"AmazonSageMakerFullAccess", "AmazonS3FullAccess", "AdministratorAccess"} <= names


def test_what_a_role_may_do_is_simulated(iam: Client, role: dict[str, Any]) -> None:
    iam.attach_role_policy(RoleName="trainer", PolicyArn=FULL)
    denied = allowing("sagemaker:DeleteEndpoint", effect="Deny")
    iam.put_role_policy(RoleName="trainer", PolicyName="own", PolicyDocument=denied)
    arn = role["Arn"]

    def decisions(**members: Any) -> list[str]:
        results = iam.simulate_principal_policy(PolicySourceArn=arn, **members)["EvaluationResults"]
        return [result["EvalDecision"] for result in results]

    asked = ["sagemaker:CreateEndpoint", "sagemaker:DeleteEndpoint", "iam:CreateRole"]
    assert decisions(ActionNames=asked) == ["allowed", "explicitDeny", "implicitDeny"]
    buckets = ["arn:aws:s3:::my-sagemaker-bucket/x", "arn:aws:s3:::other/x"]
    assert decisions(ActionNames=["s3:PutObject"], ResourceArns=buckets) == ["allowed", "implicitDeny"]
    passed = {"ContextKeyName": "iam:PassedToService", "ContextKeyValues": ["sagemaker.amazonaws.com"]}
    assert decisions(ActionNames=["iam:PassRole"], ResourceArns=[arn], ContextEntries=[passed]) == ["allowed"]
    assert decisions(ActionNames=["iam:PassRole"], ResourceArns=[arn]) == ["implicitDeny"]
    assert refusal(iam.simulate_principal_policy, PolicySourceArn=arn + "x", ActionNames=asked)[0] == "NoSuchEntity"


def test_a_boundary_bounds(iam: Client, role: dict[str, Any]) -> None:
    boundary = iam.create_policy(PolicyName="b", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="trainer", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.put_role_permissions_boundary(RoleName="trainer", PermissionsBoundary=boundary)
    shown = iam.get_role(RoleName="trainer")["Role"]["PermissionsBoundary"]
    assert shown["PermissionsBoundaryArn"] == boundary
    asked = {"PolicySourceArn": role["Arn"], "ActionNames": ["s3:GetObject", "iam:CreateRole"]}
    results = iam.simulate_principal_policy(**asked)["EvaluationResults"]
    assert [result["EvalDecision"] for result in results] == ["allowed", "implicitDeny"]
    iam.delete_role_permissions_boundary(RoleName="trainer")
    results = iam.simulate_principal_policy(**asked)["EvaluationResults"]
    assert [result["EvalDecision"] for result in results] == ["allowed", "allowed"]
    assert refusal(iam.delete_role_permissions_boundary, RoleName="trainer")[0] == "NoSuchEntity"


def test_policies_that_nobody_has_are_simulated(iam: Client) -> None:
    asked = {"PolicyInputList": [allowing("s3:Get*")], "ActionNames": ["s3:GetObject", "s3:PutObject"]}
    page = iam.simulate_custom_policy(MaxItems=1, **asked)
    assert [each["EvalDecision"] for each in page["EvaluationResults"]] == ["allowed"]
    page = iam.simulate_custom_policy(MaxItems=1, Marker=page["Marker"], **asked)
    assert [each["EvalDecision"] for each in page["EvaluationResults"]] == ["implicitDeny"]
