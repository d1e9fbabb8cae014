"""Which of a table's moments a query means: FOR TIMESTAMP AS OF and FOR VERSION AS OF."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

import sqlglot  # type: ignore[import-not-found]
from sqlglot import exp

from sagewright_container.athena.errors import QueryError
from sagewright_container.athena.iceberg import Iceberg, Snapshot


class Moment(NamedTuple):
    """What stands behind AS OF, as DuckDB's SQL."""

    version: bool
    """Or a time."""
    sql: str


def moment_of(table: exp.Table) -> Moment | None:
    """Takes it from a table in a query; None where the query says nothing. Raises QueryError."""
    told = table.args.get("version")
    if told is None:
        return None
    kind, value = str(told.this).upper(), told.expression
    if kind not in ("TIMESTAMP", "VERSION") or str(told.args.get("kind")).upper() != "AS OF" or value is None:
        raise QueryError("SYNTAX_ERROR: A moment of a table is FOR TIMESTAMP AS OF … or FOR VERSION AS OF ….")
    if value.find(exp.Column, exp.Query) is not None:
        raise QueryError("EXPRESSION_NOT_CONSTANT: What stands behind AS OF is a value, and names no columns.")
    table.set("version", None)
    return Moment(kind == "VERSION", value.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE))


def snapshot_of(connection: Any, iceberg: Iceberg, moment: Moment) -> Snapshot:
    """Raises QueryError where there is none, and DuckDB's errors."""
    found = connection.execute(f"SELECT {moment.sql}, now()").fetchall()[0]
    value, now = found
    if moment.version:
        if isinstance(value, str):
            return iceberg.of_reference(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return iceberg.of_number(value)
        raise QueryError("TYPE_MISMATCH: A version of a table is a number of type bigint or the name of a reference.")
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time())
    if not isinstance(value, datetime.datetime):
        raise QueryError(
            "TYPE_MISMATCH: Type of what stands behind FOR TIMESTAMP AS OF is invalid. Temporal pointers must be of "
            "type Timestamp, Timestamp with Time Zone, or Date."
        )
    value = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
    if value > now:
        raise QueryError(f"INVALID_ARGUMENTS: Pointer value '{value:%Y-%m-%d %H:%M:%S}' is not in the past")
    return iceberg.at(int(value.timestamp() * 1000))
