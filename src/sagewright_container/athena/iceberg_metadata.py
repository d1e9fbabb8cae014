"""What an Iceberg table tells of itself: `"table$snapshots"` and its like, as tables."""

from __future__ import annotations

import datetime
import decimal
import json
import struct
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sagewright_container.athena.iceberg import Iceberg

Row = dict[str, Any]
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def columns(iceberg: Iceberg, name: str) -> Mapping[str, str]:
    """DuckDB's types of a metadata table's columns."""
    if name != "partitions":
        return _COLUMNS[name]
    found: dict[str, str] = {}
    if keys := _keys(iceberg):
        found["partition"] = f"STRUCT({', '.join(f'{_name(key)} {kind}' for key, kind in keys.items())})"
    found |= {"record_count": "BIGINT", "file_count": "BIGINT", "total_size": "BIGINT"}
    bounds = [
        f"{_name(each['name'])} STRUCT(min {iceberg.kind(each['type'])}, max {iceberg.kind(each['type'])}, "
        "null_count BIGINT, nan_count BIGINT)"
        for each in iceberg.fields
        if isinstance(each["type"], str)
    ]
    return found | ({"data": f"STRUCT({', '.join(bounds)})"} if bounds else {})


def lines(iceberg: Iceberg, name: str) -> Iterator[str]:
    """Its rows as JSON."""
    return (json.dumps(row, default=str) for row in _ROWS[name](iceberg))


def _snapshots(iceberg: Iceberg) -> Iterator[Row]:
    for each in iceberg.document.get("snapshots", ()):
        summary = dict(each.get("summary", {}))
        yield {
            "committed_at": _moment(each["timestamp-ms"]),
            "snapshot_id": each["snapshot-id"],
            "parent_id": each.get("parent-snapshot-id"),
            "operation": summary.pop("operation", None),
            "manifest_list": each.get("manifest-list"),
            "summary": summary,
        }


def _history(iceberg: Iceberg) -> Iterator[Row]:
    ancestors, snapshot = set(), iceberg.current
    while snapshot is not None and snapshot["snapshot-id"] not in ancestors:
        ancestors.add(snapshot["snapshot-id"])
        snapshot = iceberg.snapshot(snapshot.get("parent-snapshot-id"))
    for each in iceberg.document.get("snapshot-log", ()):
        parent = iceberg.snapshot(each["snapshot-id"])
        yield {
            "made_current_at": _moment(each["timestamp-ms"]),
            "snapshot_id": each["snapshot-id"],
            "parent_id": None if parent is None else parent.get("parent-snapshot-id"),
            "is_current_ancestor": each["snapshot-id"] in ancestors,
        }


def _refs(iceberg: Iceberg) -> Iterator[Row]:
    for name, each in iceberg.document.get("refs", {}).items():
        yield {
            "name": name,
            "type": each["type"].upper(),
            "snapshot_id": each["snapshot-id"],
            "max_reference_age_in_ms": each.get("max-ref-age-ms"),
            "min_snapshots_to_keep": each.get("min-snapshots-to-keep"),
            "max_snapshot_age_in_ms": each.get("max-snapshot-age-ms"),
        }


def _manifests(iceberg: Iceberg) -> Iterator[Row]:
    for each in iceberg.manifests(iceberg.current):
        spec = _spec(iceberg, each["partition_spec_id"])
        yield {
            "path": each["manifest_path"],
            "length": each["manifest_length"],
            "partition_spec_id": each["partition_spec_id"],
            "added_snapshot_id": each["added_snapshot_id"],
            "added_data_files_count": each.get("added_files_count", each.get("added_data_files_count")),
            "added_rows_count": each.get("added_rows_count"),
            "existing_data_files_count": each.get("existing_files_count", each.get("existing_data_files_count")),
            "existing_rows_count": each.get("existing_rows_count"),
            "deleted_data_files_count": each.get("deleted_files_count", each.get("deleted_data_files_count")),
            "deleted_rows_count": each.get("deleted_rows_count"),
            "partition_summaries": [
                {
                    "contains_null": summary["contains_null"],
                    "contains_nan": summary.get("contains_nan"),
                    "lower_bound": _text(iceberg, field, summary.get("lower_bound")),
                    "upper_bound": _text(iceberg, field, summary.get("upper_bound")),
                }
                for field, summary in zip(spec, each.get("partitions") or (), strict=False)
            ],
        }


