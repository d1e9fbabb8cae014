"""A dataset of a feature group and of labels, as the SDK v3's builder makes it by Athena."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest

pd = pytest.importorskip("pandas")


def test_labels_get_the_features_of_their_time(
    role: str, bucket: str, unique: Callable[[str], str], hurry: Callable[[Any], None]
) -> None:
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.mlops.feature_store import DatasetBuilder, FeatureGroup, create_athena_query, feature_utils

    hurry(feature_utils)
    name, session = unique("cars"), Session()
    kinds = {"id": "Integral", "time": "Fractional", "speed": "Fractional"}
    boto3.client("sagemaker").create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="time",
        FeatureDefinitions=[{"FeatureName": each, "FeatureType": kind} for each, kind in kinds.items()],
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{bucket}/features"}},
        RoleArn=role,
    )
    runtime = boto3.client("sagemaker-featurestore-runtime")
    for values in ((1, 100.0, 10), (1, 200.0, 20), (2, 100.0, 30)):
        record = [{"FeatureName": key, "ValueAsString": str(value)} for key, value in zip(kinds, values, strict=True)]
        runtime.put_record(FeatureGroupName=name, Record=record)
    _wait_for_rows(create_athena_query(name, session), bucket, 3)

    labels = pd.DataFrame({"label": [1, 2, 3], "car": [1, 1, 2], "moment": [150.0, 250.0, 50.0]})
    builder = DatasetBuilder.create(
        base=labels,
        output_path=f"s3://{bucket}/sets",
        session=session,
        record_identifier_feature_name="label",
        event_time_identifier_feature_name="moment",
    )
    group = FeatureGroup.get(feature_group_name=name)
    builder.with_feature_group(group, target_feature_name_in_base="car", included_feature_names=["speed"])
    builder.point_in_time_accurate_join().with_number_of_recent_records_by_record_identifier(1)
    frame, _query = builder.to_dataframe()
    assert sorted(frame[["label", "speed.1"]].itertuples(index=False, name=None)) == [(1, 10.0), (2, 20.0)]


def _wait_for_rows(query: Any, bucket: str, many: int) -> None:
    for _ in range(600):
        query.run(f'SELECT count(*) AS n FROM "{query.table_name}"', f"s3://{bucket}/counts")
        query.wait()
        state = query.get_query_execution()["QueryExecution"]["Status"]["State"]
        if state == "SUCCEEDED" and query.as_dataframe()["n"][0] == many:
            return
        time.sleep(0.5)
    raise AssertionError(f"there are no {many} rows offline")
