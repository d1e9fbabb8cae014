"""Offline stores as Iceberg tables: their files are in S3, which of their documents counts is in Glue's catalog.

A commit is one update of the catalog's table, which fails where somebody else's came first. What was written for one
that did not come to that is written again, byte for byte. Others may write to the table too: each commit begins with
the table as it is.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from sagewright.base.errors import AwsError, SagewrightError
from sagewright.controllers.offline_tables import Ask
from sagewright.controllers.staging import split_uri
from sagewright.dataplane.features import iceberg
from sagewright.dataplane.features import iceberg_upkeep as upkeep
from sagewright.dataplane.features.iceberg import Batch
from sagewright.dataplane.features.schema import Schema
from sagewright.dataplane.iceberg.commits import BadTable, Metadata, Written
from sagewright.resources.record import Key

_log = logging.getLogger(__name__)
_LOCATION, _BEFORE = "metadata_location", "previous_metadata_location"
_TRIES: Final = 5
"""Commits that may fail because others were quicker."""
_LARGEST: Final = 256 << 20
"""Bytes of a document, and of a list of manifests."""


class Files(Protocol):
    """S3 as a role may use it."""

    def put_bytes(self, bucket: str, key: str, data: bytes) -> object: ...
    def materialise(self, bucket: str, key: str, target: Path) -> object: ...
    def remove(self, bucket: str, key: str) -> object: ...


class IcebergTables:
    """Everything here may be done twice."""

    def __init__(self, ask: Ask) -> None:
        """`ask` is `Neighbours.ask`."""
        self._ask = ask

    def make(
        self, files: Files, group: Key, table: tuple[str, str] | None, uid: str, schema: Schema, place: str, now: int
    ) -> None:
        """The table with the columns that the group has now. Raises AwsError and BadTable."""
        names = _named(table)
        found = self._find(group, names)
        if found is None:
            location = _location(place)
            self._enter(files, group, names, location, {}, iceberg.created(uid, schema, location, now))
            return
        at = _document_of(found)
        document = _load(files, at)
        changed = iceberg.fitting(document, schema, at, now)
        if changed is not None:
            self._enter(files, group, names, document["location"], found, changed)

    def append(self, files: Files, group: Key, table: tuple[str, str] | None, place: str, batch: Batch) -> None:
        """See that the table has these rows. Raises AwsError and BadTable."""
        for _ in range(_TRIES):
            try:
                if self._append(files, group, table, place, batch):
                    self._keep_small(files, group, _named(table), batch.written // 1000)
            except AwsError as error:
                if error.code != "ConcurrentModificationException":
                    raise
                last = error
            else:
                return
        raise last

    def _append(self, files: Files, group: Key, table: tuple[str, str] | None, place: str, batch: Batch) -> bool:
        """Returns whether the table has become one that is to be kept small."""
        names = _named(table)
        found = self._find(group, names)
        if found is None:
            self.make(files, group, table, batch.uid, batch.schema, place, batch.written)
            found = self._find(group, names)
            assert found is not None
        at = _document_of(found)
        document = _load(files, at)
        if iceberg.has(document, batch.rows[-1].seq):
            return False
        written = iceberg.appended(document, at, batch, lambda uri: _read(files, uri))
        self._enter(files, group, names, document["location"], found, written)
        return upkeep.due(orjson.loads(written.objects[-1][1]), written.objects[-2][1])

    def _keep_small(self, files: Files, group: Key, names: tuple[str, str], now: int) -> None:
        """Nothing of it matters to the rows: what fails is done with another batch. Raises nothing."""
        for work in (upkeep.joined, upkeep.forgotten):
            try:
                found = self._find(group, names)
                if found is None:
                    return
                at = _document_of(found)
                document = _load(files, at)
                written = work(document, at, now, lambda uri: _read(files, uri))
                if written is not None:
                    self._enter(files, group, names, document["location"], found, written)
            except (SagewrightError, OSError) as error:
                _log.info("the Iceberg table %s is kept small another time: %s", ".".join(names), error)

    def _find(self, group: Key, names: tuple[str, str]) -> Metadata | None:
        database, name = names
        where = {"account": group.account, "region": group.region}
        try:
            found: Metadata = self._ask("glue", "GetTable", {"DatabaseName": database, "Name": name}, **where)["Table"]
        except AwsError as error:
            if error.code != "EntityNotFoundException":
                raise
            return None
        return found

    def _enter(
        self, files: Files, group: Key, names: tuple[str, str], location: str, before: Metadata, written: Written
    ) -> None:
        """`before` is the catalog's table that this takes the place of; where it has changed since, nothing is."""
        bucket, prefix = split_uri(location)
        for key, data in written.objects:
            files.put_bytes(bucket, f"{prefix.rstrip('/')}/{key}", data)
        database, name = names
        document = orjson.loads(written.objects[-1][1])
        at = f"{location.rstrip('/')}/{written.document}"
        kept = dict(before.get("Parameters", {}))
        if before:
            kept[_BEFORE] = kept[_LOCATION]
        parameters = {**kept, "table_type": "ICEBERG", _LOCATION: at}
        columns = [{"Name": each, "Type": kind} for each, kind in iceberg.columns(document)]
        wanted = {
            "DatabaseName": database,
            "TableInput": {
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": parameters,
                "StorageDescriptor": {"Columns": columns, "Location": location},
            },
        }
        where = {"account": group.account, "region": group.region}
        if before:
            # Else a version would be kept of each commit.
            version = {"VersionId": before["VersionId"]} if "VersionId" in before else {}
            self._ask("glue", "UpdateTable", {**wanted, **version, "SkipArchive": True}, **where)
            _remove(files, location, written.unused)
            return
        for operation, request in (("CreateDatabase", {"DatabaseInput": {"Name": database}}), ("CreateTable", wanted)):
            try:
                self._ask("glue", operation, request, **where)
            except AwsError as error:
                if error.code != "AlreadyExistsException":
                    raise


