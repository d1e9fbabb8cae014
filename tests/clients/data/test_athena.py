"""Athena over Glue's catalog: boto3, awswrangler and PyAthena, as their users call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awswrangler as wr
import boto3
import pandas as pd
import pytest
from botocore.exceptions import ClientError
from pyathena import connect
from pyathena.error import OperationalError
from pyathena.pandas.cursor import PandasCursor


@pytest.fixture(scope="module")
def athena() -> Any:
    return boto3.client("athena")


@pytest.fixture
def database(unique: Callable[[str], str]) -> str:
    """An empty database of the catalog."""
    name = unique("base").replace("-", "_")
    boto3.client("glue").create_database(DatabaseInput={"Name": name})
    return name


@pytest.fixture
def run(athena: Any, box: str, database: str, eventually: Callable[..., Any]) -> Callable[..., Any]:
    """Carries a statement out and gives its execution when it has ended."""

    def ran(sql: str, **more: Any) -> Any:
        started = athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": database},
            ResultConfiguration={"OutputLocation": f"s3://{box}/results/"},
            **more,
        )

        def ended() -> Any:
            found = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
            return found if found["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

        return eventually(ended)

    return ran


@pytest.fixture
def rows(athena: Any, run: Callable[..., Any]) -> Callable[..., list[list[str | None]]]:
    """The rows of a statement that must succeed, the header left out."""

    def found(sql: str, **more: Any) -> list[list[str | None]]:
        execution = run(sql, **more)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution["QueryExecutionId"])
        lines = [
            [value.get("VarCharValue") for value in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]
        ]
        return lines[1:] if execution["StatementType"] == "DML" else lines

    return found


def test_tables_of_text_are_made_repaired_shown_and_read(s3: Any, box: str, run: Any, rows: Any) -> None:
    for day, line in (("2024-01-01", '1,"a, b"\n2,\n'), ("2024-01-02", "3,c\n")):
        s3.put_object(Bucket=box, Key=f"visits/day={day}/part.csv", Body=f"id,name\n{line}")
    assert (
        run(
            f"""CREATE EXTERNAL TABLE visits (id int COMMENT 'number', name string) PARTITIONED BY (day date)
            ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' LOCATION 's3://{box}/visits/'
            TBLPROPERTIES ('skip.header.line.count'='1')"""
        )["SubstatementType"]
        == "CREATE_TABLE"
    )
    assert rows("SELECT * FROM visits") == []
    run("MSCK REPAIR TABLE visits")
    assert sorted(rows("SHOW PARTITIONS visits")) == [["day=2024-01-01"], ["day=2024-01-02"]]
    assert rows("SELECT id, name, day FROM visits ORDER BY id") == [
        ["1", "a, b", "2024-01-01"],
        ["2", "", "2024-01-01"],
        ["3", "c", "2024-01-02"],
    ]
    assert rows("SELECT count(*), max(day) FROM visits WHERE id > ?", ExecutionParameters=["1"]) == [
        ["2", "2024-01-02"]
    ]
    assert rows("SHOW TABLES") == [["visits"]]
    assert rows("DESCRIBE visits")[0] == ["id", "int", "number"]
    run("ALTER TABLE visits DROP PARTITION (day = '2024-01-02')")
    assert rows("SELECT count(*) AS n FROM visits") == [["2"]]
    run("DROP TABLE visits")
    assert run("SELECT * FROM visits")["Status"]["StateChangeReason"].startswith("TABLE_NOT_FOUND")


def test_tables_are_made_of_queries_added_to_and_unloaded(s3: Any, box: str, rows: Any, run: Any, keys: Any) -> None:
    made = run(
        f"""CREATE TABLE squares WITH (format='PARQUET', external_location='s3://{box}/squares/',
        partitioned_by=ARRAY['odd']) AS
        SELECT n, n * n AS square, n % 2 = 1 AS odd FROM UNNEST(sequence(1, 10)) AS t(n)"""
    )
    assert made["Status"]["State"] == "SUCCEEDED", made["Status"]
    assert rows("SELECT sum(square), 7 / 2 FROM squares WHERE odd") == [["165", "3"]]
    assert run("INSERT INTO squares VALUES (11, 121, true)")["Status"]["State"] == "SUCCEEDED"
    assert rows("SELECT count(*) FROM squares") == [["11"]]
    unloaded = run(f"UNLOAD (SELECT n FROM squares) TO 's3://{box}/out/' WITH (format='JSON')")
    assert unloaded["Status"]["State"] == "SUCCEEDED", unloaded["Status"]
    assert len(keys("out/")) == 1
    again = run(f"UNLOAD (SELECT n FROM squares) TO 's3://{box}/out/' WITH (format='JSON')")
    assert again["Status"]["StateChangeReason"].startswith("HIVE_PATH_ALREADY_EXISTS")


def test_what_cannot_be_done_says_so(athena: Any, run: Any, box: str) -> None:
    for sql, reason in (
        ("SELECT nothing FROM (VALUES 1) AS t(n)", "COLUMN_NOT_FOUND"),
        ("SELECT * FROM read_csv('/etc/passwd')", "NOT_SUPPORTED"),
        ("SELECT slice(ARRAY[1, 2], 1, 1)", "FUNCTION_NOT_FOUND"),
        ("SELECT CAST('a' AS bigint)", "INVALID_CAST_ARGUMENT"),
        ("SELECT 1 FROM", "SYNTAX_ERROR"),
    ):
        ended = run(sql)
        assert ended["Status"]["State"] == "FAILED"
        assert ended["Status"]["StateChangeReason"].startswith(reason), ended["Status"]
    for sql in ("CREATE VIEW v AS SELECT 1", "VACUUM t", "SELECT 'open"):
        with pytest.raises(ClientError):
            run(sql)
    with pytest.raises(ClientError, match="No output location"):
        athena.start_query_execution(QueryString="SELECT 1")


def test_the_same_token_is_the_same_query_and_stops_are_taken(athena: Any, box: str) -> None:
    asked = {"QueryString": "SELECT 1", "ResultConfiguration": {"OutputLocation": f"s3://{box}/"}}
    token = f"{box}-0123456789012345678901234567890123"
    first = athena.start_query_execution(ClientRequestToken=token, **asked)["QueryExecutionId"]
    assert athena.start_query_execution(ClientRequestToken=token, **asked)["QueryExecutionId"] == first
    athena.stop_query_execution(QueryExecutionId=first)
    assert first in athena.list_query_executions()["QueryExecutionIds"]


def test_workgroups_say_where_results_go(athena: Any, box: str, unique: Callable[[str], str]) -> None:
    name = unique("group")
    athena.create_work_group(Name=name, Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{box}/group/"}})
    started = athena.start_query_execution(QueryString="SELECT 1", WorkGroup=name)["QueryExecutionId"]
    found = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]
    assert found["ResultConfiguration"]["OutputLocation"] == f"s3://{box}/group/{started}.csv"
    kept = athena.create_named_query(Name="q", Database="d", QueryString="SELECT 1", WorkGroup=name)["NamedQueryId"]
    assert athena.get_named_query(NamedQueryId=kept)["NamedQuery"]["QueryString"] == "SELECT 1"
    with pytest.raises(ClientError, match="not empty"):
        athena.delete_work_group(WorkGroup=name)
    athena.delete_work_group(WorkGroup=name, RecursiveDeleteOption=True)
    assert name not in [group["Name"] for group in athena.list_work_groups()["WorkGroups"]]


@pytest.mark.parametrize("approach", [{}, {"ctas_approach": False}, {"ctas_approach": False, "unload_approach": True}])
def test_awswrangler(box: str, database: str, table: pd.DataFrame, approach: dict[str, bool]) -> None:
    wr.s3.to_parquet(
        table, f"s3://{box}/rows/", dataset=True, database=database, table="rows", partition_cols=["group"]
    )
    output = f"s3://{box}/results/"
    more: dict[str, Any] = {"s3_output": output} | approach
    found = wr.athena.read_sql_query(
        'SELECT "group", count(*) AS n, sum(x) AS x FROM rows GROUP BY 1', database, **more
    )
    expected = table.groupby("group").agg(n=("id", "count"), x=("x", "sum"))
    found = found.set_index("group").loc[expected.index]
    assert found["n"].tolist() == expected["n"].tolist()
    assert found["x"].tolist() == pytest.approx(expected["x"].tolist())
    assert wr.catalog.get_table_types(database, "rows") == {"id": "bigint", "x": "double", "group": "string"}


def test_pyathena(box: str, database: str, table: pd.DataFrame) -> None:
    wr.s3.to_parquet(table, f"s3://{box}/rows/", dataset=True, database=database, table="rows")
    with connect(s3_staging_dir=f"s3://{box}/py/", schema_name=database) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT id, x FROM rows WHERE id < %(most)d ORDER BY id", {"most": 2})
        assert cursor.fetchall() == [(0, 0.0), (1, 1 / 7)]
        assert [each[0] for each in cursor.description] == ["id", "x"]
        with pytest.raises(OperationalError, match="COLUMN_NOT_FOUND"):
            cursor.execute("SELECT nothing FROM rows")
        frame = connection.cursor(PandasCursor).execute("SELECT * FROM rows").as_pandas()
        assert len(frame) == 1000
