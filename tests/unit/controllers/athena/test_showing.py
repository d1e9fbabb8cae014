"""The catalog as text: what is shown can be said again. And types in Trino's words."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.controllers.athena import ddl, showing
from sagewright.controllers.athena.information_schema import trino_type
from sagewright.dataplane.athena.parsing import parse
from sagewright.dataplane.athena.statements import CreateTable, Show


class Catalog:
    """One that has what was made."""

    database = "db"

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}

    def full(self, place: Any) -> tuple[str, str]:
        return place[0] or self.database, place[1]

    def ask(self, _operation: str, **params: Any) -> dict[str, Any]:
        self.made = {**params["TableInput"], "DatabaseName": params["DatabaseName"]}
        return {}

    def table(self, _place: Any) -> dict[str, Any]:
        return self.made


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE EXTERNAL TABLE db.t (a int COMMENT 'it''s', b array<string>) PARTITIONED BY (d date) ROW FORMAT SERDE "
        r"'org.apache.hadoop.hive.serde2.OpenCSVSerde' WITH SERDEPROPERTIES ('separatorChar'='\t', 'escapeChar'='\\') "
        "LOCATION 's3://b/t/' TBLPROPERTIES ('skip.header.line.count'='1')",
        "CREATE EXTERNAL TABLE db.t (a int) STORED AS PARQUET LOCATION 's3://b/t/'",
    ],
)
def test_what_is_shown_makes_the_same_table(statement: str) -> None:
    first, again = Catalog(), Catalog()
    ddl.carry_out(parse(statement), first, None, None, query="q", now=0.0, again=False)  # type: ignore[arg-type]
    _, rows = showing.show(Show("create_table", ("db", "t")), first)  # type: ignore[arg-type]
    shown = parse("\n".join(line for (line,) in rows))
    assert isinstance(shown, CreateTable)
    ddl.carry_out(shown, again, None, None, query="q", now=0.0, again=False)  # type: ignore[arg-type]
    assert again.made == first.made


def test_types_in_trinos_words() -> None:
    told = {
        "string": "varchar",
        "decimal(10,2)": "decimal(10,2)",
        "map<string,array<struct<a:int,b:timestamp>>>": "map(varchar, array(row(a integer, b timestamp(3))))",
    }
    assert {hive: trino_type(hive) for hive in told} == told
