"""The two kinds of Avro files that an Iceberg table has: which data files a commit added, and which of the former a
snapshot has."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

Bounds = Mapping[int, bytes]
_MARK: Final = b"sagewright Avro."
"""Between blocks; by itself it would be another one each time."""
_EXISTING, _ADDED, GONE = 0, 1, 2
"""What an entry says of its file: it was there, it came, it was removed."""
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


class Manifest(NamedTuple):
    """A manifest, as a list of a snapshot tells of it."""

    path: str
    size: int
    spec: int
    files: int
    """That its snapshot added."""
    rows: int
    bytes: int = 0
    sequence: int = 0
    snapshot: int = 0
    kept: tuple[int, int] = (0, 0)
    """Files and rows of former snapshots."""
    gone: tuple[int, int] = (0, 0)
    """Files and rows that its snapshot removed."""
    oldest: int | None = None
    """The least sequence of a file, where it has others' files."""
    bounds: Sequence[Mapping[str, Any]] | None = None
    """Of each value that partitions are told by."""


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


def day_bounds(files: Sequence[DataFile]) -> Sequence[Mapping[str, Any]]:
    """The least and the greatest day."""
    days = [each.day.encode() for each in files if each.day is not None]
    return [{"contains_null": False, "lower_bound": min(days), "upper_bound": max(days)}] if days else []


def manifest_list(
    before: Sequence[Mapping[str, Any]], added: Sequence[Manifest], snapshot: int, parent: int | None, sequence: int
) -> tuple[bytes, Counts]:
    """The list of a snapshot: entries of the one before, and more."""
    told = {
        "snapshot-id": str(snapshot),
        "parent-snapshot-id": "null" if parent in (None, -1) else str(parent),
        "sequence-number": str(sequence),
        "format-version": "2",
    }
    entries: list[dict[str, Any]] = [
        *({name: each.get(name) for name in _NAMES} for each in before if _has_files(each)),
        *map(_entry, added),
    ]
    data = [each for each in entries if not each["content"]]
    counts = Counts(
        sum(each["added_files_count"] + each["existing_files_count"] for each in data),
        sum(each["added_rows_count"] + each["existing_rows_count"] for each in data),
    )
    return _written(_LIST, entries, told), counts


def _has_files(entry: Mapping[str, Any]) -> bool:
    return bool(entry["added_files_count"] + entry["existing_files_count"])


def _entry(manifest: Manifest) -> dict[str, Any]:
    return {
        "manifest_path": manifest.path,
        "manifest_length": manifest.size,
        "partition_spec_id": manifest.spec,
        "content": 0,
        "sequence_number": manifest.sequence,
        "min_sequence_number": manifest.sequence if manifest.oldest is None else manifest.oldest,
        "added_snapshot_id": manifest.snapshot,
        "added_files_count": manifest.files,
        "existing_files_count": manifest.kept[0],
        "deleted_files_count": manifest.gone[0],
        "added_rows_count": manifest.rows,
        "existing_rows_count": manifest.kept[1],
        "deleted_rows_count": manifest.gone[1],
        "partitions": manifest.bounds,
    }


def listed(data: bytes) -> list[dict[str, Any]]:
    """The entries of a list of manifests. Raises ValueError and its like for what is no such list."""
    found = _read(data)
    for each in found:
        for name in ("manifest_path", "manifest_length", "partition_spec_id", "added_files_count"):
            each[name]  # its absence is an error here, not later
        each["content"] = each.get("content") or 0
    return found


def entries(data: bytes) -> list[dict[str, Any]]:
    """The entries of a manifest. Raises ValueError and its like for what is none."""
    return _read(data)


def paths(data: bytes, *, there: bool = False) -> Iterator[str]:
    """Addresses of the files that a manifest tells of, or of those that are `there`."""
    for each in _read(data):
        if not there or each["status"] != GONE:
            yield each["data_file"]["file_path"]


