"""awswrangler's half that is S3 alone; its catalog is Glue's."""

from pathlib import Path
from typing import Any

import awswrangler as wr
import pandas as pd
import pytest
from awswrangler.exceptions import NoFilesFound

from .conftest import STRANGE


@pytest.fixture
def rows(box: str, table: pd.DataFrame) -> str:
    """The address of a partitioned dataset."""
    path = f"s3://{box}/rows/"
    wr.s3.to_parquet(table, path, dataset=True, partition_cols=["group"])
    return path


def test_datasets_are_appended_to_and_overwritten(rows: str, table: pd.DataFrame) -> None:
    written: dict[str, Any] = {"path": rows, "dataset": True, "partition_cols": ["group"]}
    wr.s3.to_parquet(table, mode="append", **written)
    assert len(wr.s3.read_parquet(rows, dataset=True)) == 2000
    wr.s3.to_parquet(table[table["group"] == "b c"], mode="overwrite_partitions", **written)
    assert len(wr.s3.read_parquet(rows, dataset=True)) == 1667
    wr.s3.to_parquet(table, mode="overwrite", **written)
    assert len(wr.s3.read_parquet(rows, dataset=True)) == 1000
    one = wr.s3.read_parquet(rows, dataset=True, partition_filter=lambda part: part["group"] == "ü")
    assert len(one) == 333


def test_objects_are_listed_copied_merged_and_deleted(rows: str, box: str) -> None:
    found = wr.s3.list_objects(rows)
    assert len(found) == 3
    assert len(wr.s3.list_directories(rows)) == 3
    assert all(size > 0 for size in wr.s3.size_objects(found).values())
    copies = wr.s3.copy_objects(found, source_path=rows, target_path=f"s3://{box}/copies/")
    assert all(wr.s3.does_object_exist(path) for path in copies)
    wr.s3.merge_datasets(source_path=f"s3://{box}/copies/", target_path=rows, mode="append")
    assert len(wr.s3.list_objects(rows)) == 3  # under their old names: they took the places of the first
    wr.s3.delete_objects(rows)
    assert wr.s3.list_objects(rows) == []
    with pytest.raises(NoFilesFound):
        wr.s3.read_parquet(rows, dataset=True)


def test_text_goes_and_comes(box: str, table: pd.DataFrame) -> None:
    wr.s3.to_csv(table, f"s3://{box}/rows.csv", index=False)
    assert sum(len(piece) for piece in wr.s3.read_csv(f"s3://{box}/rows.csv", chunksize=300)) == 1000
    wr.s3.to_json(table, f"s3://{box}/rows.json", orient="records", lines=True)
    assert len(wr.s3.read_json(f"s3://{box}/rows.json", lines=True)) == 1000


def test_strange_names_stay_themselves(box: str, tmp_path: Path) -> None:
    local = tmp_path / "file"
    for name in STRANGE:
        local.write_bytes(name.encode())
        wr.s3.upload(str(local), f"s3://{box}/{name}")
        wr.s3.download(f"s3://{box}/{name}", str(local))
        assert local.read_bytes() == name.encode()
        assert wr.s3.describe_objects(f"s3://{box}/{name}")[f"s3://{box}/{name}"]["ContentLength"] == len(name.encode())
    wr.s3.delete_objects([f"s3://{box}/{name}" for name in STRANGE])
    assert wr.s3.list_objects(f"s3://{box}/") == []
