"""Feature groups shared by Resource Access Manager, as AWS's guide has it, by whom they are shared with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from .identities import allowing, session, trusting, user
from .refusals import refusal, refused

Unique = Callable[[str], str]
OTHER = "444455556666"
PERMISSIONS = "arn:aws:ram::aws:permission/"
READ_WRITE = f"{PERMISSIONS}AWSRAMPermissionSagemakerFeatureGroupReadWrite"
ADMIN = f"{PERMISSIONS}AWSRAMPermissionSagemakerFeatureGroupAdmin"


@pytest.fixture(scope="module")
def ram() -> Any:
    return boto3.client("ram")


@pytest.fixture
def group(unique: Unique) -> str:
    """The ARN of a group with one record, `a`."""
    name = unique("shared")
    arn: str = boto3.client("sagemaker").create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=[{"FeatureName": each, "FeatureType": "String"} for each in ("id", "at")],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )["FeatureGroupArn"]
    put(boto3.Session(), arn)
    return arn


def put(who: boto3.Session, group: str) -> None:
    record = [
        {"FeatureName": "id", "ValueAsString": "a"},
        {"FeatureName": "at", "ValueAsString": "2026-01-01T00:00:00Z"},
    ]
    records(who).put_record(FeatureGroupName=group, Record=record)


def records(who: boto3.Session) -> Any:
    return who.client("sagemaker-featurestore-runtime")


def test_a_user_reads_and_writes_what_is_shared_with_it(ram: Any, group: str, unique: Unique) -> None:
    iam, name = boto3.client("iam"), unique("reader")
    reader = user(iam, name)
    runtime, one = records(reader), {"FeatureGroupName": group, "RecordIdentifierValueAsString": "a"}
    code, message = refusal(runtime.get_record, **one)
    assert code == "AccessForbidden"
    assert f"is not authorized to perform: sagemaker:GetRecord on resource: {group}" in message

    arn = iam.get_user(UserName=name)["User"]["Arn"]
    shared = ram.create_resource_share(name=unique("share"), resourceArns=[group], principals=[arn])["resourceShare"]
    assert shared["status"] == "ACTIVE"
    assert len(runtime.get_record(**one)["Record"]) == 2
    wanted = {"FeatureGroupName": group, "RecordIdentifiersValueAsString": ["a"]}
    assert len(runtime.batch_get_record(Identifiers=[wanted])["Records"]) == 1
    assert reader.client("sagemaker").describe_feature_group(FeatureGroupName=group)["FeatureGroupArn"] == group
    described = {"FeatureGroupName": group, "FeatureName": "id"}
    assert reader.client("sagemaker").describe_feature_metadata(**described)["FeatureType"] == "String"
    delete = {**one, "EventTime": "2026-01-02T00:00:00Z"}
    assert refused(runtime.delete_record, **delete)[0] == "AccessForbidden"

    chosen = {"resourceShareArn": shared["resourceShareArn"], "permissionArn": READ_WRITE}
    assert refused(ram.associate_resource_share_permission, **chosen)[0] == "InvalidParameterException"
    assert ram.associate_resource_share_permission(**chosen, replace=True)["returnValue"] is True
    put(reader, group)
    runtime.delete_record(**delete)
    update = {**described, "Description": "who"}
    assert refused(reader.client("sagemaker").update_feature_metadata, **update)[0] == "AccessDeniedException"
    ram.associate_resource_share_permission(**{**chosen, "permissionArn": ADMIN}, replace=True)
    reader.client("sagemaker").update_feature_metadata(**update)

    ram.delete_resource_share(resourceShareArn=shared["resourceShareArn"])
    assert refused(runtime.get_record, **one) == ("AccessForbidden", 403)


def test_a_role_is_let_in_as_well(ram: Any, group: str, unique: Unique) -> None:
    iam, name = boto3.client("iam"), unique("role")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting(AWS="*"))["Role"]["Arn"]
    asks = user(iam, unique("asks"), "sts:AssumeRole")
    keys = asks.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    runtime, one = records(session(keys)), {"FeatureGroupName": group, "RecordIdentifierValueAsString": "a"}
    assert refused(runtime.get_record, **one)[0] == "AccessForbidden"
    share = ram.create_resource_share(name=name, resourceArns=[group])["resourceShare"]["resourceShareArn"]
    [made] = ram.associate_resource_share(resourceShareArn=share, principals=[arn])["resourceShareAssociations"]
    assert (made["status"], made["external"], made["associationType"]) == ("ASSOCIATED", False, "PRINCIPAL")
    assert len(runtime.get_record(**one)["Record"]) == 2
    [policy] = ram.get_resource_policies(resourceArns=[group])["policies"]
    assert json.loads(policy)["Statement"][0]["Principal"] == {"AWS": [arn]}


def test_another_account_is_invited(ram: Any, group: str, unique: Unique) -> None:
    """The request of AWS's guide: of that account nobody asks here, so it stays invited."""
    name = unique("share")
    read = f"{PERMISSIONS}AWSRAMPermissionSageMakerFeatureGroupReadOnly"
    made = ram.create_resource_share(name=name, resourceArns=[group], principals=[OTHER], permissionArns=[read])
    share = made["resourceShare"]["resourceShareArn"]
    [found] = ram.get_resource_share_associations(associationType="PRINCIPAL", resourceShareArns=[share])[
        "resourceShareAssociations"
    ]
    assert (found["associatedEntity"], found["status"], found["external"]) == (OTHER, "ASSOCIATING", True)
    [listed] = ram.list_resources(resourceOwner="SELF", resourceShareArns=[share])["resources"]
    assert (listed["arn"], listed["status"]) == (group, "AVAILABLE")
    assert ram.list_principals(resourceOwner="SELF", resourceArn=group)["principals"][0]["id"] == OTHER
    assert ram.get_resource_policies(resourceArns=[group])["policies"] == []
    assert ram.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"] == []
    assert ram.get_resource_share_invitations()["resourceShareInvitations"] == []


