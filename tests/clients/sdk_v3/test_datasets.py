"""Datasets of a feature group and of labels, as the SDK v3's builder makes them by Athena."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

pd = pytest.importorskip("pandas")
KINDS = {"id": "Integral", "time": "Fractional", "speed": "Fractional"}
ROWS = ((1, 100.0, 10), (1, 200.0, 20), (1, 200.0, 21), (2, 100.0, 30))


@pytest.fixture(scope="module")
def cars(role: str, bucket: str, unique: Callable[[str], str]) -> Any:
    """A group of two cars whose speed changes; what a third one had was deleted."""
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.mlops.feature_store import FeatureGroup, create_athena_query

    name = unique("cars")
    boto3.client("sagemaker").create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="time",
        FeatureDefinitions=[{"FeatureName": each, "FeatureType": kind} for each, kind in KINDS.items()],
        OnlineStoreConfig={"EnableOnlineStore": True},
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{bucket}/features"}},
        RoleArn=role,
    )
    runtime = boto3.client("sagemaker-featurestore-runtime")
    for values in (*ROWS, (3, 100.0, 40)):
        record = [{"FeatureName": key, "ValueAsString": str(value)} for key, value in zip(KINDS, values, strict=True)]
        runtime.put_record(FeatureGroupName=name, Record=record)
    runtime.delete_record(FeatureGroupName=name, RecordIdentifierValueAsString="3", EventTime="150.0")
    _wait_for_rows(create_athena_query(name, Session()), bucket, len(ROWS) + 2)
    return FeatureGroup.get(feature_group_name=name)


@pytest.fixture
def dataset(bucket: str, hurry: Callable[[Any], None]) -> Callable[..., Any]:
    """A new builder over a base."""
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.mlops.feature_store import DatasetBuilder, feature_utils

    hurry(feature_utils)
    session = Session()
    return lambda base, **more: DatasetBuilder.create(
        base=base, output_path=f"s3://{bucket}/sets", session=session, **more
    )


def made(builder: Any, *columns: str) -> list[tuple[Any, ...]]:
    frame, _query = builder.to_dataframe()
    return sorted(frame[list(columns)].itertuples(index=False, name=None))


def test_labels_get_the_features_of_their_time(cars: Any, dataset: Callable[..., Any]) -> None:
    labels = pd.DataFrame({"label": [1, 2, 3], "car": [1, 1, 2], "moment": [150.0, 250.0, 50.0]})
    builder = dataset(labels, record_identifier_feature_name="label", event_time_identifier_feature_name="moment")
    builder.with_feature_group(cars, target_feature_name_in_base="car", included_feature_names=["speed"])
    builder.point_in_time_accurate_join().with_number_of_recent_records_by_record_identifier(1)
    assert made(builder, "label", "speed.1") == [(1, 10.0), (2, 21.0)]


def test_records_with_their_histories(cars: Any, dataset: Callable[..., Any]) -> None:
    newest = dataset(cars).with_number_of_recent_records_by_record_identifier(1)
    assert made(newest, "id", "time", "speed") == [(1, 200.0, 21.0), (2, 100.0, 30.0)]
    assert made(dataset(cars, included_feature_names=["id"]), "id") == [(1,), (1,), (2,)]
    assert made(dataset(cars).include_deleted_records(), "id", "time") == [(1, 100), (1, 200), (2, 100), (3, 100)]
    assert len(made(dataset(cars).include_duplicated_records(), "id")) == len(ROWS)
    # With deleted records left out, this SDK's statements about times lack a space: "WHERE is_deletedAND".
    during = dataset(cars).include_deleted_records()
    during.with_event_time_range(datetime.fromtimestamp(150, UTC), datetime.fromtimestamp(250, UTC))
    assert made(during, "id", "speed") == [(1, 21.0)]
    assert made(dataset(cars).as_of(pd.Timestamp("2001-01-01")), "id") == []
    place, query = dataset(cars).with_number_of_records_from_query_results(2).to_csv_file()
    assert (place[:5], place[-4:], query[:4]) == ("s3://", ".csv", "WITH")


def _wait_for_rows(query: Any, bucket: str, many: int) -> None:
    for _ in range(600):
        query.run(f'SELECT count(*) AS n FROM "{query.table_name}"', f"s3://{bucket}/counts")
        query.wait()
        state = query.get_query_execution()["QueryExecution"]["Status"]["State"]
        if state == "SUCCEEDED" and query.as_dataframe()["n"][0] == many:
            return
        time.sleep(0.5)
    raise AssertionError(f"there are no {many} rows offline")
