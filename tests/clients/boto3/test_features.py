"""Feature groups through boto3; their records are refused until there is a store for them."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from .refusals import refusal, refused


@pytest.fixture
def group(role: str, unique: Callable[[str], str]) -> dict[str, str]:
    name = {"FeatureGroupName": unique("houses")}
    boto3.client("sagemaker").create_feature_group(
        **name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="time",
        FeatureDefinitions=[
            {"FeatureName": "id", "FeatureType": "Integral"},
            {"FeatureName": "time", "FeatureType": "String"},
        ],
        OnlineStoreConfig={"EnableOnlineStore": True},
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://features"}},
        RoleArn=role,
    )
    return name


def test_a_group_its_features_and_what_is_said_about_them(group: dict[str, str]) -> None:
    sagemaker = boto3.client("sagemaker")
    added = {"FeatureName": "rooms", "FeatureType": "Integral"}
    sagemaker.update_feature_group(**group, FeatureAdditions=[added])
    described = sagemaker.describe_feature_group(**group)
    assert (described["FeatureGroupStatus"], described["LastUpdateStatus"]) == ("Created", {"Status": "Successful"})
    assert described["FeatureDefinitions"][-1] == added

    feature = {**group, "FeatureName": "rooms"}
    sagemaker.update_feature_metadata(
        **feature, Description="how many", ParameterAdditions=[{"Key": "a", "Value": "1"}]
    )
    said = sagemaker.describe_feature_metadata(**feature)
    assert (said["Description"], said["Parameters"]) == ("how many", [{"Key": "a", "Value": "1"}])

    sagemaker.delete_feature_group(**group)
    assert refused(sagemaker.describe_feature_group, **group) == ("ResourceNotFound", 400)


def test_records_are_refused_and_a_missing_group_is_not_found(group: dict[str, Any]) -> None:
    runtime = boto3.client("sagemaker-featurestore-runtime")
    record = [
        {"FeatureName": "id", "ValueAsString": "1"},
        {"FeatureName": "time", "ValueAsString": "2026-01-01T00:00:00Z"},
    ]
    code, sentence = refusal(runtime.put_record, **group, Record=record)
    assert (code, "yet" in sentence) == ("ValidationError", True)
    one = {"RecordIdentifierValueAsString": "1"}
    assert refused(runtime.get_record, **group, **one) == ("ValidationError", 400)
    assert refused(runtime.get_record, FeatureGroupName="none", **one) == ("ResourceNotFound", 404)
    batch = [{**group, "RecordIdentifiersValueAsString": ["1"]}]
    assert refused(runtime.batch_get_record, Identifiers=batch) == ("ValidationError", 400)
