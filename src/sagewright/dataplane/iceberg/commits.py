"""From a change of a table to the objects of a commit: a manifest for what stays of others, a list, a document.

All of it follows from the change and from the table as it was: who is killed and does it again writes the same objects.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from sagewright.base.errors import SagewrightError
from sagewright.dataplane.iceberg import manifests
from sagewright.dataplane.iceberg.manifests import Manifest, Rewriting

Metadata = dict[str, Any]
Read = Callable[[str], bytes]
"""Gives an object's bytes by its address."""
_LOGGED: Final = 100
"""Documents of former states that a table names."""


class BadTable(SagewrightError):
    """A table that cannot be written to; the message says why."""


class Moved(SagewrightError):
    """Files that a commit would take from the table are not in it any more."""


class Written(NamedTuple):
    """What a commit consists of."""

    objects: Sequence[tuple[str, bytes]]
    """By their keys below the table's location, the table's document last."""
    document: str
    """The key of the table's document."""
    table: Metadata
    """What the document says."""
    unused: Sequence[str] = ()
    """Addresses of objects that nothing needs once this is committed."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit does to a table's rows. Objects that it brings along are written before it."""

    operation: str
    """append, overwrite, delete, or replace, which leaves the rows as they are."""
    name: str
    """64 hexadecimal digits that no other commit has."""
    written: int
    """When, in milliseconds."""
    added: Sequence[Manifest] = ()
    removed: frozenset[str] = frozenset()
    """Addresses of data files."""
    joined: frozenset[str] = frozenset()
    """Addresses of manifests that become one."""
    properties: Mapping[str, str] = field(default_factory=dict)
    summary: Mapping[str, str] = field(default_factory=dict)

    @property
    def snapshot(self) -> int:
        return int(self.name[:16], 16) >> 1


def committed(table: Metadata, place: str, change: Change, read: Read) -> Written:
    """The table with a change; `place` is where its document lies. Raises BadTable where somebody has made something of
    it that is not written to, and Moved."""
    if table.get("format-version") != 2:
        raise BadTable("The Iceberg table has another format than version 2, which is what is written here.")
    table, location = dict(table), table["location"].rstrip("/")
    before, parent = listed_of(table, read), table.get("current-snapshot-id", -1)
    if change.removed and any(each["content"] for each in before):
        raise BadTable("Rows of the Iceberg table were deleted by delete files, which are not written to here.")
    sequence = table["last-sequence-number"] + 1
    objects: list[tuple[str, bytes]] = []
    kept, rewritten = [], []
    try:
        rewriting = Rewriting(change.removed, change.joined, change.snapshot)
        for each in before:
            if not rewriting.takes(each, read):
                kept.append(each)
        for number, (data, manifest) in enumerate(rewriting.written(), 1):
            key = f"metadata/{change.name[16:48]}-m{number}.avro"
            objects.append((key, data))
            rewritten.append(manifest._replace(path=f"{location}/{key}", sequence=sequence))
        if rewriting.missing:
            raise Moved(f"{len(rewriting.missing)} data files are no longer in the table.")
        added = [each._replace(sequence=sequence, snapshot=change.snapshot) for each in change.added]
        packed, counts = manifests.manifest_list(kept, [*added, *rewritten], change.snapshot, parent, sequence)
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise BadTable(f"The Iceberg table's manifests cannot be read: {error}") from error
    listed = f"metadata/snap-{change.snapshot}-1-{change.name[16:48]}.avro"
    objects.append((listed, packed))
    schema = current_schema(table)
    told = {
        "operation": change.operation,
        **_told("added", [each.files for each in added], [each.rows for each in added]),
        "added-files-size": str(sum(each.bytes for each in added)),
        **(_told("deleted", [rewriting.removed_files], [rewriting.removed_rows]) if change.removed else {}),
        "total-data-files": str(counts.files),
        "total-records": str(counts.rows),
        **change.summary,
    }
    made = {
        "snapshot-id": change.snapshot,
        "sequence-number": sequence,
        "timestamp-ms": max(change.written, table["last-updated-ms"]),
        "manifest-list": f"{location}/{listed}",
        "schema-id": schema["schema-id"],
        "summary": told,
        **({"parent-snapshot-id": parent} if parent not in (-1, None) else {}),
    }
    table["snapshots"] = [*table.get("snapshots", []), made]
    log = {"snapshot-id": change.snapshot, "timestamp-ms": made["timestamp-ms"]}
    table["snapshot-log"] = [*table.get("snapshot-log", []), log]
    table["current-snapshot-id"], table["last-sequence-number"] = change.snapshot, sequence
    table["refs"] = {**table.get("refs", {}), "main": {"snapshot-id": change.snapshot, "type": "branch"}}
    table["properties"] = {**table.get("properties", {}), **change.properties}
    return succeeded(table, objects, place, change.written, change.name)


