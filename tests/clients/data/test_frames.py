"""pandas and DuckDB on s3:// addresses."""

from typing import Any

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pytest


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows with spaces+ü.csv"])
def test_pandas_writes_and_reads_text(box: str, table: pd.DataFrame, name: str) -> None:
    table.to_csv(f"s3://{box}/{name}", index=False)
    assert pd.read_csv(f"s3://{box}/{name}")["group"].equals(table["group"])


def test_pandas_writes_and_reads_parquet(box: str, table: pd.DataFrame) -> None:
    table.to_parquet(f"s3://{box}/rows.parquet")
    assert pd.read_parquet(f"s3://{box}/rows.parquet").equals(table)
    table.to_parquet(f"s3://{box}/parts", partition_cols=["group"])
    found = pd.read_parquet(f"s3://{box}/parts", filters=[("group", "==", "ü")])
    assert sorted(found["id"]) == list(range(2, 1000, 3))


def test_pandas_reads_in_pieces_and_as_nobody(open_box: str, table: pd.DataFrame) -> None:
    table.to_json(f"s3://{open_box}/rows.jsonl", orient="records", lines=True)
    with pd.read_json(f"s3://{open_box}/rows.jsonl", lines=True, chunksize=300) as pieces:
        assert [len(piece) for piece in pieces] == [300, 300, 300, 100]
    anonymous = pd.read_json(f"s3://{open_box}/rows.jsonl", lines=True, storage_options={"anon": True})
    assert len(anonymous) == 1000


def test_duckdb_through_fsspec(box: str, table: pd.DataFrame, files: Any) -> None:
    table.to_parquet(f"s3://{box}/parts", partition_cols=["group"])
    with duckdb.connect() as connection:
        connection.register_filesystem(files)
        address = f"s3://{box}/parts/*/*.parquet"
        counted = connection.sql(
            f"select \"group\", count(*) from read_parquet('{address}', hive_partitioning=true) group by all order by 2"
        )
        assert [count for _, count in counted.fetchall()] == [333, 333, 334]
        connection.sql(f"copy (select 42 as answer) to 's3://{box}/out.parquet' (format parquet)")
        assert connection.sql(f"from read_parquet('s3://{box}/out.parquet')").fetchall() == [(42,)]
        connection.sql(f"copy (select 'a' as x) to 's3://{box}/out.csv' (header)")
        assert connection.sql(f"from read_csv('s3://{box}/out.csv', header=true)").fetchall() == [("a",)]


def test_duckdb_through_a_dataset(box: str, table: pd.DataFrame, arrow: Any) -> None:
    table.to_parquet(f"s3://{box}/rows.parquet")
    rows = ds.dataset(f"{box}/rows.parquet", filesystem=arrow)
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        assert connection.sql("select sum(id) from rows where id < 10").fetchall() == [(45,)]
