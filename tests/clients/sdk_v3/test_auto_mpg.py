"""Real cars, ingested by model year with the SDK v3, and what was known of them at a moment, asked of Athena."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

CARS = Path(__file__).parents[1] / "samples" / "auto-mpg.csv"
MOMENT = 1975 * 10_000.0
KNOWN = """
SELECT name, time, mpg, cyl FROM (
    SELECT *, row_number() OVER (
        PARTITION BY name ORDER BY time DESC, api_invocation_time DESC, write_time DESC) AS nth
    FROM "{table}" WHERE time <= {moment})
WHERE nth = 1 AND NOT is_deleted ORDER BY name
"""


def test_cars_by_model_year_and_what_was_known_of_them(
    role: str,
    bucket: str,
    unique: Callable[[str], str],
    eventually: Callable[..., Any],
    hurry: Callable[[Any], None],
) -> None:
    # Where it is imported, it asks for a region.
    import sagemaker.mlops.feature_store.feature_utils as sdk
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.mlops.feature_store import (
        FeatureGroup,
        OfflineStoreConfig,
        OnlineStoreConfig,
        S3StorageConfig,
        create_athena_query,
        ingest_dataframe,
        load_feature_definitions_from_dataframe,
    )

    hurry(sdk)
    cars = pd.read_csv(CARS)[["name", "mpg", "cyl", "yr"]]
    cars["time"] = (1900 + cars.pop("yr")) * 10_000.0
    # Workers put rows in any order, so that the last row of a year stands for the others.
    cars = cars.drop_duplicates(["name", "time"], keep="last").reset_index(drop=True)
    name = unique("mpg")
    group = FeatureGroup.create(
        feature_group_name=name,
        record_identifier_feature_name="name",
        event_time_feature_name="time",
        feature_definitions=load_feature_definitions_from_dataframe(cars),
        role_arn=role,
        online_store_config=OnlineStoreConfig(enable_online_store=True),
        offline_store_config=OfflineStoreConfig(s3_storage_config=S3StorageConfig(s3_uri=f"s3://{bucket}/features")),
    )
    group.wait_for_status("Created", poll=1)
    for batches, (_, years) in enumerate(cars.groupby(cars["time"] > MOMENT)):
        ingest_dataframe(name, years, max_workers=4, use_batch_write_record=bool(batches))
    newest = cars.sort_values("time").groupby("name").tail(1).set_index("name")
    record = group.get_record(record_identifier_value_as_string="ford pinto").record
    found = {each.feature_name: each.value_as_string for each in record}
    assert float(found["mpg"]) == newest["mpg"]["ford pinto"]

    query = create_athena_query(name, Session())

    def asked(sql: str) -> Any:
        query.run(query_string=sql, output_location=f"s3://{bucket}/asked")
        query.wait()
        return query.as_dataframe()

    eventually(lambda: asked(f'SELECT count(*) AS n FROM "{query.table_name}"')["n"][0] == len(cars), every=1)
    told = asked(KNOWN.format(table=query.table_name, moment=MOMENT))
    earlier = cars[cars["time"] <= MOMENT]
    expected = earlier.sort_values("time").groupby("name").tail(1).sort_values("name").reset_index(drop=True)
    pd.testing.assert_frame_equal(told, expected[["name", "time", "mpg", "cyl"]], check_dtype=False)
