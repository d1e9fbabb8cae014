"""Feature groups and their records through boto3."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from .refusals import refused

NAMES = ("id", "time", "rooms")


@pytest.fixture
def group(role: str, unique: Callable[[str], str]) -> dict[str, Any]:
    name = {"FeatureGroupName": unique("houses")}
    kinds = zip(NAMES, ("Integral", "String", "Integral"), strict=True)
    boto3.client("sagemaker").create_feature_group(
        **name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="time",
        FeatureDefinitions=[{"FeatureName": each, "FeatureType": kind} for each, kind in kinds],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )
    return name


def record(*values: str) -> list[dict[str, str]]:
    return [{"FeatureName": name, "ValueAsString": value} for name, value in zip(NAMES, values, strict=False)]


def test_a_group_its_features_and_what_is_said_about_them(group: dict[str, Any]) -> None:
    sagemaker = boto3.client("sagemaker")
    added = {"FeatureName": "garden", "FeatureType": "Integral"}
    sagemaker.update_feature_group(**group, FeatureAdditions=[added])
    described = sagemaker.describe_feature_group(**group)
    assert (described["FeatureGroupStatus"], described["LastUpdateStatus"]) == ("Created", {"Status": "Successful"})
    assert described["FeatureDefinitions"][-1] == added

    feature = {**group, "FeatureName": "garden"}
    sagemaker.update_feature_metadata(
        **feature, Description="how many", ParameterAdditions=[{"Key": "a", "Value": "1"}]
    )
    said = sagemaker.describe_feature_metadata(**feature)
    assert (said["Description"], said["Parameters"]) == ("how many", [{"Key": "a", "Value": "1"}])

    sagemaker.delete_feature_group(**group)
    assert refused(sagemaker.describe_feature_group, **group) == ("ResourceNotFound", 400)


def test_the_life_of_a_record(group: dict[str, Any]) -> None:
    runtime = boto3.client("sagemaker-featurestore-runtime")
    one = {**group, "RecordIdentifierValueAsString": "1"}
    assert "Record" not in runtime.get_record(**one)
    runtime.put_record(**group, Record=record("1", "2026-01-02T00:00:00Z", "5"))
    runtime.put_record(**group, Record=record("1", "2026-01-01T00:00:00.999Z", "4"))
    assert runtime.get_record(**one)["Record"] == record("1", "2026-01-02T00:00:00Z", "5")
    assert runtime.get_record(**one, FeatureNames=["rooms"])["Record"] == record("1", "", "5")[2:]
    arn = boto3.client("sagemaker").describe_feature_group(**group)["FeatureGroupArn"]
    batch = [{"FeatureGroupName": arn, "RecordIdentifiersValueAsString": ["1", "2"]}]
    [found] = runtime.batch_get_record(Identifiers=batch)["Records"]
    assert (found["FeatureGroupName"], found["RecordIdentifierValueAsString"]) == (arn, "1")
    runtime.delete_record(**one, EventTime="2026-01-03T00:00:00Z")
    assert "Record" not in runtime.get_record(**one)


def test_what_is_wrong_is_said(group: dict[str, Any]) -> None:
    runtime = boto3.client("sagemaker-featurestore-runtime")
    wrong = record("one", "2026-01-02T00:00:00Z")
    assert refused(runtime.put_record, **group, Record=wrong) == ("ValidationError", 400)
    assert refused(runtime.put_record, **group, Record=record("1", "today")) == ("ValidationError", 400)
    one = {"RecordIdentifierValueAsString": "1"}
    assert refused(runtime.get_record, FeatureGroupName="none", **one) == ("ResourceNotFound", 404)
    batch = [{"FeatureGroupName": "none", "RecordIdentifiersValueAsString": ["1"]}]
    assert refused(runtime.batch_get_record, Identifiers=batch) == ("ResourceNotFound", 404)


def test_many_write_at_once(group: dict[str, Any]) -> None:
    runtime = boto3.client("sagemaker-featurestore-runtime")

    def put(number: int) -> None:
        when = f"2026-01-01T00:00:{number:02}Z"
        runtime.put_record(**group, Record=record(str(number % 3), when, str(number)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, reversed(range(60))))
    batch = [{**group, "RecordIdentifiersValueAsString": ["0", "1", "2"], "FeatureNames": ["rooms"]}]
    found = runtime.batch_get_record(Identifiers=batch)["Records"]
    assert [each["Record"][0]["ValueAsString"] for each in found] == ["57", "58", "59"]
