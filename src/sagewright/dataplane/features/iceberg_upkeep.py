"""What keeps an offline store's Iceberg table small: its files joined, its manifests too, old snapshots forgotten.

A trickle of records makes a commit each second, with a file for each day, a manifest and a snapshot. Here is bounded
what that comes to. Files of a day are joined when together they are more than the next larger one, so each row is
written again as often as what it lies in doubles. A commit like others does it: nothing of it shows in the rows.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sagewright.dataplane.features import parquet_joining as joining
from sagewright.dataplane.iceberg import commits, manifests
from sagewright.dataplane.iceberg.commits import Change, Metadata, Read, Written
from sagewright.dataplane.iceberg.manifests import DataFile, Manifest

MANIFESTS: Final = 40
"""Small manifests that a table may have before they are joined, and with them the files."""
_SMALL: Final = 1 << 20
"""Bytes of a manifest that is not joined with others any more."""
_FEWEST: Final = 8
"""Files of a day that are worth it."""
_LARGE: Final = 32 << 20
"""Bytes of a file that is not joined with others any more."""
_AT_ONCE: Final = 128 << 20
"""Bytes of all files that are joined in one commit."""
SNAPSHOTS: Final = 600
"""Snapshots that a table may have before some are forgotten."""
_NEWEST: Final = 150
_HOUR, _DAY = 3_600_000, 86_400_000
_KEPT: Final = ((_HOUR, 2 * _DAY), (_DAY, 90 * _DAY))
"""Behind the newest: the first and the last one of each hour of two days, and of each day of 90. Of two that follow
each other it is known what the table was from the one to the other: here, when the hour or the day began."""


def due(table: Metadata, listed: bytes) -> bool:
    """Whether a table is to be looked at, by its list of manifests."""
    small = [each for each in manifests.listed(listed) if each["manifest_length"] < _SMALL]
    return len(small) >= MANIFESTS or len(table.get("snapshots", ())) > SNAPSHOTS


def joined(table: Metadata, place: str, now: int, read: Read) -> Written | None:
    """The table with fewer files and manifests; None where it has few, or others delete its rows by files of their own.
    `now` is in milliseconds. Raises BadTable."""
    listed = commits.listed_of(table, read)
    small = [each for each in listed if not each["content"] and each["manifest_length"] < _SMALL]
    if len(small) < MANIFESTS or any(each["content"] for each in listed):
        return None
    schema, spec = commits.current_schema(table), commits.current_spec(table)
    bounded = _bounded(schema)
    by_day: dict[str | None, list[Mapping[str, Any]]] = {}
    for each in small:
        if each["partition_spec_id"] == spec["spec-id"]:
            for entry in manifests.entries(read(each["manifest_path"])):
                file = entry["data_file"]
                if entry["status"] != manifests.GONE and file["file_size_in_bytes"] < _LARGE:
                    by_day.setdefault(next(iter(file["partition"].values()), None), []).append(file)
    name = hashlib.sha256(f"{place}/joined/{now}".encode()).hexdigest()
    location, objects = table["location"].rstrip("/"), list[tuple[str, bytes]]()
    made, removed = list[DataFile](), set[str]()
    left = _AT_ONCE
    for day, files in sorted(by_day.items(), key=lambda each: each[0] or ""):
        for some in _of_one_layout(_worth_it(files), left, read):
            data = joining.joined([file for _, file in some])
            left -= len(data)
            folder = f"data/{name[:8]}" + ("" if day is None else f"/{spec['fields'][0]['name']}={day}")
            key = f"{folder}/{name[8:24]}_{len(made)}.parquet"
            objects.append((key, data))
            told = [each for each, _ in some]
            least, greatest = (bounded(told, which) for which in ("lower_bounds", "upper_bounds"))
            rows = sum(each["record_count"] for each in told)
            made.append(DataFile(f"{location}/{key}", day, rows, len(data), least, greatest))
            removed |= {each["file_path"] for each in told}
    change = Change(
        "replace",
        name,
        now,
        added=[_manifest(objects, made, name, location, schema, spec)] if made else [],
        removed=frozenset(removed),
        joined=frozenset(each["manifest_path"] for each in small),
    )
    written = commits.committed(table, place, change, read)
    return written._replace(objects=[*objects, *written.objects])


def _manifest(
    objects: list[tuple[str, bytes]],
    files: Sequence[DataFile],
    name: str,
    location: str,
    schema: Metadata,
    spec: Metadata,
) -> Manifest:
    """Adds the manifest of the joined files to `objects`."""
    data = manifests.manifest(files, int(name[:16], 16) >> 1, schema, spec)
    objects.append((f"metadata/{name[16:48]}-m0.avro", data))
    rows, size = sum(each.rows for each in files), sum(each.size for each in files)
    bounds = manifests.day_bounds(files)
    path = f"{location}/{objects[-1][0]}"
    return Manifest(path, len(data), spec["spec-id"], len(files), rows, size, bounds=bounds)


def _worth_it(files: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The smallest files, as far as each is no larger than those before it together."""
    found: list[Mapping[str, Any]] = []
    size = 0
    for each in sorted(files, key=lambda file: (file["file_size_in_bytes"], file["file_path"])):
        if len(found) >= _FEWEST and each["file_size_in_bytes"] > size:
            break
        found.append(each)
        size += each["file_size_in_bytes"]
    return found if len(found) >= _FEWEST else ()


