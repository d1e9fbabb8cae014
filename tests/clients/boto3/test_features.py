"""Feature groups and their records through boto3."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

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


def test_records_reach_the_offline_store_and_its_table(role: str, unique: Callable[[str], str]) -> None:
    sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")
    bucket, name = unique("features"), unique("houses")
    s3.create_bucket(Bucket=bucket)
    sagemaker.create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="time",
        FeatureDefinitions=[
            {"FeatureName": "id", "FeatureType": "String"},
            {"FeatureName": "time", "FeatureType": "String"},
        ],
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{bucket}/store"}},
        RoleArn=role,
    )
    runtime = boto3.client("sagemaker-featurestore-runtime")
    for day in (1, 2):
        runtime.put_record(FeatureGroupName=name, Record=record("a", f"2026-01-0{day}T10:00:00Z"))
    one = {"FeatureGroupName": name, "RecordIdentifierValueAsString": "a"}
    assert refused(runtime.get_record, **one) == ("ValidationError", 400)

    config = sagemaker.describe_feature_group(FeatureGroupName=name)["OfflineStoreConfig"]
    prefix = config["S3StorageConfig"]["ResolvedOutputS3Uri"].removeprefix(f"s3://{bucket}/")
    keys = eventually(lambda: [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ())], 2)
    assert sorted(key.rpartition("/")[0] for key in keys) == [
        f"{prefix}/year=2026/month=01/day=0{day}/hour=10" for day in (1, 2)
    ]
    assert all(s3.get_object(Bucket=bucket, Key=key)["Body"].read(4) == b"PAR1" for key in keys)

    glue, catalog = boto3.client("glue"), config["DataCatalogConfig"]
    place = {"DatabaseName": catalog["Database"], "TableName": catalog["TableName"]}
    partitions = eventually(lambda: glue.get_partitions(**place)["Partitions"], 2)
    assert [each["Values"] for each in partitions] == [["2026", "01", f"0{day}", "10"] for day in (1, 2)]


def eventually(look: Callable[[], list[Any]], many: int) -> list[Any]:
    """What is found as soon as it is so many; it comes within seconds."""
    for _ in range(600):
        with suppress(ClientError):  # the table is not there yet
            if len(found := look()) >= many:
                return found
        time.sleep(0.1)
    raise AssertionError("it did not come")
