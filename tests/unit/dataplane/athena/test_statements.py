"""Statements as the server reads them."""

from __future__ import annotations

import pytest

from sagewright.dataplane.athena.parsing import parse
from sagewright.dataplane.athena.statements import (
    AlterPartitions,
    AlterTable,
    CreateDatabase,
    CreateTable,
    Deallocate,
    Drop,
    Execute,
    Prepare,
    Query,
    Repair,
    Show,
    Statement,
    Vacuum,
    kinds,
)
from sagewright.dataplane.athena.tokens import SyntaxProblem, candidates, filled_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" SELECT 1 ;", Query("SELECT 1")),
        ("/* so */ WITH a AS (SELECT 1) SELECT * FROM a -- ;", Query("WITH a AS (SELECT 1) SELECT * FROM a")),
        ("create database if not exists `Shop` COMMENT 'it''s'", CreateDatabase("shop", quiet=True, comment="it's")),
        ("DROP TABLE IF EXISTS awsdatacatalog.a.b", Drop("a", "b", quiet=True)),
        ("DROP SCHEMA a CASCADE", Drop("a", None, quiet=False, cascade=True)),
        ("SHOW TABLES IN a 'b*'", Show("tables", ("a", ""), "b*")),
        ("DESCRIBE a.b", Show("describe", ("a", "b"))),
        ("MSCK REPAIR TABLE b", Repair((None, "b"))),
        (
            "ALTER TABLE t ADD IF NOT EXISTS PARTITION (d='1', e=2) LOCATION 's3://b/1' PARTITION (d='2', e=3)",
            AlterPartitions((None, "t"), True, True, [({"d": "1", "e": "2"}, "s3://b/1"), ({"d": "2", "e": "3"}, "")]),
        ),
        (
            "CREATE TABLE x WITH (format = 'PARQUET', partitioned_by = ARRAY['a', 'b']) AS SELECT ')' FROM t",
            Query(
                "SELECT ')' FROM t",
                "CREATE_TABLE_AS_SELECT",
                (None, "x"),
                options={"format": "PARQUET", "partitioned_by": ["a", "b"]},
            ),
        ),
        ("INSERT INTO x (a, b) SELECT 1, 2", Query("SELECT 1, 2", "INSERT", (None, "x"), ["a", "b"])),
        ("CREATE OR REPLACE VIEW a.v AS SELECT 1", Query("SELECT 1", "CREATE_VIEW", ("a", "v"), replaces=True)),
        ("DROP VIEW IF EXISTS v", Drop(None, "v", quiet=True, view=True)),
        ("SHOW VIEWS IN a LIKE 'b*'", Show("views", ("a", ""), "b*")),
        ("SHOW CREATE VIEW a.v", Show("create_view", ("a", "v"))),
        (
            "ALTER TABLE t ADD COLUMNS (a int, b string)",
            AlterTable((None, "t"), [("a", "int", ""), ("b", "string", "")]),
        ),
        ("ALTER TABLE t SET TBLPROPERTIES ('a'='\\\\t')", AlterTable((None, "t"), properties={"a": "\\t"})),
        ("PREPARE Q1 FROM SELECT ?", Prepare("Q1", "SELECT ?")),
        ("EXECUTE Q1 USING 'a, b', -1", Execute("Q1", ["'a, b'", "-1"])),
        ("DEALLOCATE PREPARE Q1", Deallocate("Q1")),
        ("INSERT INTO x (SELECT 1)", Query("(SELECT 1)", "INSERT", (None, "x"), [])),
        (
            "UNLOAD (SELECT max(a) FROM t) TO 's3://b/' WITH (format = 'JSON')",
            Query("SELECT max(a) FROM t", "UNLOAD", options={"format": "JSON"}, location="s3://b/"),
        ),
    ],
)
def test_statements_are_read(text: str, expected: Statement) -> None:
    assert parse(text) == expected
    assert len(kinds(expected)) == 2