def _files(iceberg: Iceberg) -> Iterator[Row]:
    kinds = {each["id"]: each["type"] for each in iceberg.fields}
    for each in iceberg.files(iceberg.current):
        yield {
            "content": each.get("content", 0),
            "file_path": each["file_path"],
            "file_format": each["file_format"],
            "record_count": each["record_count"],
            "file_size_in_bytes": each["file_size_in_bytes"],
            **{name: _mapped(each.get(name)) for name in _COUNTS},
            **{
                name: {key: str(value_of(kinds.get(int(key)), value)) for key, value in told.items()}
                for name in ("lower_bounds", "upper_bounds")
                if (told := _mapped(each.get(name))) is not None
            },
            "key_metadata": None,
            "split_offsets": each.get("split_offsets"),
            "equality_ids": each.get("equality_ids"),
        }


def _partitions(iceberg: Iceberg) -> Iterator[Row]:
    """Files of one partition together. A bound that one of them does not tell is none of all of them."""
    keys, found = _keys(iceberg), dict[str, Row]()
    fields = [each for each in iceberg.fields if isinstance(each["type"], str)]
    for file in iceberg.files(iceberg.current):
        partition = {key: file["partition"].get(key) for key in keys}
        row = found.get(json.dumps(partition, default=str))
        told = {each["name"]: _bounds(each, file) for each in fields}
        if row is None:
            row = {"partition": partition, "record_count": 0, "file_count": 0, "total_size": 0, "data": told}
            found[json.dumps(partition, default=str)] = row
        else:
            row["data"] = {name: _widened(row["data"][name], each) for name, each in told.items()}
        row["record_count"] += file["record_count"]
        row["file_count"] += 1
        row["total_size"] += file["file_size_in_bytes"]
    yield from found.values()


def _bounds(field: Mapping[str, Any], file: Mapping[str, Any]) -> Row:
    def of(name: str) -> Any:
        return (_mapped(file.get(name)) or {}).get(str(field["id"]))

    return {
        "min": value_of(field["type"], of("lower_bounds")),
        "max": value_of(field["type"], of("upper_bounds")),
        "null_count": of("null_value_counts"),
        "nan_count": of("nan_value_counts"),
    }


def _widened(one: Row, other: Row) -> Row:
    def both(name: str, join: Callable[[Any, Any], Any]) -> Any:
        return None if one[name] is None or other[name] is None else join(one[name], other[name])

    return {
        "min": both("min", min),
        "max": both("max", max),
        "null_count": both("null_count", lambda a, b: a + b),
        "nan_count": both("nan_count", lambda a, b: a + b),
    }


def _spec(iceberg: Iceberg, number: int) -> list[Mapping[str, Any]]:
    found = [each for each in iceberg.document["partition-specs"] if each["spec-id"] == number]
    return list(found[0]["fields"]) if found else []


def _keys(iceberg: Iceberg) -> dict[str, str]:
    """DuckDB's types of the values that partitions are told by, as they are laid out now."""
    kinds = {each["id"]: each["type"] for each in iceberg.fields}
    found = {}
    for each in _spec(iceberg, iceberg.document["default-spec-id"]):
        kind = kinds.get(each["source-id"], "string")
        found[each["name"]] = iceberg.kind(result_of(each["transform"], kind))
    return found


def result_of(transform: str, kind: Any) -> Any:
    """Iceberg's type of what a transform makes of values of a type."""
    if transform.startswith("bucket") or transform in ("year", "month", "hour"):
        return "int"
    return "date" if transform == "day" else kind


def _text(iceberg: Iceberg, field: Mapping[str, Any], value: bytes | None) -> str | None:
    kinds = {each["id"]: each["type"] for each in iceberg.fields}
    kind = result_of(field["transform"], kinds.get(field["source-id"], "string"))
    return None if value is None else str(value_of(kind, value))


