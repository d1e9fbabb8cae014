"""Results as ORC and Avro, which DuckDB does not write: it hands batches of rows on to who does."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sagewright_container.athena.errors import QueryError

_ROWS: Final = 65_536
"""Of a batch."""
_ORC: Final = ("zlib", "snappy", "zstd", "lz4", "none")


def write(connection: Any, select: str, asked: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """The rows of a query of DuckDB's as one file in the folder. Raises QueryError."""
    kinds = connection.execute(f"SELECT * FROM ({select}) LIMIT 0").description
    connection.fetchall()
    columns = [{"Name": name, "kind": kind} for name, kind, *_ in kinds]
    form, compression = asked["format"].lower(), asked.get("compression", "").lower()
    if asked.get("partitioned_by"):
        raise QueryError(f"NOT_SUPPORTED: Sagewright's Athena writes {form.upper()} without partitions.")
    WRITERS[form](connection, select, columns, compression, folder / f"0.{form}")
    return [{"path": f"0.{form}", "partition": [], "suffix": f".{form}"}]


def _orc(connection: Any, select: str, _columns: Sequence[Mapping[str, Any]], compression: str, target: Path) -> None:
    import pyarrow  # large, and for this alone
    from pyarrow import orc

    compression = compression or "zlib"
    if compression not in _ORC:
        raise QueryError(f"NOT_SUPPORTED: ORC is written with the compressions {', '.join(_ORC)}, not {compression}.")
    reader = connection.sql(select).to_arrow_reader(_ROWS)
    try:
        with orc.ORCWriter(str(target), compression=compression.replace("none", "uncompressed")) as writer:
            writer.write(reader.schema.empty_table())
            for batch in reader:
                writer.write(pyarrow.Table.from_batches([batch]))
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
        raise QueryError(f"NOT_SUPPORTED: ORC cannot hold a column of the result: {error}") from None


def _avro(connection: Any, select: str, columns: Sequence[Mapping[str, Any]], compression: str, target: Path) -> None:
    import fastavro

    if compression not in ("", "none", "uncompressed"):
        raise QueryError("NOT_SUPPORTED: Avro is written without compression: leave it out.")
    fields = [{"name": each["Name"], "type": ["null", _schema(each["kind"], each["Name"])]} for each in columns]
    schema = fastavro.parse_schema({"type": "record", "name": "row", "fields": fields})
    found = connection.execute(select)
    names = [each["Name"] for each in columns]

    def rows() -> Iterator[Mapping[str, Any]]:
        while batch := found.fetchmany(_ROWS):
            for row in batch:
                yield dict(zip(names, map(_value, row), strict=True))

    with target.open("wb") as file:
        fastavro.writer(file, schema, rows())


_PLAIN: Final[Mapping[str, Any]] = {
    "boolean": "boolean",
    "tinyint": "int",
    "smallint": "int",
    "integer": "int",
    "bigint": "long",
    "hugeint": "long",
    "float": "float",
    "double": "double",
    "varchar": "string",
    "blob": "bytes",
    "date": {"type": "int", "logicalType": "date"},
    **{
        name: {"type": "long", "logicalType": "timestamp-millis"}
        for name in ("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone")
    },
}


def _schema(kind: Any, name: str) -> Any:
    """Avro's type for one of DuckDB's; records are named by where they stand."""
    match str(kind.id):
        case "decimal":
            precision, scale = (int(value) for _, value in kind.children)
            return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
        case "list" | "array":
            return {"type": "array", "items": ["null", _schema(kind.children[0][1], f"{name}_item")]}
        case "map":
            return {"type": "map", "values": ["null", _schema(kind.children[1][1], f"{name}_value")]}
        case "struct":
            fields = [
                {"name": field, "type": ["null", _schema(child, f"{name}_{field}")]} for field, child in kind.children
            ]
            return {"type": "record", "name": name, "fields": fields}
    found = _PLAIN.get(str(kind).lower()) or _PLAIN.get(str(kind.id).lower())
    if found is None:
        raise QueryError(f"NOT_SUPPORTED: Avro cannot hold the column {name}, which is of the type {kind}.")
    return found


def _value(value: Any) -> Any:
    """As Avro's writer takes it: times are UTC's, keys of maps are text."""
    if isinstance(value, datetime.datetime) and value.tzinfo is None:
        return value.replace(tzinfo=datetime.UTC)
    if isinstance(value, list):
        return [_value(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _value(each) for key, each in value.items()}
    return value


WRITERS: Final[Mapping[str, Callable[..., None]]] = {"orc": _orc, "avro": _avro}
