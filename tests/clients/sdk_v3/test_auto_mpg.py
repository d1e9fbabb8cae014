"""Real cars, ingested by model year with the SDK v3, and what was known of them at a moment, asked of Athena."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from ..cars import MANY, ByYear, assert_same, cars, newest


def test_cars_by_model_year_and_what_was_known_of_them(
    role: str,
    bucket: str,
    unique: Callable[[str], str],
    eventually: Callable[..., Any],
    hurry: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Where it is imported, it asks for a region.
    import sagemaker.mlops.feature_store.feature_utils as sdk
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.telemetry import telemetry_logging
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
    # Its telemetry makes two sessions for each ingestion, which takes longer than that.
    one = functools.cache(telemetry_logging._get_default_sagemaker_session)
    monkeypatch.setattr(telemetry_logging, "_get_default_sagemaker_session", one)
    rows = cars()
    name = unique("mpg")
    group = FeatureGroup.create(
        feature_group_name=name,
        record_identifier_feature_name="name",
        event_time_feature_name="event_time",
        feature_definitions=load_feature_definitions_from_dataframe(rows),
        role_arn=role,
        online_store_config=OnlineStoreConfig(enable_online_store=True),
        offline_store_config=OfflineStoreConfig(s3_storage_config=S3StorageConfig(s3_uri=f"s3://{bucket}/features")),
    )
    group.wait_for_status("Created", poll=1)
    query = create_athena_query(name, Session())

    def asked(sql: str) -> Any:
        query.run(query_string=sql, output_location=f"s3://{bucket}/asked")
        query.wait()
        return query.as_dataframe()

    def arrived(many: int) -> None:
        counted = f'SELECT count(*) AS n FROM "{query.table_name}"'
        eventually(lambda: asked(counted)["n"][0] == many, every=1)

    def ingest(year: Any) -> None:
        """Of some years record by record, of others in batches. Workers are in a process of their own, which takes
        longer to start than to put a year."""
        workers = 4 if len(year) > MANY else 1
        ingest_dataframe(name, year, max_workers=workers, use_batch_write_record=len(year) % 2 == 0)

    story = ByYear(rows, ingest, arrived)
    record = group.get_record(record_identifier_value_as_string="ford pinto").record
    [pinto] = newest(rows).query("name == 'ford pinto'").to_dict("records")
    assert {each.feature_name: each.value_as_string for each in record} == {k: str(v) for k, v in pinto.items()}
    for question, expected in story.questions(query.table_name):
        assert_same(asked(question), expected)
