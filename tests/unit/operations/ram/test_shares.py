"""Resource shares: what is in them, what they refuse, and what comes of invitations that nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from sagewright.base.errors import AwsError
from sagewright.resources.record import Key, Record
from sagewright.testing.world import Client, World

ACCOUNT = "123456789012"
OTHER = "210987654321"
GROUP = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:feature-group/trips"
CATALOG = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:sagemaker-catalog/DefaultFeatureGroupCatalog"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/SagewrightExecutionRole"
PERMISSIONS = "arn:aws:ram::aws:permission/"
READ = f"{PERMISSIONS}AWSRAMPermissionSageMakerFeatureGroupReadOnly"
WRITE = f"{PERMISSIONS}AWSRAMPermissionSagemakerFeatureGroupReadWrite"
SEARCH = f"{PERMISSIONS}AWSRAMPermissionSageMakerCatalogResourceSearch"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.make(tmp_path)
    group(world, "trips")
    yield world
    world.close()


@pytest.fixture
def ram(world: World) -> Client:
    return world.client("ram")


def group(world: World, name: str) -> None:
    world.client("sagemaker").create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=[{"FeatureName": each, "FeatureType": "String"} for each in ("id", "at")],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )


def share(ram: Client, **members: Any) -> str:
    made: str = ram.create_resource_share(name="s", **members)["resourceShare"]["resourceShareArn"]
    return made


def code(question: Any, **members: Any) -> str:
    with pytest.raises(AwsError) as caught:
        question(**members)
    assert caught.value.status == 400
    return caught.value.code


def entities(ram: Client, kind: str, **members: Any) -> dict[str, str]:
    found = ram.get_resource_share_associations(associationType=kind, **members)["resourceShareAssociations"]
    return {each["associatedEntity"]: each["status"] for each in found}


def test_a_share_is_made_changed_and_deleted(world: World, ram: Client) -> None:
    made = ram.create_resource_share(name="s", tags=[{"key": "team", "value": "rides"}])["resourceShare"]
    assert made["status"] == "ACTIVE"
    assert made["allowExternalPrincipals"] is True
    assert made["resourceShareArn"].startswith(f"arn:aws:ram:us-east-1:{ACCOUNT}:resource-share/")
    arn = made["resourceShareArn"]
    world.clock.advance(5)
    assert ram.update_resource_share(resourceShareArn=arn, name="t")["resourceShare"]["name"] == "t"
    ram.tag_resource(resourceShareArn=arn, tags=[{"key": "of", "value": "a"}])
    ram.untag_resource(resourceArn=arn, tagKeys=["team"])
    [found] = ram.get_resource_shares(resourceOwner="SELF", name="t")["resourceShares"]
    assert found["tags"] == [{"key": "of", "value": "a"}]
    assert found["lastUpdatedTime"] > found["creationTime"]
    assert ram.get_resource_shares(resourceOwner="OTHER-ACCOUNTS")["resourceShares"] == []
    tags = {"tagKey": "of", "tagValues": ["b"]}
    assert ram.get_resource_shares(resourceOwner="SELF", tagFilters=[tags])["resourceShares"] == []
    ram.associate_resource_share(resourceShareArn=arn, resourceArns=[GROUP], principals=[OTHER])
    assert ram.delete_resource_share(resourceShareArn=arn)["returnValue"] is True
    assert code(ram.delete_resource_share, resourceShareArn=arn) == "UnknownResourceException"
    assert entities(ram, "RESOURCE") == entities(ram, "PRINCIPAL") == {}


def test_a_repeated_request_makes_no_second_share(ram: Client) -> None:
    one = share(ram, clientToken="t", resourceArns=[GROUP], principals=[OTHER])
    assert share(ram, clientToken="t", resourceArns=[GROUP], principals=[OTHER]) == one
    assert code(ram.create_resource_share, name="s", clientToken="t") == "IdempotentParameterMismatchException"
    assert share(ram) != share(ram)


def test_who_is_of_another_account_is_invited_and_left_out_without_an_answer(world: World, ram: Client) -> None:
    theirs = f"arn:aws:iam::{OTHER}:role/r"
    arn = share(ram, resourceArns=[GROUP], principals=[OTHER, theirs, ROLE, ACCOUNT])
    assert entities(ram, "PRINCIPAL") == {
        OTHER: "ASSOCIATING",
        theirs: "ASSOCIATING",
        ROLE: "ASSOCIATED",
        ACCOUNT: "ASSOCIATED",
    }
    assert entities(ram, "PRINCIPAL", principal=OTHER) == {OTHER: "ASSOCIATING"}
    assert entities(ram, "RESOURCE", resourceArn=GROUP) == {GROUP: "ASSOCIATED"}
    world.clock.advance(12 * 3600)
    assert entities(ram, "PRINCIPAL", associationStatus="DISASSOCIATED") == dict.fromkeys(
        (OTHER, theirs), "DISASSOCIATED"
    )
    ram.associate_resource_share(resourceShareArn=arn, principals=[OTHER])
    assert entities(ram, "PRINCIPAL", principal=OTHER) == {OTHER: "ASSOCIATING"}
    external = {each["id"]: each["external"] for each in ram.list_principals(resourceOwner="SELF")["principals"]}
    assert external == {OTHER: True, theirs: True, ROLE: False, ACCOUNT: False}
    assert ram.get_resource_share_invitations()["resourceShareInvitations"] == []
    invitation = arn.replace("resource-share", "resource-share-invitation")
    assert (
        code(ram.accept_resource_share_invitation, resourceShareInvitationArn=invitation)
        == "ResourceShareInvitationArnNotFoundException"
    )


def test_what_is_deleted_or_made_anew_is_not_shared_any_more(world: World, ram: Client) -> None:
    arn = share(ram, resourceArns=[GROUP], principals=[ROLE])
    policies = ram.get_resource_policies(resourceArns=[GROUP])["policies"]
    [statement] = orjson.loads(policies[0])["Statement"]
    assert statement["Principal"] == {"AWS": [ROLE]}
    assert statement["Resource"] == GROUP
    assert "sagemaker:GetRecord" in statement["Action"]
    assert "sagemaker:PutRecord" not in statement["Action"]
    assert ram.get_resource_policies(resourceArns=[GROUP], principal=ROLE)["policies"] == policies
    assert ram.get_resource_policies(resourceArns=[GROUP], principal=ACCOUNT)["policies"] == []

    world.client("sagemaker").delete_feature_group(FeatureGroupName="trips")
    [listed] = ram.list_resources(resourceOwner="SELF")["resources"]
    assert (listed["status"], listed["type"]) == ("UNAVAILABLE", "sagemaker:FeatureGroup")
    assert code(ram.get_resource_policies, resourceArns=[GROUP]) == "ResourceArnNotFoundException"
    group(world, "trips")
    assert ram.get_resource_policies(resourceArns=[GROUP])["policies"] == []
    ram.associate_resource_share(resourceShareArn=arn, resourceArns=[GROUP])
    assert ram.get_resource_policies(resourceArns=[GROUP])["policies"] == policies


def test_disassociating(ram: Client) -> None:
    arn = share(ram, resourceArns=[GROUP], principals=[OTHER, ROLE])
    gone = ram.disassociate_resource_share(resourceShareArn=arn, principals=[OTHER, "333333333333"])
    assert [each["status"] for each in gone["resourceShareAssociations"]] == ["DISASSOCIATED"]
    assert entities(ram, "PRINCIPAL") == {ROLE: "ASSOCIATED"}
    ram.disassociate_resource_share(resourceShareArn=arn, resourceArns=[GROUP.upper().replace("ARN:AWS", "arn:aws")])
    assert entities(ram, "RESOURCE") == {}
    assert ram.list_principals(resourceOwner="SELF", resourceArn=GROUP)["principals"] == []


def test_a_share_has_one_permission_for_each_type(ram: Client) -> None:
    arn = share(ram, resourceArns=[GROUP])

    def held() -> list[str]:
        return [each["arn"] for each in ram.list_resource_share_permissions(resourceShareArn=arn)["permissions"]]

    assert held() == [READ]
    other = {"resourceShareArn": arn, "permissionArn": WRITE}
    assert code(ram.associate_resource_share_permission, **other) == "InvalidParameterException"
    assert ram.associate_resource_share_permission(**other, replace=True)["returnValue"] is True
    assert held() == [WRITE]
    assert code(ram.disassociate_resource_share_permission, **other) == "InvalidParameterException"
    ram.disassociate_resource_share(resourceShareArn=arn, resourceArns=[GROUP])
    ram.disassociate_resource_share_permission(**other)
    assert held() == []
    ram.associate_resource_share(resourceShareArn=arn, resourceArns=[CATALOG])
    assert held() == [SEARCH]
    both = [READ, WRITE]
    assert code(ram.create_resource_share, name="s", permissionArns=both) == "InvalidParameterException"
    [found] = ram.list_permission_associations(permissionArn=SEARCH)["permissions"]
    assert found["resourceShareArn"] == arn
    assert ram.get_resource_shares(resourceOwner="SELF", permissionArn=READ)["resourceShares"] == []


def test_permissions_and_types(ram: Client) -> None:
    names = [each["arn"] for each in ram.list_permissions(resourceType="SageMaker:featuregroup")["permissions"]]
    assert len(names) == 3
    assert {READ, WRITE} < set(names)
    defaults = {p["resourceType"] for p in ram.list_permissions()["permissions"] if p["isResourceTypeDefault"]}
    assert defaults == {each["resourceType"] for each in ram.list_resource_types()["resourceTypes"]}
    told = orjson.loads(ram.get_permission(permissionArn=SEARCH)["permission"]["permission"])
    assert told == {"Effect": "Allow", "Action": ["sagemaker:Search"]}
    assert code(ram.get_permission, permissionArn=SEARCH, permissionVersion=2) == "InvalidParameterException"
    assert code(ram.get_permission, permissionArn=f"{SEARCH}x") == "UnknownResourceException"
    assert ram.list_permissions(permissionType="CUSTOMER_MANAGED")["permissions"] == []


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"name": " "}, "InvalidParameterException"),
        ({"resourceArns": ["trips"]}, "MalformedArnException"),
        ({"resourceArns": [GROUP.replace("feature-group", "model")]}, "MalformedArnException"),
        ({"resourceArns": [GROUP.replace("sagemaker", "glue")]}, "MalformedArnException"),
        ({"resourceArns": [GROUP + "s"]}, "UnknownResourceException"),
        ({"resourceArns": [GROUP.replace(ACCOUNT, OTHER)]}, "OperationNotPermittedException"),
        ({"resourceArns": [GROUP.replace("us-east-1", "eu-west-1")]}, "InvalidParameterException"),
        ({"resourceArns": [GROUP] * 101}, "ResourceShareLimitExceededException"),
        ({"resourceArns": [CATALOG], "principals": [ROLE]}, "InvalidParameterException"),
        ({"principals": [f"arn:aws:iam::{ACCOUNT}:root"]}, "InvalidParameterException"),
        ({"principals": ["lambda.amazonaws.com"]}, "InvalidParameterException"),
        ({"principals": [f"arn:aws:iam::{ACCOUNT}:role/nobody"]}, "UnknownResourceException"),
        ({"principals": [f"arn:aws:organizations::{ACCOUNT}:organization/o-abcdefghij"]}, "UnknownResourceException"),
        (
            {"principals": [f"arn:aws:organizations::{ACCOUNT}:ou/o-abcdefghij/ou-ab12-cd34"]},
            "UnknownResourceException",
        ),
        ({"principals": [OTHER], "allowExternalPrincipals": False}, "OperationNotPermittedException"),
        ({"sources": [ACCOUNT]}, "InvalidParameterException"),
        ({"permissionArns": ["x"]}, "MalformedArnException"),
        ({"tags": [{"key": "aws:a", "value": ""}]}, "TagPolicyViolationException"),
        ({"tags": [{"key": str(each), "value": ""} for each in range(51)]}, "TagLimitExceededException"),
    ],
)
def test_what_cannot_be_shared_is_refused(ram: Client, members: dict[str, Any], expected: str) -> None:
    assert code(ram.create_resource_share, **{"name": "s", **members}) == expected
    assert ram.get_resource_shares(resourceOwner="SELF")["resourceShares"] == []


def test_a_share_is_not_closed_to_who_is_in_it(ram: Client) -> None:
    arn = share(ram, principals=[OTHER])
    shut = {"resourceShareArn": arn, "allowExternalPrincipals": False}
    assert code(ram.update_resource_share, **shut) == "OperationNotPermittedException"
    ram.disassociate_resource_share(resourceShareArn=arn, principals=[OTHER])
    assert ram.update_resource_share(**shut)["resourceShare"]["allowExternalPrincipals"] is False
    assert code(ram.update_resource_share, resourceShareArn=arn) == "MissingRequiredParameterException"


def test_pages(ram: Client) -> None:
    made = {share(ram) for _ in range(5)}
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = ram.get_resource_shares(resourceOwner="SELF", maxResults=2, **token)
        found += [each["resourceShareArn"] for each in page["resourceShares"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert sorted(found) == sorted(made)
    assert code(ram.get_resource_shares, resourceOwner="SELF", nextToken="x") == "InvalidNextTokenException"


def test_what_stands_below_a_resource_is_not_shared_by_itself(world: World, ram: Client) -> None:
    pipeline = {"PipelineName": "p", "ClientRequestToken": "t" * 32, "RoleArn": ROLE}
    definition = orjson.dumps({"Version": "2020-12-01", "Steps": []}).decode()
    made = world.client("sagemaker").create_pipeline(**pipeline, PipelineDefinition=definition)["PipelineArn"]
    execution = f"{made}/execution/abcdefghijkl"
    world.services.store.create(
        Record(
            Key(ACCOUNT, "us-east-1", "pipeline/execution", "p", "abcdefghijkl"),
            "uid",
            0.0,
            0.0,
            status={"PipelineExecutionArn": execution},
            facets={"Arn": execution},
        )
    )
    assert code(ram.create_resource_share, name="s", resourceArns=[execution]) == "UnknownResourceException"
    share(ram, resourceArns=[made], principals=[ACCOUNT])
    [policy] = ram.get_resource_policies(resourceArns=[made])["policies"]
    assert orjson.loads(policy)["Statement"][0]["Resource"] == [made, f"{made}/*"]
