"""Iceberg tables by Athena's statements: made, written to, changed, read as of a moment, and kept small."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import awswrangler as wr
import pandas as pd
import pytest
from pyiceberg.catalog import Catalog, load_catalog

Rows = Callable[..., list[list[str | None]]]


def _catalog() -> Catalog:
    keys = {"access-key-id": "AWS_ACCESS_KEY_ID", "secret-access-key": "AWS_SECRET_ACCESS_KEY"}
    keys["session-token"] = "AWS_SESSION_TOKEN"
    told = {f"s3.{key}": os.environ[name] for key, name in keys.items()}
    endpoint = {"s3.endpoint": os.environ["AWS_ENDPOINT_URL"], "s3.region": "us-east-1"}
    return load_catalog("glue", type="glue", **told, **endpoint)


def _read(database: str, table: str) -> pd.DataFrame:
    """As PyIceberg reads it."""
    found: pd.DataFrame = _catalog().load_table((database, table)).scan().to_pandas()
    return found.sort_values(list(found.columns[:1])).reset_index(drop=True)


@pytest.fixture
def visits(rows: Rows, box: str) -> str:
    """A table with three days, each by a statement of its own."""
    rows(
        "CREATE TABLE visits (id bigint, day date, note string, tags array<int>) "
        f"PARTITIONED BY (month(day), bucket(4, id)) LOCATION 's3://{box}/visits/' "
        "TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet')"
    )
    for number in (1, 2, 3):
        rows(f"INSERT INTO visits SELECT {number}, date '2026-0{number}-05', 'n{number}', ARRAY[{number}, NULL]")
    return "visits"


def test_rows_come_change_and_go_and_others_read_the_same(
    rows: Rows, run: Callable[..., Any], database: str, visits: str
) -> None:
    rows("UPDATE visits SET note = upper(note) || cast(id AS varchar) WHERE id >= 2")
    rows("DELETE FROM visits WHERE day = date '2026-01-05'")
    rows("INSERT INTO visits (id, note) VALUES (4, NULL), (5, 'five')")
    rows(
        "MERGE INTO visits AS t USING (VALUES (5, 'gone'), (3, 'new'), (9, 'nine')) AS s(id, note) ON t.id = s.id "
        "WHEN MATCHED AND s.note = 'gone' THEN DELETE WHEN MATCHED THEN UPDATE SET note = s.note "
        "WHEN NOT MATCHED THEN INSERT (id, note) VALUES (s.id, s.note)"
    )
    assert rows("SELECT id, day, note, tags FROM visits ORDER BY id") == [
        ["2", "2026-02-05", "N22", "[2, null]"],
        ["3", "2026-03-05", "new", "[3, null]"],
        ["4", None, None, None],
        ["9", None, "nine", None],
    ]
    assert list(_read(database, visits)["note"].fillna("-")) == ["N22", "new", "-", "nine"]
    several = run("MERGE INTO visits t USING (VALUES (2), (2)) AS s(id) ON t.id = s.id WHEN MATCHED THEN DELETE")
    assert "MERGE_TARGET_ROW_MULTIPLE_MATCHES" in several["Status"]["StateChangeReason"]
    assert rows("SELECT count(*) FROM visits") == [["4"]]
    assert "no column" in run("UPDATE visits SET nothing = 1")["Status"]["StateChangeReason"]


def test_a_table_is_read_as_of_a_moment_and_tells_of_itself(rows: Rows, run: Callable[..., Any], visits: str) -> None:
    history = rows('SELECT committed_at, snapshot_id, operation FROM "visits$snapshots" ORDER BY committed_at')
    assert [each[2] for each in history] == ["append"] * 3
    moments, numbers = [each[0] for each in history], [each[1] for each in history]
    rows("DELETE FROM visits")
    then = f"FOR TIMESTAMP AS OF TIMESTAMP '{moments[1]}'"
    assert rows("SELECT count(*) FROM visits") == [["0"]]
    assert rows(f"SELECT id FROM visits {then} ORDER BY id") == [["1"], ["2"]]
    assert rows(f"SELECT id FROM visits FOR VERSION AS OF {numbers[0]}") == [["1"]]
    # Two moments in one query.
    assert rows(
        f"SELECT b.id FROM visits FOR VERSION AS OF {numbers[2]} AS b LEFT JOIN visits {then} AS a ON a.id = b.id "
        "WHERE a.id IS NULL"
    ) == [["3"]]
    assert rows("SELECT count(*) FROM visits FOR TIMESTAMP AS OF (current_timestamp - interval '0' second)") == [["0"]]
    for what, error in {
        "FOR TIMESTAMP AS OF TIMESTAMP '2020-01-01 00:00:00 UTC'": "No version history table",
        "FOR TIMESTAMP AS OF (current_timestamp + interval '1' day)": "is not in the past",
        "FOR TIMESTAMP AS OF 'yesterday'": "TYPE_MISMATCH",
        "FOR VERSION AS OF 12": "Iceberg snapshot ID does not exists: 12",
        "FOR VERSION AS OF 'release'": "Cannot find snapshot with reference name: release",
    }.items():
        assert error in run(f"SELECT * FROM visits {what}")["Status"]["StateChangeReason"]
    assert len(rows('SELECT * FROM "visits$history" WHERE is_current_ancestor')) == 4
    assert rows('SELECT name, type, snapshot_id = (SELECT max_by(snapshot_id, made_current_at) FROM "visits$history") '
                'FROM "visits$refs"') == [["main", "BRANCH", "true"]]  # fmt: skip
    rows("INSERT INTO visits VALUES (7, date '2026-07-01', 'x', NULL), (8, date '2026-07-01', 'y', NULL)")
    assert rows('SELECT sum(record_count), count(DISTINCT file_path) FROM "visits$files"') == [["2", "1"]]
    told = rows('SELECT partition.day_month, sum(record_count), max(data.note.max) FROM "visits$partitions" GROUP BY 1')
    assert told == [["678", "2", "y"]]
    assert rows('SELECT sum(added_rows_count) FROM "visits$manifests"') == [["2"]]
    assert "TABLE_NOT_FOUND" in run('SELECT * FROM "visits$nothing"')["Status"]["StateChangeReason"]


def test_files_are_merged_and_what_nobody_needs_goes(rows: Rows, database: str, box: str, s3: Any) -> None:
    rows(
        f"CREATE TABLE small (id int, half string) PARTITIONED BY (half) LOCATION 's3://{box}/small' "
        "TBLPROPERTIES ('table_type'='ICEBERG', 'vacuum_max_snapshot_age_seconds'='0')"
    )
    for number in range(4):
        rows(f"INSERT INTO small VALUES ({number}, 'a'), ({number}, 'b')")
    rows("OPTIMIZE small REWRITE DATA USING BIN_PACK WHERE half = 'a'")
    assert rows('SELECT count(*) FROM "small$files"') == [["8"]]  # fewer than five
    rows("ALTER TABLE small SET TBLPROPERTIES ('optimize_rewrite_data_file_threshold'='2')")
    rows("OPTIMIZE small REWRITE DATA USING BIN_PACK WHERE half = 'a'")
    assert rows('SELECT count(*) FROM "small$files"') == [["5"]]
    rows("OPTIMIZE small REWRITE DATA USING BIN_PACK")
    assert rows('SELECT count(*), sum(record_count) FROM "small$files"') == [["2", "8"]]
    assert rows("SELECT half, sum(id) FROM small GROUP BY 1 ORDER BY 1") == [["a", "6"], ["b", "6"]]
    before = len(s3.list_objects_v2(Bucket=box, Prefix="small/data/")["Contents"])
    rows("VACUUM small")
    after = s3.list_objects_v2(Bucket=box, Prefix="small/data/")["Contents"]
    assert (before, len(after)) == (10, 2)
    assert rows('SELECT operation FROM "small$snapshots"') == [["replace"]]
    assert len(_read(database, "small")) == 8
    rows("DROP TABLE small")
    assert "Contents" not in s3.list_objects_v2(Bucket=box, Prefix="small/")


def test_awswranglers_to_iceberg_and_delete_from_iceberg_table(database: str, box: str) -> None:
    frame = pd.DataFrame({"id": [1, 2, 3], "kind": ["a", "b", "a"], "at": pd.to_datetime(["2026-01-01"] * 3)})
    told: Any = {
        "database": database,
        "table": "things",
        "table_location": f"s3://{box}/things/",
        "temp_path": f"s3://{box}/temp/",
        "s3_output": f"s3://{box}/results/",
        "keep_files": False,
    }
    wr.athena.to_iceberg(frame, partition_cols=["kind", "day(at)"], **told)
    more = pd.DataFrame({"id": [3, 4], "kind": ["z", "b"], "at": pd.to_datetime(["2026-02-01"] * 2)})
    wr.athena.to_iceberg(more, merge_cols=["id"], **told)
    wider = more.assign(id=[5, 6], size=[1.5, 2.5])
    wr.athena.to_iceberg(wider, schema_evolution=True, **told)

    def read(sql: str = "SELECT * FROM things ORDER BY id") -> pd.DataFrame:
        return wr.athena.read_sql_query(sql, database=database, ctas_approach=False, s3_output=f"s3://{box}/results/")

    found = read()
    assert list(found["id"]) == [1, 2, 3, 4, 5, 6]
    assert list(found["kind"]) == ["a", "b", "z", "b", "z", "b"]
    assert list(found["size"].dropna()) == [1.5, 2.5]
    wr.athena.delete_from_iceberg_table(
        pd.DataFrame({"id": [1, 6]}),
        database=database,
        table="things",
        temp_path=f"s3://{box}/temp2/",
        merge_cols=["id"],
        s3_output=f"s3://{box}/results/",
        keep_files=False,
    )
    assert list(read()["id"]) == [2, 3, 4, 5]
    wr.athena.to_iceberg(wider, mode="overwrite_partitions", partition_cols=["kind"], **told)
    assert list(_read(database, "things")["id"]) == [5, 6]
    wr.athena.to_iceberg(wider.head(1), mode="overwrite", **told)
    assert list(_read(database, "things")["size"]) == [1.5]


def test_columns_change_their_names_and_widen(rows: Rows, run: Callable[..., Any], box: str) -> None:
    rows(f"CREATE TABLE wide (a int, b string) LOCATION 's3://{box}/wide' TBLPROPERTIES ('table_type'='ICEBERG')")
    rows("INSERT INTO wide VALUES (1, 'x')")
    rows("ALTER TABLE wide CHANGE COLUMN a big bigint")
    rows("ALTER TABLE wide DROP COLUMN b")
    rows("ALTER TABLE wide ADD COLUMNS (b double)")
    rows("INSERT INTO wide VALUES (5000000000, 1.5)")
    assert rows("SELECT * FROM wide ORDER BY big") == [["1", None], ["5000000000", "1.5"]]
    assert (
        "Cannot change the column" in run("ALTER TABLE wide CHANGE COLUMN big big int")["Status"]["StateChangeReason"]
    )
    rows(
        f"CREATE TABLE copied WITH (table_type = 'ICEBERG', is_external = false, location = 's3://{box}/copied/', "
        "partitioning = ARRAY['bucket(2, big)']) AS "
        "SELECT big, sum(1) AS n, ARRAY[CAST(ROW(b) AS ROW(x double))] AS deep FROM wide GROUP BY 1, b"
    )
    rows("INSERT INTO copied SELECT 2, 3, NULL")
    assert rows("SELECT big, n, deep[1].x FROM copied ORDER BY 1 DESC") == [
        ["5000000000", "1", "1.5"], ["2", "3", None], ["1", "1", None]
    ]  # fmt: skip
    assert rows("DESCRIBE wide") == [["big", "bigint", ""], ["b", "double", ""]]