def _told(what: str, files: Iterable[int], rows: Iterable[int]) -> dict[str, str]:
    return {f"{what}-data-files": str(sum(files)), f"{what}-records": str(sum(rows))}


def listed_of(table: Metadata, read: Read) -> Sequence[dict[str, Any]]:
    """What the list of the current snapshot says of manifests. Raises BadTable."""
    current = table.get("current-snapshot-id")
    found = [each for each in table.get("snapshots", ()) if each["snapshot-id"] == current]
    if not found:
        return ()
    try:
        return manifests.listed(read(found[0]["manifest-list"]))
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise BadTable(f"The Iceberg table's list of manifests cannot be read: {error}") from error


def succeeded(table: Metadata, objects: Sequence[tuple[str, bytes]], place: str, written: int, more: object) -> Written:
    """The document that follows the one at `place`; `written` is in milliseconds, `more` tells it from others."""
    log = [*table.get("metadata-log", []), {"metadata-file": place, "timestamp-ms": table["last-updated-ms"]}]
    table["metadata-log"] = log[-_LOGGED:]
    table["last-updated-ms"] = max(written, table["last-updated-ms"])
    number = place.rpartition("/")[2].partition("-")[0]
    made = document(table, objects, f"{place}/{more}", int(number) + 1 if number.isdigit() else 1)
    return made._replace(unused=[each["metadata-file"] for each in log[:-_LOGGED]])


def document(table: Metadata, objects: Sequence[tuple[str, bytes]], named: str, number: int) -> Written:
    """The objects of a commit and its document."""
    data = orjson.dumps(table)
    # What it says is part of its name: of two who change the same table at once, each has a document of its own.
    made = uuid.UUID(hashlib.sha256(named.encode() + data).hexdigest()[:32])
    key = f"metadata/{number:05}-{made}.metadata.json"
    return Written([*objects, (key, data)], key, table)


def current_schema(table: Metadata) -> Metadata:
    """The columns that the table has."""
    found: Metadata = next(each for each in table["schemas"] if each["schema-id"] == table["current-schema-id"])
    return found


def current_spec(table: Metadata) -> Metadata:
    """How the table is partitioned."""
    found: Metadata = next(each for each in table["partition-specs"] if each["spec-id"] == table["default-spec-id"])
    return found


# Snapshots that are forgotten.


def expired(table: Metadata, place: str, gone: frozenset[int], written: int, read: Read) -> Written:
    """The table without some of its snapshots. What only these had is `unused`. Raises BadTable."""
    table = dict(table)
    snapshots = table.get("snapshots", [])
    try:
        unused = [*_only_of(snapshots, gone, read)]
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise BadTable(f"The Iceberg table's manifests cannot be read: {error}") from error
    table["snapshots"] = [each for each in snapshots if each["snapshot-id"] not in gone]
    table["snapshot-log"] = [each for each in table.get("snapshot-log", []) if each["snapshot-id"] not in gone]
    made = succeeded(table, [], place, written, "expired")
    return made._replace(unused=[*made.unused, *unused])


def _only_of(snapshots: Sequence[Metadata], gone: frozenset[int], read: Read) -> Iterator[str]:
    """Addresses of lists, manifests and data files that no other snapshot has."""
    lists: dict[bool, list[str]] = {True: [], False: []}
    for each in snapshots:
        if "manifest-list" in each:
            lists[each["snapshot-id"] in gone].append(each["manifest-list"])
    kept = {each["manifest_path"] for uri in lists[False] for each in manifests.listed(read(uri))}
    dropped = {each["manifest_path"] for uri in lists[True] for each in manifests.listed(read(uri))} - kept
    candidates = {path for uri in dropped for path in manifests.paths(read(uri))}
    for uri in kept if candidates else ():
        candidates.difference_update(manifests.paths(read(uri), there=True))
    yield from sorted(candidates)
    yield from sorted(dropped)
    yield from lists[True]
