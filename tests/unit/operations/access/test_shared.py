"""What shares open, and what nobody shares."""

from __future__ import annotations

from typing import Any

from sagewright.operations.call import Principal

from .conftest import ACCOUNT, Realm

OTHER = "210987654321"
RUNTIME = "sagemaker-featurestore-runtime"
GROUP = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:feature-group/trips"
THEIRS = GROUP.replace(ACCOUNT, OTHER)
WRITE = "arn:aws:ram::aws:permission/AWSRAMPermissionSagemakerFeatureGroupReadWrite"


def group(realm: Realm) -> None:
    realm.world.client("sagemaker").create_feature_group(
        FeatureGroupName="trips",
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=[{"FeatureName": each, "FeatureType": "String"} for each in ("id", "at")],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )


def role_arn(principal: Principal) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{principal.arn.split('/')[1]}"


def test_a_share_lets_a_role_of_this_account_in(realm: Realm) -> None:
    group(realm)
    ram = realm.world.client("ram")
    reader, other = realm.role("reader"), realm.role("other")

    def may(principal: Principal, operation: str, name: str = "trips") -> bool:
        return realm.may(principal, RUNTIME, operation, FeatureGroupName=name)

    assert not may(reader, "GetRecord")
    shared: dict[str, Any] = {"resourceArns": [GROUP], "principals": [role_arn(reader)]}
    share = ram.create_resource_share(name="s", **shared)["resourceShare"]["resourceShareArn"]
    assert may(reader, "GetRecord")
    assert may(reader, "GetRecord", GROUP)
    assert realm.may(reader, "sagemaker", "DescribeFeatureGroup", FeatureGroupName="trips")
    assert realm.may(reader, RUNTIME, "BatchGetRecord", Identifiers=[{"FeatureGroupName": "trips"}])
    assert not realm.may(
        reader, RUNTIME, "BatchGetRecord", Identifiers=[{"FeatureGroupName": "trips"}, {"FeatureGroupName": "more"}]
    )
    assert not may(reader, "PutRecord")
    assert not may(other, "GetRecord")

    ram.associate_resource_share_permission(resourceShareArn=share, permissionArn=WRITE, replace=True)
    assert may(reader, "PutRecord")
    ram.disassociate_resource_share(resourceShareArn=share, principals=[role_arn(reader)])
    assert not may(reader, "GetRecord")


def test_a_share_means_who_and_what_there_was(realm: Realm) -> None:
    group(realm)
    ram, iam = realm.world.client("ram"), realm.world.client("iam")
    first = realm.role("reader")
    ram.create_resource_share(name="s", resourceArns=[GROUP], principals=[role_arn(first)])
    assert realm.may(first, RUNTIME, "GetRecord", FeatureGroupName="trips")
    iam.delete_role(RoleName="reader")
    second = realm.role("reader")
    assert not realm.may(second, RUNTIME, "GetRecord", FeatureGroupName="trips")


def test_what_is_shared_with_the_account_is_left_to_its_policies(realm: Realm) -> None:
    group(realm)
    nobody, bounded = realm.role("nobody"), realm.role("bounded", {"Action": "sagemaker:Get*"})
    ram = realm.world.client("ram")
    ram.create_resource_share(name="s", resourceArns=[GROUP], principals=[ACCOUNT, OTHER])
    assert not realm.may(nobody, RUNTIME, "GetRecord", FeatureGroupName="trips")
    assert realm.may(bounded, RUNTIME, "GetRecord", FeatureGroupName="trips")


def test_a_session_stays_within_what_it_was_narrowed_to(realm: Realm) -> None:
    group(realm)
    reader = realm.role("reader", session='{"Version":"2012-10-17","Statement":[]}')
    realm.world.client("ram").create_resource_share(name="s", resourceArns=[GROUP], principals=[role_arn(reader)])
    refused = realm.refusal(reader, RUNTIME, "GetRecord", {"FeatureGroupName": "trips"})
    assert refused is not None
    assert "because no session policy allows the sagemaker:GetRecord action" in refused.message


def test_what_another_account_has_is_closed_to_everybody(realm: Realm) -> None:
    group(realm)
    root, all_of_it = realm.world.principal, realm.role("all", {"Action": "*"})
    for principal in (root, all_of_it):
        for service, operation, params in (
            ("sagemaker", "DescribeFeatureGroup", {"FeatureGroupName": THEIRS}),
            ("sagemaker", "UpdateFeatureMetadata", {"FeatureGroupName": THEIRS, "FeatureName": "at"}),
            (RUNTIME, "GetRecord", {"FeatureGroupName": THEIRS}),
            (RUNTIME, "PutRecord", {"FeatureGroupName": THEIRS}),
            (RUNTIME, "BatchGetRecord", {"Identifiers": [{"FeatureGroupName": "a"}, {"FeatureGroupName": THEIRS}]}),
            ("sagemaker", "DescribePipeline", {"PipelineName": THEIRS.replace("feature-group", "pipeline")}),
        ):
            refused = realm.refusal(principal, service, operation, params)
            assert refused is not None, operation
            action = f"sagemaker:{operation}"
            assert refused.message.startswith(
                f"User: {principal.arn} is not authorized to perform: {action} on resource: "
            )
            assert f":{OTHER}:" in refused.message
            assert refused.message.endswith(f"because no resource-based policy allows the {action} action")
    assert realm.may(root, RUNTIME, "GetRecord", FeatureGroupName=GROUP)