def value_of(kind: Any, value: bytes | None) -> Any:
    """A value from the form that Iceberg gives single ones."""
    if value is None or not isinstance(kind, str):
        return None
    if kind.startswith("decimal"):
        scale = int(kind.rstrip(")").rpartition(",")[2])
        return decimal.Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-scale)
    match kind:
        case "boolean":
            return value != b"\0"
        case "int" | "long":
            return int.from_bytes(value, "little", signed=True)
        case "float" | "double":
            return struct.unpack("<f" if len(value) == 4 else "<d", value)[0]
        case "date":
            return (_EPOCH + datetime.timedelta(days=int.from_bytes(value, "little", signed=True))).date()
        case "timestamp" | "timestamptz":
            made = _EPOCH + datetime.timedelta(microseconds=int.from_bytes(value, "little", signed=True))
            return made if kind == "timestamptz" else made.replace(tzinfo=None)
        case "string":
            return value.decode(errors="replace")
        case "uuid":
            return uuid.UUID(bytes=value)
    return None


def _mapped(pairs: Any) -> dict[str, Any] | None:
    """A map by columns' numbers, which Avro has as a list of pairs."""
    return None if pairs is None else {str(each["key"]): each["value"] for each in pairs}


def _moment(milliseconds: int) -> str:
    return (_EPOCH + datetime.timedelta(milliseconds=milliseconds)).isoformat()


def _name(name: str) -> str:
    return '"' + name.lower().replace('"', '""') + '"'


_COUNTS: Final = ("column_sizes", "value_counts", "null_value_counts", "nan_value_counts")
_ROWS: Final[Mapping[str, Callable[[Iceberg], Iterator[Row]]]] = {
    "files": _files,
    "history": _history,
    "manifests": _manifests,
    "partitions": _partitions,
    "refs": _refs,
    "snapshots": _snapshots,
}
NAMES: Final = frozenset(_ROWS)
_SUMMARY: Final = "STRUCT(contains_null BOOLEAN, contains_nan BOOLEAN, lower_bound VARCHAR, upper_bound VARCHAR)"
_COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "snapshots": {
        "committed_at": "TIMESTAMPTZ",
        "snapshot_id": "BIGINT",
        "parent_id": "BIGINT",
        "operation": "VARCHAR",
        "manifest_list": "VARCHAR",
        "summary": "MAP(VARCHAR, VARCHAR)",
    },
    "history": {
        "made_current_at": "TIMESTAMPTZ",
        "snapshot_id": "BIGINT",
        "parent_id": "BIGINT",
        "is_current_ancestor": "BOOLEAN",
    },
    "refs": {
        "name": "VARCHAR",
        "type": "VARCHAR",
        "snapshot_id": "BIGINT",
        "max_reference_age_in_ms": "BIGINT",
        "min_snapshots_to_keep": "INTEGER",
        "max_snapshot_age_in_ms": "BIGINT",
    },
    "manifests": {
        "path": "VARCHAR",
        "length": "BIGINT",
        "partition_spec_id": "INTEGER",
        "added_snapshot_id": "BIGINT",
        "added_data_files_count": "INTEGER",
        "added_rows_count": "BIGINT",
        "existing_data_files_count": "INTEGER",
        "existing_rows_count": "BIGINT",
        "deleted_data_files_count": "INTEGER",
        "deleted_rows_count": "BIGINT",
        "partition_summaries": f"{_SUMMARY}[]",
    },
    "files": {
        "content": "INTEGER",
        "file_path": "VARCHAR",
        "file_format": "VARCHAR",
        "record_count": "BIGINT",
        "file_size_in_bytes": "BIGINT",
        **dict.fromkeys(_COUNTS, "MAP(INTEGER, BIGINT)"),
        "lower_bounds": "MAP(INTEGER, VARCHAR)",
        "upper_bounds": "MAP(INTEGER, VARCHAR)",
        "key_metadata": "BLOB",
        "split_offsets": "BIGINT[]",
        "equality_ids": "INTEGER[]",
    },
}