def _named(table: tuple[str, str] | None) -> tuple[str, str]:
    if table is None:
        raise BadTable("An Iceberg table needs Glue's catalog: make a feature group that names a table of it.")
    return table


def _location(place: str) -> str:
    """Data are below `data`, as for other formats; the table is what that lies in."""
    return place.removesuffix("/data")


def _document_of(table: Metadata) -> str:
    found: str | None = table.get("Parameters", {}).get(_LOCATION)
    if found is None:
        raise BadTable(f"The table {table['Name']} in Glue's catalog is no Iceberg table: it names no {_LOCATION}.")
    return found


def _remove(files: Files, location: str, unused: Sequence[str]) -> None:
    """What is left behind costs its place, and nothing else: VACUUM finds it. Raises nothing."""
    for uri in unused:
        if uri.startswith(f"{location.rstrip('/')}/"):
            try:
                files.remove(*split_uri(uri))
            except (SagewrightError, OSError) as error:
                _log.info("%s is no longer needed, and stays: %s", uri, error)


def _load(files: Files, uri: str) -> Metadata:
    try:
        document: Any = orjson.loads(_read(files, uri))
        assert isinstance(document["last-sequence-number"], int)
        assert isinstance(document["location"], str)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise BadTable(f"{uri} is no document of an Iceberg table.") from error
    made: Metadata = document
    return made


def _read(files: Files, uri: str) -> bytes:
    bucket, key = split_uri(uri)
    with tempfile.TemporaryDirectory(prefix="sagewright-iceberg-") as folder:
        target = Path(folder) / "object"
        files.materialise(bucket, key, target)
        if target.stat().st_size > _LARGEST:
            raise BadTable(f"{uri} is larger than {_LARGEST} bytes: let old snapshots expire.")
        return target.read_bytes()
