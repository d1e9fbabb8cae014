from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

ADDED = {"FeatureName": "rooms", "FeatureType": "Integral"}


def described(asker: Asker, name: str = "Houses") -> dict[str, Any]:
    return asker.call("DescribeFeatureGroup", FeatureGroupName=name)


def test_a_group_is_created_at_once(asker: Asker, group: str, houses: dict[str, Any]) -> None:
    found = described(asker, group)
    assert (found["FeatureGroupStatus"], found["NextToken"]) == ("Created", "")
    assert found["FeatureGroupName"] == "Houses"
    assert found["FeatureDefinitions"] == houses["FeatureDefinitions"]
    assert found["OfflineStoreStatus"] == {"Status": "Active"}
    place = (
        f"s3://features/houses/123456789012/sagemaker/us-east-1/offline-store/Houses-{int(found['CreationTime'])}/data"
    )
    assert found["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"] == place
    assert found["OfflineStoreConfig"]["DataCatalogConfig"] == {
        "Catalog": "AwsDataCatalog",
        "Database": "sagemaker_featurestore",
        "TableName": f"houses_{int(found['CreationTime'])}",
    }


def test_a_group_without_an_offline_store_says_nothing_of_it(asker: Asker, houses: dict[str, Any]) -> None:
    del houses["OfflineStoreConfig"], houses["RoleArn"]
    asker.call("CreateFeatureGroup", **houses)
    assert not {"OfflineStoreConfig", "OfflineStoreStatus", "RoleArn", "LastUpdateStatus"} & set(described(asker))


def test_features_are_added_and_settings_changed(asker: Asker, group: str, houses: dict[str, Any]) -> None:
    ttl = {"Unit": "Days", "Value": 3}
    asker.call("UpdateFeatureGroup", FeatureGroupName=group, FeatureAdditions=[ADDED])
    asker.call("UpdateFeatureGroup", FeatureGroupName="Houses", OnlineStoreConfig={"TtlDuration": ttl})
    found = described(asker)
    assert found["FeatureDefinitions"] == [*houses["FeatureDefinitions"], ADDED]
    assert found["OnlineStoreConfig"] == {"EnableOnlineStore": True, "TtlDuration": ttl}
    assert found["LastUpdateStatus"] == {"Status": "Successful"}
    with pytest.raises(Refused, match="must be unique"):
        asker.call("UpdateFeatureGroup", FeatureGroupName="Houses", FeatureAdditions=[ADDED])


def test_names_are_taken_once_and_missed_as_not_found(asker: Asker, group: str, houses: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="Already Exists") as caught:
        asker.call("CreateFeatureGroup", **houses)
    assert caught.value.code == "ResourceInUse"
    asker.call("DeleteFeatureGroup", FeatureGroupName="Houses")
    for operation in ("DescribeFeatureGroup", "DeleteFeatureGroup"):
        with pytest.raises(Refused, match="can't find") as caught:
            asker.call(operation, FeatureGroupName="Houses")
        assert caught.value.code == "ResourceNotFound"


def test_groups_are_listed_by_the_state_of_their_stores(asker: Asker, group: str, houses: dict[str, Any]) -> None:
    del houses["OfflineStoreConfig"]
    asker.call("CreateFeatureGroup", **(houses | {"FeatureGroupName": "online"}))

    def names(**how: str) -> list[str]:
        return [each["FeatureGroupName"] for each in asker.call("ListFeatureGroups", **how)["FeatureGroupSummaries"]]

    assert names(OfflineStoreStatusEquals="Active") == ["Houses"]
    assert names(SortBy="OfflineStoreStatus", SortOrder="Ascending") == ["online", "Houses"]
    assert names(SortBy="FeatureGroupStatus", FeatureGroupStatusEquals="Created", NameContains="ONLINE") == ["online"]


def definition(name: str, kind: str = "String", **more: Any) -> dict[str, Any]:
    return {"FeatureName": name, "FeatureType": kind, **more}