def _of_one_layout(
    files: Sequence[Mapping[str, Any]], most: int, read: Read
) -> Iterable[Sequence[tuple[Mapping[str, Any], joining.File]]]:
    """Files that can be joined, at most so many bytes of them."""
    found: dict[tuple[bytes, ...], list[tuple[Mapping[str, Any], joining.File]]] = {}
    for each in files:
        most -= each["file_size_in_bytes"]
        if most < 0:
            break
        file = joining.opened(read(each["file_path"]))
        if file is not None and file.rows == each["record_count"]:
            found.setdefault(tuple(file.elements), []).append((each, file))
    return [some for some in found.values() if len(some) > 1]


def _bounded(schema: Metadata) -> Callable[[Sequence[Mapping[str, Any]], str], dict[int, bytes]]:
    """Gives the bounds of several files together: those of texts and of numbers, where each has one."""
    kinds = {each["id"]: each["type"] for each in schema["fields"]}

    def bounds(files: Sequence[Mapping[str, Any]], which: str) -> dict[int, bytes]:
        told = [{each["key"]: each["value"] for each in file.get(which) or ()} for file in files]
        pick = min if which == "lower_bounds" else max
        found = {}
        for number in sorted(set(told[0]).intersection(*told[1:])):
            values = [each[number] for each in told]
            if kinds.get(number) == "string":
                found[number] = pick(values)
            elif kinds.get(number) == "double":
                found[number] = struct.pack("<d", pick(struct.unpack("<d", each)[0] for each in values))
        return found

    return bounds


def forgotten(table: Metadata, place: str, now: int, read: Read) -> Written | None:
    """The table with fewer snapshots; None where it has few. `now` is in milliseconds. Raises BadTable."""
    snapshots = table.get("snapshots", [])
    if len(snapshots) <= SNAPSHOTS:
        return None
    kept = {each["snapshot-id"] for each in table.get("refs", {}).values()} | {table.get("current-snapshot-id")}
    kept |= {each["snapshot-id"] for each in snapshots[-_NEWEST:]}
    for step, age in _KEPT:
        for some in (snapshots, reversed(snapshots)):
            found = {each["timestamp-ms"] // step: each["snapshot-id"] for each in some}
            kept |= {number for span, number in found.items() if (span + 1) * step > now - age}
    gone = frozenset(each["snapshot-id"] for each in snapshots) - kept
    return commits.expired(table, place, gone, now, read) if gone else None
