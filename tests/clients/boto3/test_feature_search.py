"""Feature groups and features found by what is said about them, as AWS's guide has it."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from .refusals import refusal


@pytest.fixture
def groups(role: str, unique: Callable[[str], str]) -> list[str]:
    """Two groups with tags, a description and features that something is said about."""
    sagemaker = boto3.client("sagemaker")
    names = [unique("searched") for _ in range(2)]
    definitions = [("id", "String"), ("at", "String"), ("miles", "Fractional")]
    for name, team in zip(names, ("rides", "fraud"), strict=True):
        sagemaker.create_feature_group(
            FeatureGroupName=name,
            Description=f"what {team} knows",
            RecordIdentifierFeatureName="id",
            EventTimeFeatureName="at",
            FeatureDefinitions=[{"FeatureName": each, "FeatureType": kind} for each, kind in definitions],
            OnlineStoreConfig={"EnableOnlineStore": True},
            Tags=[{"Key": "team", "Value": team}, {"Key": "of", "Value": names[0]}],
        )
        sagemaker.update_feature_metadata(
            FeatureGroupName=name,
            FeatureName="miles",
            Description=f"as {team} measures",
            ParameterAdditions=[{"Key": "owner", "Value": f"{team}:{names[0]}"}, {"Key": "unit.of", "Value": "mile"}],
        )
    return names


def found(resource: str, *filters: tuple[str, str, str], **more: Any) -> list[dict[str, Any]]:
    named = [{"Name": name, "Operator": how, "Value": value} for name, how, value in filters]
    told = boto3.client("sagemaker").search(Resource=resource, SearchExpression={"Filters": named}, **more)
    return [each[resource] for each in told["Results"]]


@pytest.mark.parametrize(
    ("name", "how", "value"),
    [
        ("FeatureGroupName", "Equals", "{1}"),
        ("Tags.team", "Equals", "fraud"),
        ("AllTags", "Contains", "fra"),
        ("Description", "Contains", "fraud"),
    ],
)
def test_groups(groups: list[str], name: str, how: str, value: str) -> None:
    own = ("Tags.of", "Equals", groups[0])
    [group] = found("FeatureGroup", own, (name, how, value.format(*groups)))
    assert (group["FeatureGroupName"], group["FeatureGroupStatus"]) == (groups[1], "Created")
    assert {"Key": "team", "Value": "fraud"} in group["Tags"]


def test_groups_in_order(groups: list[str]) -> None:
    own = ("Tags.of", "Equals", groups[0])
    by_name, by_description = sorted(groups), [groups[1], groups[0]]
    for path, expected in (("CreationTime", groups), ("FeatureGroupName", by_name), ("Description", by_description)):
        for order in ("Ascending", "Descending"):
            names = [each["FeatureGroupName"] for each in found("FeatureGroup", own, SortBy=path, SortOrder=order)]
            assert names == (expected if order == "Ascending" else expected[::-1]), path
    kinds = ("RecordIdentifierFeatureName", "Equals", "id"), ("FeatureGroupStatus", "In", "Created,Creating")
    assert len(found("FeatureGroup", own, *kinds)) == 2
    assert found("FeatureGroup", own, ("OfflineStoreStatus", "Equals", "Active")) == []


@pytest.mark.parametrize(
    ("name", "how", "value"),
    [
        ("FeatureGroupName", "Equals", "{1}"),
        ("Description", "Contains", "fraud measures"),
        ("Parameters.owner", "Equals", "fraud:{0}"),
        ("Parameters.owner", "Contains", "fraud"),
        ("AllParameters", "Contains", "fraud:"),
    ],
)
def test_features(groups: list[str], name: str, how: str, value: str) -> None:
    own = [("Parameters.unit.of", "Equals", "mile"), ("FeatureType", "Equals", "Fractional")]
    hits = found("FeatureMetadata", *own, (name, how, value.format(*groups)), MaxResults=100)
    [feature] = [each for each in hits if each["FeatureGroupName"] in groups]
    assert (feature["FeatureGroupName"], feature["FeatureName"]) == (groups[1], "miles")
    assert {"Key": "unit.of", "Value": "mile"} in feature["Parameters"]


def test_features_are_suggested_and_paged(groups: list[str]) -> None:
    sagemaker = boto3.client("sagemaker")
    hint = {"PropertyNameQuery": {"PropertyNameHint": "Parameters.o"}}
    told = sagemaker.get_search_suggestions(Resource="FeatureMetadata", SuggestionQuery=hint)
    assert {"PropertyName": "Parameters.owner"} in told["PropertyNameSuggestions"]
    of = {"Filters": [{"Name": "FeatureGroupName", "Operator": "Equals", "Value": groups[0]}]}
    asked = {"Resource": "FeatureMetadata", "SearchExpression": of, "SortBy": "FeatureName", "SortOrder": "Ascending"}
    pages = sagemaker.get_paginator("search").paginate(**asked, PaginationConfig={"PageSize": 1})
    names = [each["FeatureMetadata"]["FeatureName"] for page in pages for each in page["Results"]]
    assert names == ["at", "id", "miles"]
    wrong = {"Resource": "FeatureMetadata", "SearchExpression": {"Filters": [{"Name": "FeatureName"}]}}
    assert "needs a Value" in refusal(sagemaker.search, **wrong)[1]
