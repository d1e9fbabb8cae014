"""What can happen to a record, and what comes of it. One change is one or two statements of SQL.

An older record never wins: a put counts if it is at least as new as what is there, a deletion if it is newer. What has
expired is as good as gone, its time too.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

from sagewright.dataplane.features import packing, schema
from sagewright.dataplane.features.schema import LARGEST, Value, size
from sagewright.dataplane.features.tables import key, table_of


class Refused(Exception):
    """The change is not made; its kind says why."""

    def __init__(self, why: Literal["older", "missing", "large"]) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Layout:
    """What rows for the offline store consist of and where they go. `id` is another one for another text."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one record. Times are microseconds since the epoch."""

    kind: Literal["put", "soft", "hard", "update"]
    identifier: str
    time: int | None
    """None for an update that leaves it."""
    values: dict[str, Value]
    """Of a deletion, the identifier and the event time; of an update, what is to be changed."""
    asked: int
    """When it was asked for."""
    ttl: int | None = None
    """How long the record lives from its event time on; None for ever, or, of an update, as long as before."""
    online: bool = True
    offline: Layout | None = None

    def apply(self, database: sqlite3.Connection, now: int, last: int) -> None:
        """Make it. `last` is the latest time that there is. Raises Refused before anything was changed."""
        if self.kind == "update":
            self._updated(database, now).apply(database, now, last)
            return
        assert self.time is not None
        if self.online:
            if self.kind == "hard":
                self._delete(database, now)
            else:
                self._write(database, now, last)
        if self.offline is not None:
            database.execute("INSERT OR IGNORE INTO layout VALUES (?, ?)", (self.offline.id, self.offline.text))
            database.execute(
                "INSERT INTO outbox (time, asked, deleted, layout, data) VALUES (?, ?, ?, ?, ?)",
                (self.time, self.asked, self.kind != "put", self.offline.id, schema.packed(self.values)),
            )

    def _write(self, database: sqlite3.Connection, now: int, last: int) -> None:
        assert self.time is not None
        number = key(self.identifier)
        table = table_of(database, self.identifier, number)
        shape, data = packing.packed(database, self.values)
        row = {
            "id": self.identifier,
            "key": number,
            "time": self.time,
            "expires": None if self.ttl is None else min(self.time + self.ttl, last),
            "ttl": self.ttl,
            "deleted": self.kind == "soft",
            "packed": data,
            "shape": shape,
            "now": now,
        }
        database.execute(table.put if self.kind == "put" else table.soft_delete, row)

    def _delete(self, database: sqlite3.Connection, now: int) -> None:
        number = key(self.identifier)
        table = table_of(database, self.identifier, number)
        row = {"id": self.identifier, "key": number, "time": self.time, "now": now}
        if database.execute(table.hard_delete, row).rowcount:
            return
        if database.execute(table.exists, row).fetchone() is not None:
            raise Refused("older")

    def _updated(self, database: sqlite3.Connection, now: int) -> Change:
        """The put that it amounts to."""
        number = key(self.identifier)
        table = table_of(database, self.identifier, number)
        row = database.execute(table.alive, {"id": self.identifier, "key": number, "now": now}).fetchone()
        if row is None:
            raise Refused("missing")
        time, ttl, shape, data = row
        if self.time is not None and self.time < time:
            raise Refused("older")
        values = {**packing.unpacked(database, shape, data), **self.values}
        if size(values) > LARGEST:
            raise Refused("large")
        return Change(
            "put",
            self.identifier,
            time if self.time is None else self.time,
            values,
            self.asked,
            ttl if self.ttl is None else self.ttl,
            self.online,
            self.offline,
        )