class Rewriting:
    """Manifests of which something changes, brought together: what stays of those with the same layout is one."""

    def __init__(self, removed: frozenset[str], joined: frozenset[str], snapshot: int) -> None:
        """`removed` are addresses of data files, `joined` of manifests that become one in any case."""
        self.missing = set(removed)
        """Those of `removed` that were in no manifest."""
        self.removed_files, self.removed_rows = 0, 0
        self._joined, self._snapshot = joined, snapshot
        self._found: dict[tuple[int, str], _Rewritten] = {}

    def takes(self, told: Mapping[str, Any], read: Callable[[str], bytes]) -> bool:
        """Whether a manifest is among those; `told` is its entry in the list."""
        joined = told["manifest_path"] in self._joined
        if told["content"] or not (joined or self.missing):
            return False
        data = read(told["manifest_path"])
        found = [each for each in _read(data) if each["status"] != GONE]
        gone = {each["data_file"]["file_path"] for each in found} & self.missing
        if not (joined or gone):
            return False
        self.missing -= gone
        form, names = _form(data)
        into = self._found.setdefault(
            (told["partition_spec_id"], json.dumps(form, sort_keys=True)),
            _Rewritten(told["partition_spec_id"], form, names),
        )
        for each in found:
            into.add(each, told, self._snapshot, gone=each["data_file"]["file_path"] in gone)
            if each["status"] == GONE:
                self.removed_files += 1
                self.removed_rows += each["data_file"]["record_count"]
        into.widen(told)
        return True

    def written(self) -> Iterator[tuple[bytes, Manifest]]:
        """Each that comes of it, without its path and sequence."""
        for each in self._found.values():
            data = _written(each.form, each.entries, each.names)
            yield (
                data,
                Manifest(
                    "", len(data), each.spec, 0, 0, 0, 0, self._snapshot, each.kept, each.gone, each.oldest, each.bounds
                ),
            )


class _Rewritten:
    """What stays of some manifests, and what was removed from them."""

    def __init__(self, spec: int, form: Any, names: Mapping[str, str]) -> None:
        self.spec, self.form, self.names = spec, form, names
        self.entries: list[dict[str, Any]] = []
        self.kept = self.gone = (0, 0)
        self.oldest: int | None = None
        self.bounds: Sequence[Mapping[str, Any]] | None = ()

    def add(self, entry: dict[str, Any], told: Mapping[str, Any], snapshot: int, *, gone: bool) -> None:
        """What an entry leaves to be told by the list is written down, since another list will tell of it."""
        for name in ("sequence_number", "file_sequence_number"):
            if entry.get(name) is None:
                entry[name] = told["sequence_number"]
        if entry.get("snapshot_id") is None:
            entry["snapshot_id"] = told["added_snapshot_id"]
        rows, entry["status"] = entry["data_file"]["record_count"], GONE if gone else _EXISTING
        if gone:
            entry["snapshot_id"] = snapshot
            self.gone = self.gone[0] + 1, self.gone[1] + rows
        else:
            self.kept = self.kept[0] + 1, self.kept[1] + rows
            sequence = entry["sequence_number"]
            self.oldest = sequence if self.oldest is None else min(self.oldest, sequence)
        self.entries.append(entry)

    def widen(self, told: Mapping[str, Any]) -> None:
        """Bounds of values that are texts: others are not in the order of their bytes, and are left out."""
        bounds = told.get("partitions")
        partition = next(each for each in _file(self.form)["fields"] if each["name"] == "partition")["type"]
        if any("string" not in each["type"] for each in partition["fields"]) or bounds is None or self.bounds is None:
            self.bounds = None
        else:
            self.bounds = [_wider(*pair) for pair in zip(self.bounds, bounds, strict=True)] if self.bounds else bounds


def _wider(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    def both(name: str, pick: Callable[[bytes, bytes], bytes]) -> bytes | None:
        values = [each[name] for each in (one, other) if each.get(name) is not None]
        return pick(*values) if len(values) == 2 else (values[0] if values else None)  # one of nulls alone has none

    return {
        "contains_null": one["contains_null"] or other["contains_null"],
        "lower_bound": both("lower_bound", min),
        "upper_bound": both("upper_bound", max),
    }


def _form(data: bytes) -> tuple[Any, Mapping[str, str]]:
    """An Avro file's schema as it was written, and what else its head tells."""
    import fastavro

    told = {key: str(value) for key, value in fastavro.reader(io.BytesIO(data)).metadata.items()}
    form = json.loads(told["avro.schema"])
    return form, {key: value for key, value in told.items() if not key.startswith("avro.")}


def _file(form: Any) -> Any:
    return next(each for each in form["fields"] if each["name"] == "data_file")["type"]


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
