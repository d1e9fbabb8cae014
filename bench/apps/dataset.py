"""`dataset.py LABELS.csv BUCKET GROUP…`: prints the query by which the SDK's builder makes a dataset of labels, each
with the features that were known of its thing at its moment. Runs in the environment of the SDK v2."""

from __future__ import annotations

import sys

import pandas as pd
import sagemaker
from sagemaker.feature_store.feature_group import FeatureGroup
from sagemaker.feature_store.feature_store import FeatureStore


def main(labels: str, bucket: str, groups: list[str]) -> None:
    session = sagemaker.Session()
    frame = pd.read_csv(labels, header=None, names=["label", "thing", "moment"])
    builder = FeatureStore(session).create_dataset(
        frame,
        output_path=f"s3://{bucket}/sets",
        record_identifier_feature_name="label",
        event_time_identifier_feature_name="moment",
    )
    for name in groups:
        group = FeatureGroup(name=name, sagemaker_session=session)
        builder.with_feature_group(group, "thing", ["f0", "f1", "f2", "f3"])
    builder.point_in_time_accurate_join().with_number_of_recent_records_by_record_identifier(1)
    print("QUERY", builder.to_csv_file()[1])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