def test_external_tables_say_how_their_files_are_read() -> None:
    table = parse(
        r"""CREATE EXTERNAL TABLE db.t (a struct<x:int,y:array<string>>, b decimal(10, 2) COMMENT 'money')
        PARTITIONED BY (d string) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t' STORED AS TEXTFILE
        LOCATION 's3://b/t/' TBLPROPERTIES ('skip.header.line.count'='1')"""
    )
    assert isinstance(table, CreateTable)
    assert table.columns == [("a", "struct<x:int,y:array<string>>", ""), ("b", "decimal(10,2)", "money")]
    assert table.partitions == [("d", "string", "")]
    assert table.serde_properties == {"field.delim": "\t"}
    assert table.properties == {"skip.header.line.count": "1"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "SELECT 'open",
        "SELECT 1 " + "/*" * 100_000,
        "CREATE TABLE t (a int) LOCATION 's3://b/'",
        "UNLOAD (SELECT (1) TO 's3://b/'",
        "DROP TABLE a.b.c.d",
        "ALTER TABLE t RENAME TO u",
        "SHOW FUNCTIONS",
        "CREATE VIEW v SELECT 1",
        "EXECUTE p WITH 1",
        "GRANT SELECT ON t TO u",
        "DESCRIBE t u",
    ],
)
def test_what_is_not_carried_out_is_refused_by_name(text: str) -> None:
    with pytest.raises(SyntaxProblem, match=r"SYNTAX_ERROR|NOT_SUPPORTED|CATALOG_NOT_FOUND"):
        parse(text)


def test_parameters_are_values_and_nothing_else() -> None:
    assert filled_in("SELECT '?' FROM t WHERE a = ? AND b = ?", ["'it''s'", "-1"]) == (
        "SELECT '?' FROM t WHERE a = 'it''s' AND b = -1"
    )
    for value in ("1 OR 1 = 1", "'a' OR 'b'", "(SELECT 1)", "", "a", "1 --"):
        with pytest.raises(SyntaxProblem):
            filled_in("SELECT ?", [value])
    with pytest.raises(SyntaxProblem, match="1 parameters"):
        filled_in("SELECT ?", [])


def test_names_that_may_be_tables_are_found() -> None:
    found = candidates("""SELECT "A".x, 'no.table' FROM "db"."T" JOIN awsdatacatalog.other.u -- c.d""")
    assert ("db", "t") in found
    assert ("other", "u") in found
    assert ("no", "table") not in found
    assert ("c", "d") not in found


def test_properties_may_stand_between_double_quotes() -> None:
    serde = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
    properties = '"separatorChar" = ",", "quoteChar" = "`", "escapeChar" = "\\\\"'
    table = parse(f"CREATE EXTERNAL TABLE t (a INT) ROW FORMAT SERDE '{serde}' WITH SERDEPROPERTIES ({properties})")
    assert isinstance(table, CreateTable)
    assert table.serde_properties == {"separatorChar": ",", "quoteChar": "`", "escapeChar": "\\"}


def test_statements_of_iceberg_tables() -> None:
    made = parse(
        "CREATE TABLE IF NOT EXISTS `t` (`id` int, at timestamp COMMENT 'when') PARTITIONED BY (id, days(at), "
        "bucket(16, id)) LOCATION 's3://b/t' TBLPROPERTIES ('table_type' ='ICEBERG', 'format'='parquet')"
    )
    assert isinstance(made, CreateTable)
    assert (made.iceberg, made.quiet, made.columns[1]) == (True, True, ("at", "timestamp", "when"))
    assert [each.text for each in made.transforms] == ["identity", "day", "bucket[16]"]
    for text, kind in (
        ('DELETE FROM "db"."t" WHERE a = 1', "DELETE"),
        ("UPDATE t SET a = 1", "UPDATE"),
        ("MERGE INTO t AS x USING s ON x.a = s.a WHEN MATCHED THEN DELETE", "MERGE"),
    ):
        changes = parse(text)
        assert isinstance(changes, Query)
        assert (changes.kind, changes.sql, changes.target) == (kind, text, ("db" if "db" in text else None, "t"))
        assert kinds(changes) == ("DML", kind)
    merged = parse("OPTIMIZE db.t REWRITE DATA USING BIN_PACK WHERE day = '1'")
    assert isinstance(merged, Query)
    assert (merged.sql, merged.target) == ("day = '1'", ("db", "t"))
    assert parse("VACUUM `_t`") == Vacuum((None, "_t"))
    assert parse("ALTER TABLE t CHANGE COLUMN a b bigint") == AlterTable(
        (None, "t"), changed=("a", ("b", "bigint", ""))
    )
    assert parse("ALTER TABLE t UNSET TBLPROPERTIES ('a', 'b')") == AlterTable((None, "t"), unset=["a", "b"])
    for text in (
        "CREATE TABLE t (a int) LOCATION 's3://b/t'",
        "CREATE TABLE t (a int) PARTITIONED BY (hash(a)) TBLPROPERTIES ('table_type'='ICEBERG')",
        "OPTIMIZE t REWRITE DATA USING SORT",
        "OPTIMIZE t REWRITE DATA USING BIN_PACK WHERE",
        "DELETE t",
    ):
        with pytest.raises(SyntaxProblem):
            parse(text)
