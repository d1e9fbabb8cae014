"""What Iceberg makes of values to tell partitions by: expressions of DuckDB's, and how Avro has the results."""

from __future__ import annotations

import datetime
import decimal
import json
import re
from pathlib import Path
from typing import Any, Final

from sagewright_container.athena.errors import QueryError
from sagewright_container.athena.types import literal, quoted

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_M: Final = 0xFFFFFFFF


def expression(connection: Any, rows: str, column: str, kind: Any, transform: str, scratch: Path) -> str:
    """An expression over the rows of a table of DuckDB's; `kind` is Iceberg's type of the column. Raises QueryError."""
    name = quoted(column)
    match re.fullmatch(r"(\w+)(?:\[(\d+)\])?", transform):
        case None:
            pass
        case found:
            match found[1], found[2]:
                case "identity", None:
                    return name
                case "void", None:
                    return f"CASE WHEN false THEN {name} END"
                case "year", None:
                    return f"CAST(year({name}) - 1970 AS INTEGER)"
                case "month", None:
                    return f"CAST((year({name}) - 1970) * 12 + month({name}) - 1 AS INTEGER)"
                case "day", None:
                    return f"CAST({name} AS DATE)"
                case "hour", None:
                    return f"CAST(floor(epoch({name}) / 3600) AS INTEGER)"
                case "truncate", str(width) if kind == "string":
                    return f"left({name}, {width})"
                case "truncate", str(width) if kind in ("int", "long"):
                    return f"({name} - ((({name} % {width}) + {width}) % {width}))"
                case "bucket", str(many):
                    return _bucket(connection, rows, name, kind, int(many), scratch)
    raise QueryError(f"NOT_SUPPORTED: Sagewright's Athena does not write partitions by {transform} of a {kind}.")


def _bucket(connection: Any, rows: str, name: str, kind: Any, many: int, scratch: Path) -> str:
    """Each value is hashed here, once."""
    number = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'bucket\\_%' ESCAPE '\\'")
    table = f"bucket_{number.fetchall()[0][0]}"
    connection.execute(f"CREATE TEMP TABLE {table} (value {_type_of(connection, rows, name)}, bucket INTEGER)")
    values = connection.execute(f"SELECT DISTINCT {name} FROM {rows} WHERE {name} IS NOT NULL").fetchall()
    target = scratch / f"{table}.json"
    told = ({"value": str(value), "bucket": bucket_of(value, many)} for (value,) in values)
    target.write_text("\n".join(json.dumps(each) for each in told))
    if values:
        columns = "{'value': 'VARCHAR', 'bucket': 'INTEGER'}"
        source = f"read_json({literal(str(target))}, format='newline_delimited', columns={columns})"
        connection.execute(f"INSERT INTO {table} SELECT * FROM {source}")
    return f"(SELECT {table}.bucket FROM {table} WHERE {table}.value = {name})"


def _type_of(connection: Any, rows: str, name: str) -> str:
    return str(connection.execute(f"SELECT typeof({name}) FROM {rows} LIMIT 1").fetchall()[0][0])


def bucket_of(value: Any, many: int) -> int:
    """Which of so many a value falls into, as the format says."""
    return (murmur3(hashed(value)) & 0x7FFFFFFF) % many


def hashed(value: Any) -> bytes:
    """The bytes of a value that are hashed. Raises QueryError."""
    match value:
        case bool():
            pass
        case int():
            return value.to_bytes(8, "little", signed=True)
        case str():
            return value.encode()
        case bytes():
            return value
        case datetime.datetime():
            moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
            return ((moment - _EPOCH) // datetime.timedelta(microseconds=1)).to_bytes(8, "little", signed=True)
        case datetime.date():
            return (value - _EPOCH.date()).days.to_bytes(8, "little", signed=True)
        case decimal.Decimal():
            return unscaled(value)
    raise QueryError(f"NOT_SUPPORTED: Values such as {value} cannot be told by buckets.")


def unscaled(value: decimal.Decimal) -> bytes:
    """The digits of a decimal as a number, in as few bytes as it takes."""
    sign, digits, _ = value.as_tuple()
    number = int("".join(map(str, digits)))
    number = -number if sign else number
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def murmur3(data: bytes) -> int:
    """Murmur3's hash of 32 bits, of seed 0."""

    def mixed(k: int) -> int:
        k = k * 0xCC9E2D51 & _M
        return (k << 15 | k >> 17) * 0x1B873593 & _M

    h = 0
    end = len(data) // 4 * 4
    for at in range(0, end, 4):
        h ^= mixed(int.from_bytes(data[at : at + 4], "little"))
        h = ((h << 13 | h >> 19) & _M) * 5 + 0xE6546B64 & _M
    if len(data) > end:
        h ^= mixed(int.from_bytes(data[end:], "little"))
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & _M
    h = (h ^ h >> 13) * 0xC2B2AE35 & _M
    return h ^ h >> 16


def avro_type(kind: Any, name: str) -> Any:
    """How Avro has a value of a simple type of Iceberg's. Raises QueryError."""
    if isinstance(kind, str):
        if kind in ("boolean", "int", "long", "float", "double", "string"):
            return kind
        if kind == "binary":
            return "bytes"
        if kind == "date":
            return {"type": "int", "logicalType": "date"}
        if kind in ("timestamp", "timestamptz"):
            return {"type": "long", "logicalType": "timestamp-micros", "adjust-to-utc": kind == "timestamptz"}
    raise QueryError(
        f"NOT_SUPPORTED: Sagewright's Athena does not write partitions that are told by the {kind} {name}."
    )
