"""Rows of a frame that are no records, ingested with the SDK v3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest


@pytest.mark.parametrize("batches", [False, True])
def test_rows_that_are_no_records_are_named(unique: Callable[[str], str], batches: bool) -> None:
    """The others are there; of the wrong ones nothing is."""
    from sagemaker.mlops.feature_store import (
        FeatureGroup,
        OnlineStoreConfig,
        ingest_dataframe,
        load_feature_definitions_from_dataframe,
    )
    from sagemaker.mlops.feature_store.ingestion_manager_pandas import IngestionError

    some = pd.DataFrame({"id": range(8), "time": [1e9 + each for each in range(8)], "rooms": 3, "note": "fine"})
    name = unique("houses")
    group = FeatureGroup.create(
        feature_group_name=name,
        record_identifier_feature_name="id",
        event_time_feature_name="time",
        feature_definitions=load_feature_definitions_from_dataframe(some),
        online_store_config=OnlineStoreConfig(enable_online_store=True),
    )
    wrong = some.astype(object)
    wrong.loc[1, "time"] = "yesterday"
    wrong.loc[2, "rooms"] = "many"
    wrong.loc[3, "id"] = None
    wrong.loc[4, "note"] = "x" * 350 * 1024
    for workers in (1, 2):
        with pytest.raises(IngestionError) as told:
            ingest_dataframe(name, wrong, max_workers=workers, use_batch_write_record=batches)
        assert sorted(told.value.failed_rows) == [1, 2, 3, 4]
    there = [number for number in range(8) if _there(group, str(number))]
    assert there == [0, 5, 6, 7]


def _there(group: Any, identifier: str) -> bool:
    record = group.get_record(record_identifier_value_as_string=identifier)
    return record is not None and isinstance(record.record, list)
