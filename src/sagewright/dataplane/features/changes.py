"""What can happen to a record, and what comes of it. One change is one or two statements of SQL.

An older record never wins: a put counts if it is at least as new as what is there, a deletion if it is newer. What has
expired is as good as gone, its time too.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final, Literal

from sagewright.dataplane.features.schema import LARGEST, Value, packed, size, unpacked

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS record (
    id TEXT NOT NULL PRIMARY KEY, time INTEGER NOT NULL, expires INTEGER, ttl INTEGER, deleted INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS expiring ON record (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, asked INTEGER NOT NULL, deleted INTEGER NOT NULL,
    layout TEXT NOT NULL, data BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS layout (id TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sealed (last INTEGER NOT NULL, written INTEGER NOT NULL);
"""
"""Times are microseconds since the epoch; `ttl` is what `expires` was made of, in microseconds. `data` is the packed
record. A `layout` says what rows of the outbox mean, and where they go."""
_INSERT: Final = (
    "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET time = excluded.time, "
    "expires = excluded.expires, ttl = excluded.ttl, deleted = excluded.deleted, data = excluded.data WHERE "
)
_PUT: Final = _INSERT + "excluded.time >= record.time OR record.expires <= ?"
_SOFT_DELETE: Final = _INSERT + "excluded.time > record.time OR record.expires <= ?"
_HARD_DELETE: Final = "DELETE FROM record WHERE id = ? AND (time < ? OR expires <= ?)"
_PURGE: Final = "DELETE FROM record WHERE rowid IN (SELECT rowid FROM record WHERE expires <= ? LIMIT 200)"


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
        data = packed(self.values)
        if self.online:
            if self.kind == "hard":
                self._delete(database, now)
            else:
                expires = None if self.ttl is None else min(self.time + self.ttl, last)
                row = (self.identifier, self.time, expires, self.ttl, self.kind == "soft", data)
                database.execute(_PUT if self.kind == "put" else _SOFT_DELETE, (*row, now))
        if self.offline is not None:
            database.execute("INSERT OR IGNORE INTO layout VALUES (?, ?)", (self.offline.id, self.offline.text))
            database.execute(
                "INSERT INTO outbox (time, asked, deleted, layout, data) VALUES (?, ?, ?, ?, ?)",
                (self.time, self.asked, self.kind != "put", self.offline.id, data),
            )

    def _delete(self, database: sqlite3.Connection, now: int) -> None:
        if database.execute(_HARD_DELETE, (self.identifier, self.time, now)).rowcount:
            return
        if database.execute("SELECT 1 FROM record WHERE id = ?", (self.identifier,)).fetchone() is not None:
            raise Refused("older")

    def _updated(self, database: sqlite3.Connection, now: int) -> Change:
        """The put that it amounts to."""
        row = database.execute(
            "SELECT time, ttl, data FROM record WHERE id = ? AND deleted = 0 AND (expires IS NULL OR expires > ?)",
            (self.identifier, now),
        ).fetchone()
        if row is None:
            raise Refused("missing")
        time, ttl, data = row
        if self.time is not None and self.time < time:
            raise Refused("older")
        values = {**unpacked(data), **self.values}
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


def purge(database: sqlite3.Connection, now: int) -> None:
    """Remove some of what has expired."""
    database.execute(_PURGE, (now,))
