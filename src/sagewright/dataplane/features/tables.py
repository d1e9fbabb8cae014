"""Where a record is.

In `record`: one tree, whose keys are numbers of 63 bits that are made of identifiers. A record is found by one descent,
and of ten million of them all but the leaves are always in memory.

Or in `beside`, by its identifier: when another record has its number already, which befalls those who look for such
identifiers, and nobody else; and when it was written before there were numbers, until it is settled. It is never in
both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from sagewright.dataplane.features import packing

_WHAT: Final = (
    "time INTEGER NOT NULL, expires INTEGER, ttl INTEGER, deleted INTEGER NOT NULL, packed BLOB NOT NULL, "
    f"shape INTEGER NOT NULL DEFAULT {packing.NAMED}"
)
_SCHEMA: Final = (
    f"CREATE TABLE IF NOT EXISTS record (key INTEGER PRIMARY KEY, id TEXT NOT NULL, {_WHAT})",
    f"CREATE TABLE IF NOT EXISTS beside (id TEXT NOT NULL PRIMARY KEY, {_WHAT})",
    "CREATE INDEX IF NOT EXISTS record_expiring ON record (expires) WHERE expires IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS expiring ON beside (expires) WHERE expires IS NOT NULL",
    packing.SHAPES,
    """CREATE TABLE IF NOT EXISTS outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, asked INTEGER NOT NULL, deleted INTEGER NOT NULL,
        layout TEXT NOT NULL, data BLOB NOT NULL
    )""",
    "CREATE TABLE IF NOT EXISTS layout (id TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS sealed (last INTEGER NOT NULL, written INTEGER NOT NULL)",
)
"""Times are microseconds since the epoch; `ttl` is what `expires` was made of, in microseconds. `packed` is the record
(`packing`). A `layout` says what rows of the outbox mean, and where they go; their `data` is `schema.packed`."""
_CHANGED: Final = ("time", "expires", "ttl", "deleted", "packed", "shape")
_ALIVE: Final = "deleted = 0 AND (expires IS NULL OR expires > ?)"
_TOLD: Final = "id, time, expires, shape, packed"
_ONE: Final = f"SELECT {_TOLD} FROM record WHERE key = ? AND {_ALIVE}"  # noqa: S608 - ours
_ASKED_AT_ONCE: Final = 500
_PURGED_AT_ONCE: Final = 200
_BESIDE: Final = 2**63
"""What is taken from the places of what is in `beside`, so that they are before all others."""
FIRST: Final = -_BESIDE
"""All places are behind this one."""
LAST: Final = _BESIDE - 1
"""None is behind this one."""


@dataclass(frozen=True, slots=True)
class Table:
    """One of the two. Its statements take `id`, `key`, `now`, and what else their columns are named."""

    put: str
    """Counts if it is at least as new as what is there."""
    soft_delete: str
    """Counts if it is newer."""
    hard_delete: str
    exists: str
    alive: str
    """Time, time to live, shape and data of a record that is neither deleted nor expired."""


def _table(name: str, by: str) -> Table:
    columns = [*dict.fromkeys((by, "id")), *_CHANGED]
    changed = ", ".join(f"{each} = excluded.{each}" for each in _CHANGED)
    insert = (
        f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join(f':{each}' for each in columns)}) "  # noqa: S608
        f"ON CONFLICT ({by}) DO UPDATE SET {changed} WHERE {name}.expires <= :now OR excluded.time"
    )
    there = f"FROM {name} WHERE {by} = :{by}"
    return Table(
        put=f"{insert} >= {name}.time",
        soft_delete=f"{insert} > {name}.time",
        hard_delete=f"DELETE {there} AND (time < :time OR expires <= :now)",
        exists=f"SELECT 1 {there}",
        alive=f"SELECT time, ttl, shape, packed {there} AND deleted = 0 AND (expires IS NULL OR expires > :now)",
    )


_RECORD, _ELSE = _table("record", "key"), _table("beside", "id")


def key(identifier: str) -> int:
    """A number that is the same everywhere and always."""
    return keys((identifier,))[0]


def keys(identifiers: Iterable[str]) -> list[int]:
    """Those of many."""
    number = int.from_bytes
    return [number(blake2b(each.encode(), digest_size=8).digest(), "big") >> 1 for each in identifiers]


def prepare(database: sqlite3.Connection) -> None:
    """Make the tables of a file that has none; what one from before there were numbers has is beside from now on."""
    if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'beside'").fetchone() is not None:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        columns = [row[1] for row in database.execute("PRAGMA table_info(record)")]
        if columns and "key" not in columns:
            database.execute("ALTER TABLE record RENAME TO beside")
            database.execute("ALTER TABLE beside RENAME COLUMN data TO packed")
            database.execute(f"ALTER TABLE beside ADD COLUMN shape INTEGER NOT NULL DEFAULT {packing.NAMED}")
        for statement in _SCHEMA:
            database.execute(statement)
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise


def table_of(database: sqlite3.Connection, identifier: str, number: int) -> Table:
    """Where a record is, or would be. `number` is its key. True for as long as the transaction lasts."""
    row = database.execute("SELECT id FROM record WHERE key = ?", (number,)).fetchone()
    if row is not None:
        return _RECORD if row[0] == identifier else _ELSE
    beside = database.execute("SELECT 1 FROM beside WHERE id = ?", (identifier,)).fetchone()
    return _RECORD if beside is None else _ELSE


def one(database: sqlite3.Connection, identifier: str, now: int) -> Any:
    """What `found` tells of a record that is in its place; None where it is not, be it beside or nowhere."""
    row = database.execute(_ONE, (key(identifier), now)).fetchone()
    return row if row is not None and row[0] == identifier else None


def found(database: sqlite3.Connection, identifiers: Collection[str], now: int) -> Sequence[Any]:
    """Identifier, time, end, shape and data of those records that are there, neither deleted nor expired. It takes a
    transaction to see those that are settled meanwhile."""
    wanted = set(identifiers)
    rows = [row for row in _among(database, "record", "key", keys(wanted), now) if row[0] in wanted]
    if len(rows) < len(wanted):
        rows += _among(database, "beside", "id", list(wanted.difference(row[0] for row in rows)), now)
    return rows


def _among(database: sqlite3.Connection, table: str, column: str, values: Sequence[object], now: int) -> list[Any]:
    rows: list[Any] = []
    for start in range(0, len(values), _ASKED_AT_ONCE):
        some = values[start : start + _ASKED_AT_ONCE]
        marks = ",".join("?" * len(some))
        sql = f"SELECT {_TOLD} FROM {table} WHERE {column} IN ({marks}) AND {_ALIVE}"  # noqa: S608 - ours
        rows += database.execute(sql, (*some, now)).fetchall()
    return rows


def listed(
    database: sqlite3.Connection, after: int, limit: int, now: int, *, deleted: bool
) -> Sequence[tuple[int, str]]:
    """Places and identifiers of the records behind a place; of soft-deleted ones too where they are asked for. What is
    beside comes first: what is settled meanwhile is told once more rather than never."""
    rows: list[tuple[int, str]] = []
    sql = (
        "SELECT rowid, id FROM {} WHERE rowid > ? AND deleted <= ? AND (expires IS NULL OR expires > ?) "
        "ORDER BY rowid LIMIT ?"
    )
    if after < 0:
        beside = database.execute(sql.format("beside"), (after + _BESIDE, deleted, now, limit))
        rows = [(place - _BESIDE, identifier) for place, identifier in beside]
    if len(rows) < limit:
        rows += database.execute(sql.format("record"), (max(after, -1), deleted, now, limit - len(rows))).fetchall()
    return rows


def purge(database: sqlite3.Connection, now: int) -> None:
    """Remove some of what has expired."""
    for table in ("record", "beside"):
        some = f"SELECT rowid FROM {table} WHERE expires <= ? LIMIT {_PURGED_AT_ONCE}"  # noqa: S608 - ours
        database.execute(f"DELETE FROM {table} WHERE rowid IN ({some})", (now,))  # noqa: S608 - ours


def unsettled(database: sqlite3.Connection) -> bool:
    """Whether any records are beside."""
    return database.execute("SELECT 1 FROM beside LIMIT 1").fetchone() is not None


def settle(database: sqlite3.Connection, after: int, most: int) -> int | None:
    """Give some of the records that are beside, those behind one, their places by number, where these are free. Up to
    which one that was tried; None when none are left."""
    what = "rowid, id, time, expires, ttl, deleted, shape, packed"
    sql = f"SELECT {what} FROM beside WHERE rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608 - ours
    rows = database.execute(sql, (after, most)).fetchall()
    for rowid, identifier, *rest, shape, data in rows:
        number, again = packing.packed(database, packing.unpacked(database, shape, data))
        row = (key(identifier), identifier, *rest, again, number)
        if database.execute("INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row).rowcount:
            database.execute("DELETE FROM beside WHERE rowid = ?", (rowid,))
    return rows[-1][0] if rows else None
