"""Rows as data files of an Iceberg table, and the manifest that tells of them: what a commit adds.

asked: `location` of the table, `name` (the query's, for names that nothing else has), `fields`, its columns, `schema`,
their number, and `spec`, how it is partitioned.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import fastavro

from sagewright_container.athena.iceberg_metadata import result_of
from sagewright_container.athena.iceberg_transforms import avro_type, expression, unscaled
from sagewright_container.athena.types import literal, quoted

_PART: Final = "$sagewright_part"
_ADDED: Final = 1
_LONGEST: Final = 16
"""Characters of a text that is a bound."""
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
Asked = Mapping[str, Any]


def write(connection: Any, rows: str, asked: Asked, folder: Path) -> dict[str, Any]:
    """`rows` is a table of DuckDB's with the table's columns. Returns `objects`, those to be stored: their paths in the
    folder by their keys below the table's location; and what the manifest's entry in the list is to say."""
    folder.mkdir(exist_ok=True)
    if not connection.execute(f"SELECT count(*) FROM {rows}").fetchall()[0][0]:
        return {"objects": {}, "manifest": None}
    files = [_described(connection, path, values, asked) for path, values in _written(connection, rows, asked, folder)]
    objects = {}
    for number, each in enumerate(files):
        each["key"] = f"data/{_place(each['partition'])}{asked['name']}_{number}.parquet"
        objects[each["key"]] = str(each["path"].relative_to(folder))
    manifest = folder / "manifest.avro"
    _write_manifest(files, asked, manifest)
    key = f"metadata/{asked['name']}-m0.avro"
    objects[key] = manifest.name
    told = {
        "key": key,
        "size": manifest.stat().st_size,
        "spec": asked["spec"]["spec-id"],
        "files": len(files),
        "rows": sum(each["rows"] for each in files),
        "bytes": sum(each["size"] for each in files),
    }
    return {"objects": objects, "manifest": told}


def _place(partition: Mapping[str, Any]) -> str:
    """A folder for people; nobody reads it."""
    parts = (f"{name}={value}" for name, value in partition.items())
    return "".join(f"{''.join(c if c.isalnum() or c in '=-_.' else '_' for c in part)[:100]}/" for part in parts)


def _written(connection: Any, rows: str, asked: Asked, folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Files, and the values of their partitions."""
    numbers = ", ".join(
        f"{quoted(each['name'].lower())}: {_number(each['id'], each['type'])}" for each in asked["fields"]
    )
    options = f"FORMAT parquet, COMPRESSION zstd, FIELD_IDS {{{numbers}}}"
    names = ", ".join(quoted(each["name"].lower()) for each in asked["fields"])
    fields = asked["spec"]["fields"]
    if not fields:
        target = folder / "0.parquet"
        connection.execute(f"COPY (SELECT {names} FROM {rows}) TO {literal(str(target))} ({options})")
        return [(target, {})]
    known = {each["id"]: each for each in asked["fields"]}
    told = []
    for each in fields:
        source = known[each["source-id"]]
        told.append(
            expression(connection, rows, source["name"].lower(), source["type"], each["transform"], folder.parent)
        )
    shown = ", ".join(f"{text} AS p{number}" for number, text in enumerate(told))
    keys = ", ".join(f"p{number}" for number in range(len(told)))
    connection.execute(
        f"CREATE TEMP TABLE parts AS SELECT *, row_number() OVER () AS part FROM (SELECT DISTINCT {shown} FROM {rows})"
    )
    same = " AND ".join(f"p{number} IS NOT DISTINCT FROM q{number}" for number in range(len(told)))
    placed = f"SELECT *, {', '.join(f'{text} AS q{number}' for number, text in enumerate(told))} FROM {rows}"
    connection.execute(
        f"COPY (SELECT {names}, part AS {quoted(_PART)} FROM ({placed}) JOIN parts ON {same}) "
        f"TO {literal(str(folder))} ({options}, PARTITION_BY ({quoted(_PART)}))"
    )
    partitions = {
        part: dict(zip([each["name"] for each in fields], values, strict=True))
        for *values, part in connection.execute(f"SELECT {keys}, part FROM parts").fetchall()
    }
    connection.execute("DROP TABLE parts")
    found = sorted(folder.rglob("*.parquet"))
    return [(path, partitions[int(path.parent.name.rpartition("=")[2])]) for path in found]


def _number(number: int, kind: Any) -> str:
    """How DuckDB is told the number of a column and of what is in it."""
    if isinstance(kind, str):
        return str(number)
    match kind["type"]:
        case "list":
            inner = {"element": _number(kind["element-id"], kind["element"])}
        case "map":
            inner = {"key": _number(kind["key-id"], kind["key"]), "value": _number(kind["value-id"], kind["value"])}
        case _:
            inner = {quoted(each["name"]): _number(each["id"], each["type"]) for each in kind["fields"]}
    told = ", ".join(f"{name}: {value}" for name, value in inner.items())
    return f"{{__duckdb_field_id: {number}, {told}}}"