def test_what_another_account_has_is_closed(group: str, unique: Unique) -> None:
    account = group.split(":")[4]
    theirs = group.replace(account, OTHER)
    all_of_it = user(boto3.client("iam"), unique("all"), "*")
    for who in (boto3.Session(), all_of_it):
        code, message = refusal(who.client("sagemaker").describe_feature_group, FeatureGroupName=theirs)
        assert code == "AccessDeniedException"
        action = "sagemaker:DescribeFeatureGroup"
        reason = f"{action} on resource: {theirs} because no resource-based policy allows the {action} action"
        assert message.endswith(reason)
        one = {"FeatureGroupName": theirs, "RecordIdentifierValueAsString": "a"}
        assert refused(records(who).get_record, **one) == ("AccessForbidden", 403)


def test_the_catalog_is_listed_and_shared(ram: Any, group: str, unique: Unique) -> None:
    sagemaker = boto3.client("sagemaker")
    [catalog] = sagemaker.list_resource_catalogs(NameContains="FeatureGroup")["ResourceCatalogs"]
    assert catalog["ResourceCatalogName"] == "DefaultFeatureGroupCatalog"
    prefix = group.partition("feature-group/")[0]
    assert catalog["ResourceCatalogArn"] == f"{prefix}sagemaker-catalog/DefaultFeatureGroupCatalog"
    assert sagemaker.list_resource_catalogs(CreationTimeBefore=1)["ResourceCatalogs"] == []

    share = ram.create_resource_share(
        name=unique("catalog"), resourceArns=[catalog["ResourceCatalogArn"]], principals=[OTHER]
    )["resourceShare"]["resourceShareArn"]
    [permission] = ram.list_resource_share_permissions(resourceShareArn=share)["permissions"]
    assert permission["name"] == "AWSRAMPermissionSageMakerCatalogResourceSearch"

    name = group.rpartition("/")[2]
    filters = {"Filters": [{"Name": "FeatureGroupName", "Operator": "Equals", "Value": name}]}
    for option, count in (("SameAccount", 1), ("CrossAccount", 0)):
        for resource, found in (("FeatureGroup", count), ("FeatureMetadata", 2 * count)):
            asked = {"Resource": resource, "SearchExpression": filters, "CrossAccountFilterOption": option}
            assert len(sagemaker.search(**asked)["Results"]) == found


def test_who_may_share_what(group: str, unique: Unique) -> None:
    iam, name = boto3.client("iam"), unique("sharer")
    sharer = user(iam, name).client("ram")
    mine = {"name": name, "resourceArns": [group]}
    assert refused(sharer.create_resource_share, **mine) == ("AccessDeniedException", 403)
    policy = json.loads(allowing("ram:CreateResourceShare"))
    policy["Statement"][0]["Condition"] = {
        "StringEquals": {"ram:RequestedResourceType": "sagemaker:FeatureGroup"},
        "ForAllValues:StringEquals": {"ram:Principal": [OTHER]},
    }
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    assert refused(sharer.create_resource_share, **mine, principals=["111111111111"])[0] == "AccessDeniedException"
    share = sharer.create_resource_share(**mine, principals=[OTHER])["resourceShare"]["resourceShareArn"]
    assert refused(sharer.delete_resource_share, resourceShareArn=share)[0] == "AccessDeniedException"
    policy["Statement"].append({
        "Effect": "Allow", "Action": "ram:DeleteResourceShare", "Resource": "*",
        "Condition": {"StringLike": {"ram:ResourceShareName": "sharer*"}},
    })  # fmt: skip
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    assert sharer.delete_resource_share(resourceShareArn=share)["returnValue"] is True


def test_what_is_not_done_says_so(ram: Any) -> None:
    code, message = refusal(ram.create_permission, name="p", resourceType="sagemaker:FeatureGroup", policyTemplate="{}")
    assert code == "ValidationException"
    assert "ListPermissions" in message
    code, message = refusal(ram.enable_sharing_with_aws_organization)
    assert code == "OperationNotPermittedException"
    assert "organization" in message
    assert refused(ram.get_resource_shares, resourceOwner="ME")[0] == "InvalidParameterException"
    assert refused(ram.get_resource_shares, resourceOwner="SELF", resourceShareArns=["x"])[0] == "MalformedArnException"
