"""VACUUM and DROP TABLE of Iceberg tables: snapshots that are forgotten, and objects that nothing needs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sagewright.base.errors import SagewrightError, Terminal
from sagewright.controllers import iceberg_documents as documents
from sagewright.controllers.athena.catalog import Catalog
from sagewright.controllers.athena.iceberg_changes import commit, is_iceberg
from sagewright.controllers.athena.ports import Caller
from sagewright.controllers.staging import split_uri
from sagewright.dataplane.athena.statements import Vacuum
from sagewright.dataplane.iceberg import commits, manifests
from sagewright.dataplane.iceberg.commits import Metadata, Read, Written

_log = logging.getLogger(__name__)
_AGE: Final = 432_000
"""Seconds, where the table does not say."""
_YOUNGEST: Final = 600.0
"""Seconds for which an object stays that no snapshot has: a commit may be about to name it."""
_FOLDERS: Final = ("data/", "metadata/")


def carry_out(statement: Vacuum, catalog: Catalog, caller: Caller, now: float) -> None:
    """It may be done again. `now` is in epoch seconds. Raises Terminal."""
    table = catalog.table(statement.table)
    if not is_iceberg(table):
        raise Terminal("NOT_SUPPORTED: VACUUM is for Iceberg tables.")
    place = table["DatabaseName"], table["Name"]
    commit(catalog, caller, place, lambda document, at, read: _forgotten(document, at, read, int(now * 1000)))
    document_at = documents.document_of(catalog.table(place))
    document = documents.load(caller, document_at)
    bucket, prefix = split_uri(document["location"])
    if not prefix.strip("/"):
        raise Terminal(f"GENERIC_INTERNAL_ERROR: Path missing in file system location: s3://{bucket}")
    needed = {document_at, *_needed(document, lambda uri: documents.read(caller, uri))}
    oldest = now - max(_YOUNGEST, _seconds(document))
    for folder in _FOLDERS:
        for each in list(caller.each(bucket, f"{prefix.rstrip('/')}/{folder}")):
            unneeded = f"s3://{bucket}/{each.key}" not in needed
            if unneeded and each.modified is not None and each.modified < oldest:
                _remove(caller, bucket, each.key)


def _forgotten(table: Metadata, at: str, read: Read, now: int) -> Written | None:
    kept = {each["snapshot-id"] for each in table.get("refs", {}).values()} | {table.get("current-snapshot-id")}
    snapshots = table.get("snapshots", [])
    fewest = max(1, _setting(table, "vacuum_min_snapshots_to_keep", "history.expire.min-snapshots-to-keep", 1))
    kept |= {each["snapshot-id"] for each in snapshots[-fewest:]}
    oldest = now - _seconds(table) * 1000
    gone = {each["snapshot-id"] for each in snapshots if each["timestamp-ms"] < oldest} - kept
    logged = max(1, _setting(table, "vacuum_max_metadata_files_to_keep", "write.metadata.previous-versions-max", 100))
    log = table.get("metadata-log", [])
    if not gone and len(log) <= logged:
        return None
    made = commits.expired({**table, "metadata-log": log[-logged:]}, at, frozenset(gone), now, read)
    return made._replace(unused=[*made.unused, *(each["metadata-file"] for each in log[:-logged])])


def _seconds(table: Metadata) -> int:
    """The age from which snapshots are forgotten."""
    milliseconds = _setting(table, "history.expire.max-snapshot-age-ms", "", _AGE * 1000)
    return _setting(table, "vacuum_max_snapshot_age_seconds", "", milliseconds // 1000)


def _setting(table: Metadata, name: str, other: str, usual: int) -> int:
    properties = table.get("properties", {})
    try:
        return int(properties.get(name, properties.get(other, usual)))
    except ValueError:
        raise Terminal(f"INVALID_TABLE_PROPERTY: The table's property {name} is no number.") from None


def _needed(table: Metadata, read: Read) -> Iterator[str]:
    """Addresses of all objects that the table names, of whatever snapshot."""
    yield from (each["metadata-file"] for each in table.get("metadata-log", ()))
    yield from (each["statistics-path"] for each in table.get("statistics", ()))
    seen: set[str] = set()
    for snapshot in table.get("snapshots", ()):
        yield snapshot["manifest-list"]
        for each in manifests.listed(read(snapshot["manifest-list"])):
            if each["manifest_path"] not in seen:
                seen.add(each["manifest_path"])
                yield each["manifest_path"]
                yield from manifests.paths(read(each["manifest_path"]), there=True)


def drop(table: Mapping[str, Any], caller: Caller) -> None:
    """The table's objects, once it is not in the catalog any more: it is Athena's, with all that it has. What its own
    document does not lie beside is somebody else's."""
    location = table["StorageDescriptor"].get("Location", "").rstrip("/")
    if not documents.document_of(table).startswith(f"{location}/metadata/"):
        return
    bucket, prefix = split_uri(location)
    for folder in _FOLDERS:
        for each in list(caller.each(bucket, f"{prefix}/{folder}" if prefix else folder)):
            _remove(caller, bucket, each.key)


def _remove(caller: Caller, bucket: str, key: str) -> None:
    """As on AWS, who may not remove an object is not told so by these statements."""
    try:
        caller.remove(bucket, key)
    except SagewrightError as error:
        _log.info("s3://%s/%s is no longer needed, and stays: %s", bucket, key, error)
