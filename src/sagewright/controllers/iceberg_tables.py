"""Offline stores as Iceberg tables: their files are in S3, which of their documents counts is in Glue's catalog.

A commit is one update of the catalog's table, which fails where somebody else's came first. What was written for one
that did not come to that is written again, byte for byte. Others may write to the table too: each commit begins with
the table as it is.
"""

from __future__ import annotations

import logging
from typing import Final

from sagewright.base.errors import AwsError, SagewrightError
from sagewright.controllers import iceberg_documents as documents
from sagewright.controllers.iceberg_documents import Files
from sagewright.controllers.offline_tables import Ask
from sagewright.dataplane.features import iceberg
from sagewright.dataplane.features import iceberg_upkeep as upkeep
from sagewright.dataplane.features.iceberg import Batch
from sagewright.dataplane.features.schema import Schema
from sagewright.dataplane.iceberg.commits import BadTable, Metadata, Written
from sagewright.resources.record import Key

_log = logging.getLogger(__name__)
_TRIES: Final = 5
"""Commits that may fail because others were quicker."""


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
        at = documents.document_of(found)
        document = documents.load(files, at)
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
        at = documents.document_of(found)
        document = documents.load(files, at)
        if iceberg.has(document, batch.rows[-1].seq):
            return False
        written = iceberg.appended(document, at, batch, lambda uri: documents.read(files, uri))
        self._enter(files, group, names, document["location"], found, written)
        return upkeep.due(written.table, written.objects[-2][1])

    def _keep_small(self, files: Files, group: Key, names: tuple[str, str], now: int) -> None:
        """Nothing of it matters to the rows: what fails is done with another batch. Raises nothing."""
        for work in (upkeep.joined, upkeep.forgotten):
            try:
                found = self._find(group, names)
                if found is None:
                    return
                at = documents.document_of(found)
                document = documents.load(files, at)
                written = work(document, at, now, lambda uri: documents.read(files, uri))
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
        database, name = names
        where = {"account": group.account, "region": group.region}

        def ask(operation: str, **members: object) -> object:
            return self._ask("glue", operation, members, **where)

        if before:
            documents.replace(files, ask, names, location, before, written)
            return
        documents.put(files, location, written)
        entered = documents.entry(name, location, written, {})
        for operation, members in (
            ("CreateDatabase", {"DatabaseInput": {"Name": database}}),
            ("CreateTable", {"DatabaseName": database, "TableInput": entered}),
        ):
            try:
                ask(operation, **members)
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