def _described(connection: Any, path: Path, partition: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """What is known of a file's rows."""
    simple = [
        each for each in asked["fields"] if isinstance(each["type"], str) and each["type"] not in ("binary", "uuid")
    ]
    shown = ["count(*)"]
    for each in simple:
        name = quoted(each["name"].lower())
        only = f" FILTER (NOT isnan({name}))" if each["type"] in ("float", "double") else ""
        shown += [f"count({name})", f"min({name}){only}", f"max({name}){only}"]
    query = f"SELECT {', '.join(shown)} FROM read_parquet({literal(str(path))})"
    rows, *values = connection.execute(query).fetchall()[0]
    counts, nulls = list[tuple[int, int]](), list[tuple[int, int]]()
    least, greatest = list[tuple[int, bytes]](), list[tuple[int, bytes]]()
    for number, each in enumerate(simple):
        there, lowest, highest = values[number * 3 : number * 3 + 3]
        counts.append((each["id"], rows))
        nulls.append((each["id"], rows - there))
        for high, value, into in ((False, lowest, least), (True, highest, greatest)):
            packed = _single(each["type"], value, high=high)
            if packed is not None:
                into.append((each["id"], packed))
    return {
        "path": path,
        "partition": partition,
        "rows": rows,
        "size": path.stat().st_size,
        "counts": counts,
        "nulls": nulls,
        "least": least,
        "greatest": greatest,
    }


def _single(kind: str, value: Any, *, high: bool) -> bytes | None:
    """A bound in the form that Iceberg gives single values; None where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    match kind:
        case "boolean":
            return bytes([value])
        case "int":
            return struct.pack("<i", value)
        case "long":
            return struct.pack("<q", value)
        case "float":
            return struct.pack("<f", value)
        case "double":
            return struct.pack("<d", value)
        case "date":
            return struct.pack("<i", (value - _EPOCH.date()).days)
        case "timestamp" | "timestamptz":
            moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
            return struct.pack("<q", (moment - _EPOCH) // datetime.timedelta(microseconds=1))
        case "string":
            if len(value) > _LONGEST and high:
                return None
            return bytes(value[:_LONGEST].encode())
    return unscaled(value) if isinstance(value, decimal.Decimal) else None


def _write_manifest(files: Sequence[Mapping[str, Any]], asked: Asked, target: Path) -> None:
    """Its entries leave open which snapshot they are of: the list says it."""
    known = {each["id"]: each for each in asked["fields"]}
    partition = []
    for each in asked["spec"]["fields"]:
        kind = avro_type(result_of(each["transform"], known[each["source-id"]]["type"]), each["name"])
        partition.append(_maybe(_avro_name(each["name"]), kind, each["field-id"]))
    entries = [
        {
            "status": _ADDED,
            "data_file": {
                "content": 0,
                "file_path": f"{asked['location'].rstrip('/')}/{each['key']}",
                "file_format": "PARQUET",
                "partition": {_avro_name(name): value for name, value in each["partition"].items()},
                "record_count": each["rows"],
                "file_size_in_bytes": each["size"],
                "value_counts": _pairs(each["counts"]),
                "null_value_counts": _pairs(each["nulls"]),
                "lower_bounds": _pairs(each["least"]),
                "upper_bounds": _pairs(each["greatest"]),
            },
        }
        for each in files
    ]
    told = {
        "schema": json.dumps({"type": "struct", "schema-id": asked["schema"], "fields": asked["fields"]}),
        "schema-id": str(asked["schema"]),
        "partition-spec": json.dumps(asked["spec"]["fields"]),
        "partition-spec-id": str(asked["spec"]["spec-id"]),
        "format-version": "2",
        "content": "data",
    }
    with target.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(_entry(partition)), entries, metadata=told)


def _pairs(values: Sequence[tuple[int, Any]]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in values]


def _avro_name(name: str) -> str:
    """Names in Avro have neither hyphens nor a digit first; Iceberg says what stands there instead."""
    first = f"_{name[0]}" if name[0].isdigit() else name[0]
    return first + "".join(each if each.isalnum() or each == "_" else f"_x{ord(each):X}" for each in name[1:])


def _field(name: str, kind: Any, number: int) -> dict[str, Any]:
    return {"name": name, "type": kind, "field-id": number}


def _maybe(name: str, kind: Any, number: int) -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "default": None, "field-id": number}


def _map(name: str, value: str, number: int, key: int) -> dict[str, Any]:
    """A map by columns' numbers, which Avro has as a list of pairs."""
    fields = [_field("key", "int", key), _field("value", value, key + 1)]
    pair = {"type": "record", "name": f"k{key}_v{key + 1}", "fields": fields}
    return _maybe(name, {"type": "array", "logicalType": "map", "items": pair}, number)


def _entry(partition: Sequence[Any]) -> dict[str, Any]:
    file = [
        _field("content", "int", 134),
        _field("file_path", "string", 100),
        _field("file_format", "string", 101),
        _field("partition", {"type": "record", "name": "r102", "fields": list(partition)}, 102),
        _field("record_count", "long", 103),
        _field("file_size_in_bytes", "long", 104),
        _map("value_counts", "long", 109, 119),
        _map("null_value_counts", "long", 110, 121),
        _map("lower_bounds", "bytes", 125, 126),
        _map("upper_bounds", "bytes", 128, 129),
    ]
    return {
        "type": "record",
        "name": "manifest_entry",
        "fields": [
            _field("status", "int", 0),
            _maybe("snapshot_id", "long", 1),
            _maybe("sequence_number", "long", 3),
            _maybe("file_sequence_number", "long", 4),
            _field("data_file", {"type": "record", "name": "r2", "fields": file}, 2),
        ],
    }
