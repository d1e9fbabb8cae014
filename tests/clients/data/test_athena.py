"""Athena over Glue's catalog: boto3, awswrangler and PyAthena, as their users call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awswrangler as wr
import pandas as pd
import pytest
from botocore.exceptions import ClientError
from pyathena import connect
from pyathena.error import OperationalError
from pyathena.pandas.cursor import PandasCursor


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


def test_views_are_queries_that_others_read(box: str, database: str, run: Any, rows: Any) -> None:
    run("CREATE TABLE squares WITH (format='JSON') AS SELECT n, n * n AS square FROM UNNEST(sequence(1, 9)) AS t(n)")
    made = run("CREATE VIEW large AS SELECT n, CAST(square AS decimal(10, 2)) AS square FROM squares WHERE square > 25")
    assert (made["Status"]["State"], made["SubstatementType"]) == ("SUCCEEDED", "CREATE_VIEW")
    run(f"CREATE OR REPLACE VIEW few AS SELECT max(n) AS most, ARRAY[count(*)] AS many FROM {database}.large")
    assert rows("SELECT l.square, f.many FROM large l JOIN few f ON l.n = f.most") == [["81.00", "[4]"]]
    assert rows("SHOW VIEWS") == [["few"], ["large"]]
    assert rows("DESCRIBE few") == [["most", "bigint", ""], ["many", "array<bigint>", ""]]
    query = wr.athena.generate_create_query("large", database)
    assert query.startswith('CREATE OR REPLACE VIEW "large" AS')
    assert query.endswith("WHERE square > 25")
    for sql, reason in (
        ("CREATE VIEW few AS SELECT 1 AS a", "TABLE_ALREADY_EXISTS"),
        ("DROP TABLE few", "GENERIC_USER_ERROR"),
        ("INSERT INTO few VALUES (1, ARRAY[1])", "NOT_SUPPORTED"),
    ):
        assert run(sql)["Status"]["StateChangeReason"].startswith(reason), sql
    schema = """SELECT column_name, data_type, table_type FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = ? AND table_name = 'few' ORDER BY ordinal_position"""
    assert rows(schema, ExecutionParameters=[f"'{database}'"]) == [
        ["most", "bigint", "VIEW"],
        ["many", "array(bigint)", "VIEW"],
    ]
    run("DROP VIEW few")
    assert rows("SHOW VIEWS") == [["large"]]


def test_partitions_are_projected(s3: Any, box: str, run: Any, rows: Any) -> None:
    for key in ("2024/01/02/eu", "2024/01/03/us", "2031/01/01/us", "2024/01/02/mars"):
        s3.put_object(Bucket=box, Key=f"visits/{key}/rows.json", Body='{"n": 1}\n{"n": 2}\n')
    run(
        f"""CREATE EXTERNAL TABLE visits (n int) PARTITIONED BY (day string, place string, shop string)
        ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://{box}/visits/'
        TBLPROPERTIES ('projection.enabled'='true', 'projection.day.type'='date',
        'projection.day.format'='yyyy/MM/dd', 'projection.day.range'='2024/01/01,2024/12/31',
        'projection.place.type'='enum', 'projection.place.values'='eu,us',
        'projection.shop.type'='injected', 'storage.location.template'='s3://{box}/${{shop}}/${{day}}/${{place}}')"""
    )
    found = "SELECT day, place, sum(n) FROM visits WHERE shop = 'visits' GROUP BY 1, 2 ORDER BY 1"
    assert rows(found) == [["2024/01/02", "eu", "3"], ["2024/01/03", "us", "3"]]
    assert run("SELECT * FROM visits")["Status"]["StateChangeReason"].startswith("CONSTRAINT_VIOLATION")


def test_prepared_statements_and_results_that_are_used_again(
    athena: Any, box: str, database: str, unique: Callable[[str], str], rows: Any, run: Any
) -> None:
    group, named = unique("group"), {"StatementName": "above"}
    athena.create_work_group(Name=group)
    sql = "SELECT n FROM UNNEST(sequence(1, 3)) AS t(n) WHERE n > ? ORDER BY n"
    athena.create_prepared_statement(**named, WorkGroup=group, QueryStatement=sql)
    assert athena.get_prepared_statement(**named, WorkGroup=group)["PreparedStatement"]["QueryStatement"] == sql
    assert rows("EXECUTE above USING 1", WorkGroup=group) == [["2"], ["3"]]
    assert rows("EXECUTE above", WorkGroup=group, ExecutionParameters=["2"]) == [["3"]]
    assert run("PREPARE below FROM SELECT ?", WorkGroup=group)["Status"]["State"] == "SUCCEEDED"
    listed = athena.list_prepared_statements(WorkGroup=group)["PreparedStatements"]
    assert [each["StatementName"] for each in listed] == ["above", "below"]
    run("DEALLOCATE PREPARE below", WorkGroup=group)
    found = athena.batch_get_prepared_statement(PreparedStatementNames=["above", "below"], WorkGroup=group)
    assert found["UnprocessedPreparedStatementNames"][0]["ErrorCode"] == "STATEMENT_NOT_FOUND"
    for wrong in ("EXECUTE below", "EXECUTE above", "EXECUTE above USING 1, 2"):
        with pytest.raises(ClientError):
            run(wrong, WorkGroup=group)

    age = {"ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 60}}}
    first, again = (run("SELECT random() AS r", WorkGroup=group, **age) for _ in range(2))
    assert [each["Statistics"]["ResultReuseInformation"]["ReusedPreviousResult"] for each in (first, again)] == [
        False,
        True,
    ]
    assert first["ResultConfiguration"]["OutputLocation"] == again["ResultConfiguration"]["OutputLocation"]
    other = run("SELECT random() AS r", WorkGroup=group)
    assert other["ResultConfiguration"]["OutputLocation"] != first["ResultConfiguration"]["OutputLocation"]


def test_tables_are_shown_changed_and_made_again(s3: Any, box: str, database: str, run: Any, rows: Any) -> None:
    s3.put_object(Bucket=box, Key="t/rows.json", Body='{"a": 1, "b": "x"}\n')
    run(
        f"CREATE EXTERNAL TABLE t (a int) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://{box}/t/'"
    )
    run("ALTER TABLE t ADD COLUMNS (b string COMMENT 'text')")
    run("ALTER TABLE t SET TBLPROPERTIES ('owner'='me')")
    shown = wr.athena.show_create_table("t", database, s3_output=f"s3://{box}/results/")
    run("DROP TABLE t")
    assert run(shown)["Status"]["State"] == "SUCCEEDED"
    assert rows("SELECT * FROM t") == [["1", "x"]]
    assert ["owner", "me"] in rows("SHOW TBLPROPERTIES t")


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
    for sql in ("EXPLAIN SELECT 1", "GRANT SELECT ON t TO me", "SELECT 'open"):
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
