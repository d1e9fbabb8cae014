"""The two kinds of Avro files that an Iceberg table has: which data files a commit added, and which of the former a
snapshot has."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

Bounds = Mapping[int, bytes]
_MARK: Final = b"sagewright Avro."
"""Between blocks; by itself it would be another one each time."""
_ADDED: Final = 1
_LARGEST: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file. `day` is the value of its partition; bounds are values by the ids of columns."""

    path: str
    day: str | None
    rows: int
    size: int
    least: Bounds
    greatest: Bounds


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest of files that were all added by one snapshot."""

    path: str
    size: int
    spec: int
    sequence: int
    snapshot: int
    files: Sequence[DataFile]


class Counts(NamedTuple):
    """Of all that a snapshot has."""

    files: int
    rows: int


def manifest(files: Sequence[DataFile], snapshot: int, schema: Mapping[str, Any], spec: Mapping[str, Any]) -> bytes:
    """The file that tells of data files."""
    field = spec["fields"][0] if spec["fields"] else None
    name = "" if field is None else _avro_name(field["name"])
    partition = [] if field is None else [_maybe(name, "string", field["field-id"])]
    entries = [
        {
            "status": _ADDED,
            "snapshot_id": snapshot,
            "data_file": {
                "content": 0,
                "file_path": each.path,
                "file_format": "PARQUET",
                "partition": {} if field is None else {name: each.day},
                "record_count": each.rows,
                "file_size_in_bytes": each.size,
                "lower_bounds": [{"key": key, "value": value} for key, value in each.least.items()],
                "upper_bounds": [{"key": key, "value": value} for key, value in each.greatest.items()],
            },
        }
        for each in files
    ]
    told = {
        "schema": orjson.dumps(schema).decode(),
        "schema-id": str(schema["schema-id"]),
        "partition-spec": orjson.dumps(spec["fields"]).decode(),
        "partition-spec-id": str(spec["spec-id"]),
        "format-version": "2",
        "content": "data",
    }
    return _written(_entries(partition), entries, told)


def manifest_list(
    before: bytes | None, added: Manifest, snapshot: int, parent: int | None, sequence: int
) -> tuple[bytes, Counts]:
    """The list of a snapshot: all of the one before, and one more. Raises ValueError and its like for what is no such
    list."""
    kept = [] if before is None else _read(before)
    rows = sum(each.rows for each in added.files)
    days = [each.day.encode() for each in added.files if each.day is not None]
    bounds = [{"contains_null": False, "lower_bound": min(days), "upper_bound": max(days)}] if days else []
    entry = {
        "manifest_path": added.path,
        "manifest_length": added.size,
        "partition_spec_id": added.spec,
        "content": 0,
        "sequence_number": added.sequence,
        "min_sequence_number": added.sequence,
        "added_snapshot_id": added.snapshot,
        "added_files_count": len(added.files),
        "existing_files_count": 0,
        "deleted_files_count": 0,
        "added_rows_count": rows,
        "existing_rows_count": 0,
        "deleted_rows_count": 0,
        "partitions": bounds,
    }
    told = {
        "snapshot-id": str(snapshot),
        "parent-snapshot-id": "null" if parent in (None, -1) else str(parent),
        "sequence-number": str(sequence),
        "format-version": "2",
    }
    entries: list[dict[str, Any]] = [*({name: each.get(name) for name in _NAMES} for each in kept), entry]
    data = [each for each in entries if not each["content"]]
    counts = Counts(
        sum(each["added_files_count"] + each["existing_files_count"] for each in data),
        sum(each["added_rows_count"] + each["existing_rows_count"] for each in data),
    )
    return _written(_LIST, entries, told), counts


def _written(schema: Any, rows: Sequence[Any], told: Mapping[str, str]) -> bytes:
    import fastavro

    file = io.BytesIO()
    fastavro.writer(file, fastavro.parse_schema(schema), rows, metadata=dict(told), sync_marker=_MARK)
    return file.getvalue()


def _read(data: bytes) -> list[dict[str, Any]]:
    import fastavro

    if len(data) > _LARGEST:
        raise ValueError(f"it has {len(data)} bytes")
    return [dict(each) for each in fastavro.reader(io.BytesIO(data))]  # type: ignore[arg-type]


def _avro_name(name: str) -> str:
    """Names in Avro have neither hyphens nor a digit first; Iceberg says what stands there instead."""
    first = f"_{name[0]}" if name[0].isdigit() else name[0]
    return first + "".join(each if each.isalnum() or each == "_" else f"_x{ord(each):X}" for each in name[1:])


def _field(name: str, kind: Any, number: int) -> dict[str, Any]:
    return {"name": name, "type": kind, "field-id": number}


def _maybe(name: str, kind: Any, number: int) -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "default": None, "field-id": number}


def _map(name: str, number: int) -> dict[str, Any]:
    """A map of columns' ids to single values, which Avro has as a list of pairs."""
    pair = {
        "type": "record",
        "name": f"k{number + 1}_v{number + 2}",
        "fields": [_field("key", "int", number + 1), _field("value", "bytes", number + 2)],
    }
    return _maybe(name, {"type": "array", "logicalType": "map", "items": pair}, number)


def _entries(partition: Sequence[Any]) -> dict[str, Any]:
    file = {
        "type": "record",
        "name": "r2",
        "fields": [
            _field("content", "int", 134),
            _field("file_path", "string", 100),
            _field("file_format", "string", 101),
            _field("partition", {"type": "record", "name": "r102", "fields": list(partition)}, 102),
            _field("record_count", "long", 103),
            _field("file_size_in_bytes", "long", 104),
            _map("lower_bounds", 125),
            _map("upper_bounds", 128),
        ],
    }
    return {
        "type": "record",
        "name": "manifest_entry",
        "fields": [
            _field("status", "int", 0),
            _maybe("snapshot_id", "long", 1),
            _maybe("sequence_number", "long", 3),
            _maybe("file_sequence_number", "long", 4),
            _field("data_file", file, 2),
        ],
    }


_SUMMARY: Final = {
    "type": "record",
    "name": "r508",
    "fields": [
        _field("contains_null", "boolean", 509),
        _maybe("contains_nan", "boolean", 518),
        _maybe("lower_bound", "bytes", 510),
        _maybe("upper_bound", "bytes", 511),
    ],
}
_LIST: Final[dict[str, Any]] = {
    "type": "record",
    "name": "manifest_file",
    "fields": [
        _field("manifest_path", "string", 500),
        _field("manifest_length", "long", 501),
        _field("partition_spec_id", "int", 502),
        _field("content", "int", 517),
        _field("sequence_number", "long", 515),
        _field("min_sequence_number", "long", 516),
        _field("added_snapshot_id", "long", 503),
        _field("added_files_count", "int", 504),
        _field("existing_files_count", "int", 505),
        _field("deleted_files_count", "int", 506),
        _field("added_rows_count", "long", 512),
        _field("existing_rows_count", "long", 513),
        _field("deleted_rows_count", "long", 514),
        _maybe("partitions", {"type": "array", "items": _SUMMARY, "element-id": 508}, 507),
        _maybe("key_metadata", "bytes", 519),
    ],
}
_NAMES: Final = tuple(each["name"] for each in _LIST["fields"])