OFFLINE: dict[str, Any] = {"S3StorageConfig": {"S3Uri": "s3://f"}}


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        (
            {"OfflineStoreConfig": {**OFFLINE, "TableFormat": "Iceberg", "DisableGlueTableCreation": True}},
            "choose Glue",
        ),
        ({"RecordIdentifierFeatureName": "none"}, "must be one of the FeatureDefinitions"),
        ({"EventTimeFeatureName": "id"}, "String or Fractional"),
        ({"FeatureDefinitions": [definition("id"), definition("id"), definition("time")]}, "must be unique"),
        (
            {"FeatureDefinitions": [definition("id"), definition("time"), definition("is_deleted")]},
            "columns of its own",
        ),
        (
            {"FeatureDefinitions": [definition("id"), definition("time"), definition("v", CollectionType="List")]},
            "InMemory",
        ),
        ({"OnlineStoreConfig": {}, "OfflineStoreConfig": None}, "At least one of"),
        ({"RoleArn": None}, "RoleArn is required"),
        ({"RoleArn": "arn:aws:iam::123456789012:role/nobody"}, "assume role"),
        ({"ThroughputConfig": {"ThroughputMode": "Provisioned"}}, "CapacityUnits"),
        ({"ThroughputConfig": {"ThroughputMode": "OnDemand", "ProvisionedReadCapacityUnits": 1}}, "without"),
    ],
)
def test_what_cannot_be_is_refused(
    asker: Asker, houses: dict[str, Any], members: dict[str, Any], sentence: str
) -> None:
    request = {member: value for member, value in (houses | members).items() if value is not None}
    with pytest.raises(Refused, match=sentence):
        asker.call("CreateFeatureGroup", **request)
    assert asker.call("ListFeatureGroups")["FeatureGroupSummaries"] == []


def test_vectors_say_how_long_they_are(asker: Asker, houses: dict[str, Any]) -> None:
    vector = definition("v", "Fractional", CollectionType="Vector")
    houses["OnlineStoreConfig"]["StorageType"] = "InMemory"
    houses["FeatureDefinitions"].append(vector)
    with pytest.raises(Refused, match="Dimension"):
        asker.call("CreateFeatureGroup", **houses)
    vector["CollectionConfig"] = {"VectorConfig": {"Dimension": 8}}
    assert asker.call("CreateFeatureGroup", **houses)


def test_throughput_changes_its_mode_and_its_units(asker: Asker, group: str) -> None:
    def changed(**config: Any) -> dict[str, Any]:
        asker.call("UpdateFeatureGroup", FeatureGroupName="Houses", ThroughputConfig=config)
        return dict(described(asker)["ThroughputConfig"])

    units = {"ProvisionedReadCapacityUnits": 2, "ProvisionedWriteCapacityUnits": 3}
    assert changed(ThroughputMode="Provisioned", **units) == {"ThroughputMode": "Provisioned", **units}
    more = {"ThroughputMode": "Provisioned", **units, "ProvisionedReadCapacityUnits": 9}
    assert changed(ProvisionedReadCapacityUnits=9) == more
    with pytest.raises(Refused, match="Choose OnDemand"):
        asker.call("UpdateFeatureGroup", FeatureGroupName="Houses", OnlineStoreConfig={"StorageType": "Standard_V2"})
    assert changed(ThroughputMode="OnDemand") == {"ThroughputMode": "OnDemand"}
    with pytest.raises(Refused, match="without ThroughputMode Provisioned"):
        changed(ProvisionedReadCapacityUnits=9)


def test_a_group_without_an_online_store_has_no_reads_to_provide_for(asker: Asker, houses: dict[str, Any]) -> None:
    config = {"ThroughputMode": "Provisioned", "ProvisionedWriteCapacityUnits": 1}
    with pytest.raises(Refused, match="ProvisionedReadCapacityUnits"):
        asker.call("CreateFeatureGroup", **houses, ThroughputConfig=config)
    del houses["OnlineStoreConfig"]
    asker.call("CreateFeatureGroup", **houses, ThroughputConfig=config)


@pytest.mark.parametrize(
    ("before", "after", "fine"),
    [
        ("Standard", "Standard_V2", True),
        ("Standard", "InMemory", False),
        ("Standard_V2", "Standard_V2", True),
        ("Standard_V2", "Standard", False),
        ("InMemory", "Standard_V2", False),
    ],
)
def test_only_a_standard_store_becomes_another(
    asker: Asker, houses: dict[str, Any], before: str, after: str, fine: bool
) -> None:
    houses["OnlineStoreConfig"]["StorageType"] = before
    asker.call("CreateFeatureGroup", **houses)
    wanted = {"FeatureGroupName": "Houses", "OnlineStoreConfig": {"StorageType": after}}
    if fine:
        asker.call("UpdateFeatureGroup", **wanted)
    else:
        with pytest.raises(Refused, match="cannot become"):
            asker.call("UpdateFeatureGroup", **wanted)
    assert described(asker)["OnlineStoreConfig"]["StorageType"] == (after if fine else before)


def test_lineage_knows_of_a_group_from_the_start(asker: Asker, group: str, houses: dict[str, Any]) -> None:
    name = f"Houses-{int(described(asker)['CreationTime'])}-feature-group-pipeline"
    for suffix, kind in (("", "FeatureGroupPipeline"), ("-version", "FeatureGroupPipelineVersion")):
        found = asker.call("DescribeContext", ContextName=name + suffix)
        assert (found["ContextType"], found["Source"]["SourceUri"]) == (kind, group)
    asker.call("DeleteFeatureGroup", FeatureGroupName="Houses")
    asker.call("CreateFeatureGroup", **houses)
