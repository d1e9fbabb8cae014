"""From outboxes to offline stores: what was put into groups becomes files in S3, and partitions of their tables.

A group's records are taken in the order in which they came, some thousand at a time: written, entered into the table,
then removed from the outbox. Each of these may be done twice and comes to the same. A group that was deleted keeps its
outbox until that is empty; then its folder goes.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from sagewright.base.clock import Clock
from sagewright.base.errors import AwsError, SagewrightError
from sagewright.controllers.iceberg_documents import Files
from sagewright.controllers.iceberg_tables import IcebergTables
from sagewright.controllers.offline_tables import Ask, Tables
from sagewright.dataplane.features import offline
from sagewright.dataplane.features.event_time import SECOND
from sagewright.dataplane.features.group_file import GroupFile, Waiting
from sagewright.dataplane.features.groups import KIND, FeatureStore, group_of
from sagewright.dataplane.features.iceberg import Batch
from sagewright.dataplane.features.schema import Schema
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store

_log = logging.getLogger(__name__)
_EVERY: Final = 1.0
"""Seconds between looks at what has come to this server; the others' outboxes are looked at less often."""
_ALL_EVERY: Final = 10
"""Looks."""
_AT_ONCE: Final = 5_000
"""Rows of an outbox."""


@dataclass(frozen=True, slots=True)
class _Target:
    """What a layout says."""

    group: Key
    role: str
    bucket: str
    prefix: str
    table: tuple[str, str] | None
    schema: Schema
    format: str

    @classmethod
    def read(cls, text: str) -> _Target:
        said = orjson.loads(text)
        bucket, _, prefix = said["place"].removeprefix("s3://").partition("/")
        table = tuple(said["table"]) if said["table"] else None
        schema = Schema.read(said["schema"])
        return cls(Key(*said["group"]), said["role"], bucket, prefix, table, schema, said.get("format", "Glue"))

    @property
    def place(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


class OfflineStores:
    """One of the servers that share a folder does this for all of them."""

    def __init__(
        self,
        features: FeatureStore,
        store: Store,
        objects_as: Callable[[str, str], Files],
        ask: Ask,
        clock: Clock,
    ) -> None:
        """`objects_as(role, region)` is S3 as a role may use it; `ask` is `Neighbours.ask`."""
        self._features, self._store, self._clock = features, store, clock
        self._objects_as = objects_as
        self._tables, self._iceberg = Tables(ask), IcebergTables(ask)
        self._groups_changed = threading.Event()
        self._groups_changed.set()
        store.subscribe(self._changed)

    def run(self, stop: threading.Event) -> None:
        """Until `stop`."""
        for look in itertools.count():
            if self._groups_changed.is_set() or look % _ALL_EVERY == 0:
                self._groups_changed.clear()
                self.look_at_all()
            else:
                for uid in self._features.files.outboxes():
                    self._empty(uid)
            if stop.wait(_EVERY):
                return

    def _changed(self, key: Key) -> None:
        if key.kind == KIND:
            self._groups_changed.set()

    def look_at_all(self) -> None:
        """Empty all outboxes, make the tables that are wanted, remove what belongs to groups that are gone."""
        # Folders first: one of a group that is made meanwhile must not seem to be nobody's.
        kept = self._features.files.kept()
        records = {record.uid: record for record in self._store.unsettled(KIND, ())}
        for record in records.values():
            self._make_table(record)
        for uid in kept:
            if self._empty(uid) and uid not in records:
                self._features.files.remove(uid)

    def _make_table(self, record: Record) -> None:
        layout = group_of(record).offline
        if layout is None or record.status.get("offline_table") == layout.id:
            return
        target = _Target.read(layout.text)
        try:
            if target.format == "Iceberg":
                files = self._objects_as(target.role, target.group.region)
                now = int(self._clock.now() * SECOND)
                self._iceberg.make(files, target.group, target.table, record.uid, target.schema, target.place, now)
            else:
                self._tables.make(target.group, target.table, target.schema, target.place)
        except (SagewrightError, OSError) as error:
            _log.warning("the table of feature group %s could not be made; that is tried again: %s", record.name, error)
            return
        self._amend(record.key, record.uid, {"offline_table": layout.id})

    def _empty(self, uid: str) -> bool:
        """Take all that waits, and what comes meanwhile; whether nothing waits any more."""
        with self._features.files.at(uid) as file:
            while (sealed := file.sealed(_AT_ONCE, int(self._clock.now() * SECOND))) is not None:
                rows, written = sealed
                try:
                    for layout, some in itertools.groupby(rows, key=lambda row: row.layout):
                        self._write(uid, file, layout, list(some), written)
                except (SagewrightError, OSError) as error:
                    self._blocked(_Target.read(file.layout(rows[0].layout)).group, uid, error)
                    return False
                file.taken(rows[-1].seq)
        return True

    def _write(self, uid: str, file: GroupFile, layout: str, rows: Sequence[Waiting], written: int) -> None:
        target = _Target.read(file.layout(layout))
        files = self._objects_as(target.role, target.group.region)
        if target.format == "Iceberg":
            batch = Batch(uid, target.schema, rows, written)
            self._iceberg.append(files, target.group, target.table, target.place, batch)
        else:
            partitions = []
            for each in offline.files(uid, target.schema, rows, written):
                files.put_bytes(target.bucket, f"{target.prefix}/{each.path}", each.data)
                partitions.append(each.partition)
            self._tables.enter(target.group, target.table, target.schema, target.place, partitions)
        record = self._store.get(target.group)
        if record is not None and record.status.get("OfflineStoreStatus", {}).get("Status") == "Blocked":
            self._amend(target.group, uid, {"OfflineStoreStatus": {"Status": "Active"}})

    def _blocked(self, group: Key, uid: str, error: Exception) -> None:
        """Nothing is lost: what waits is tried again with each look at all."""
        reason = error.message if isinstance(error, AwsError) else str(error) or type(error).__name__
        _log.warning("the offline store of feature group %s cannot be written: %s", group.name, reason)
        self._amend(group, uid, {"OfflineStoreStatus": {"Status": "Blocked", "BlockedReason": reason[:1024]}})

    def _amend(self, key: Key, uid: str, status: Mapping[str, Any]) -> None:
        def change(record: Record) -> Record | None:
            changed = {**record.status, **status}
            if record.uid != uid or changed == record.status:
                return None
            facets = record.facets
            if "OfflineStoreStatus" in status:
                facets = {**facets, "OfflineStoreStatus": status["OfflineStoreStatus"]["Status"]}
            return replace(record, status=changed, facets=facets)

        self._store.amend(key, change)
