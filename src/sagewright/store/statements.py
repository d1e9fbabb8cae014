"""The SQL of single records: what SQLite and PostgreSQL share. Parameters are written as `?`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple, Protocol

import orjson

from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.resources.record import Key, Record
from sagewright.store.base import LeaseLost

Row = Sequence[Any]
Verb = Literal["create", "update", "delete"]

COLUMNS: Final = (
    "kind, account, region, parent, name, uid, version, created, modified, state, intent, spec, status, tags, facets"
)
_KEY: Final = "kind = ? AND account = ? AND region = ? AND parent = ? AND name = ?"
_READ: Final = f"{_KEY} AND uid = ? AND version = ?"
GET: Final = f"SELECT {COLUMNS} FROM records WHERE {_KEY}"
# Nothing is raised where the key is taken: in PostgreSQL an error would end the transaction.
_INSERT: Final = f"INSERT INTO records ({COLUMNS}) VALUES ({', '.join('?' * 15)}) ON CONFLICT DO NOTHING"
_UPDATE: Final = (
    "UPDATE records SET version = ?, modified = ?, state = ?, intent = ?, spec = ?, status = ?, tags = ?, facets = ? "
    f"WHERE {_READ}"
)
_DELETE: Final = f"DELETE FROM records WHERE {_READ}"
_FACETS: Final = f"SELECT facets, created FROM records WHERE {_KEY}"
_FACET: Final = "(kind, account, region, facet, value, created, parent, name)"
_ADD_FACET: Final = f"INSERT INTO facets {_FACET} VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_DROP_FACET: Final = f"DELETE FROM facets WHERE {_FACET} = (?, ?, ?, ?, ?, ?, ?, ?)"
TAKE_LEASE: Final = (
    "INSERT INTO leases (name, owner, expires) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE "
    "SET owner = excluded.owner, expires = excluded.expires WHERE leases.owner = excluded.owner OR leases.expires <= ?"
)
HOLDER: Final = "SELECT owner FROM leases WHERE name = ? AND expires > ?"
RELEASE_LEASE: Final = "DELETE FROM leases WHERE name = ? AND owner = ?"
_LONG: Final = 200
_DIGEST: Final = "sha256:"


class Cursor(Protocol):
    """What both drivers' cursors do, with `?` for parameters."""

    @property
    def rowcount(self) -> int: ...

    def execute(self, sql: str, parameters: Sequence[Any], /) -> object: ...

    def fetchall(self) -> Sequence[Any]: ...


class Prepared(NamedTuple):
    """A write whose record is text already: that can be done, and fail, before anybody waits for it."""

    verb: Verb
    record: Record
    """As it is once written."""
    changeable: tuple[Any, ...]
    """The columns that an update sets, in their order."""


def prepare(verb: Verb, record: Record) -> Prepared:
    """Raises what orjson raises for values that are no JSON."""
    if verb == "delete":
        return Prepared(verb, record, ())
    version = 1 if verb == "create" else record.version + 1
    changeable = (
        version,
        record.modified,
        record.state,
        record.intent,
        _text(record.spec),
        _text(record.status),
        _text(record.tags),
        _text(record.facets),
    )
    return Prepared(verb, replace(record, version=version), changeable)


def check_fence(cursor: Cursor, fence: tuple[str, str] | None, *, lock: str = "") -> None:
    """Raises LeaseLost unless the owner has the lease; `lock` keeps it until the transaction ends."""
    if fence is None:
        return
    cursor.execute(f"SELECT owner FROM leases WHERE name = ?{lock}", (fence[0],))
    if [row[0] for row in cursor.fetchall()] != [fence[1]]:
        raise LeaseLost("Another server has taken this work over.")


def apply(cursor: Cursor, write: Prepared) -> None:
    """Do one write in the caller's transaction. After AlreadyExists or StaleRecord nothing has changed."""
    verb, record, changeable = write
    if verb == "create":
        version, modified, *rest = changeable
        cursor.execute(_INSERT, (*columns(record.key), record.uid, version, record.created, modified, *rest))
        if cursor.rowcount != 1:
            raise AlreadyExists(f"{record.key.kind} {record.name!r} exists")
        _change_facets(cursor, record.key, record.created, {}, record.facets)
        return
    version = record.version if verb == "delete" else record.version - 1
    read = (*columns(record.key), record.uid, version)
    before, created = _facets_of(cursor, record) if record.facets else ({}, 0.0)
    cursor.execute(_DELETE if verb == "delete" else _UPDATE, (*changeable, *read))
    if cursor.rowcount != 1:
        raise StaleRecord(f"{record.key.kind} {record.name!r} was written since it was read")
    _change_facets(cursor, record.key, created, before, {} if verb == "delete" else record.facets)


def columns(key: Key) -> tuple[str, str, str, str, str]:
    """A key in the order of the columns."""
    return (key.kind, key.account, key.region, key.parent, key.name)


def record_of(row: Row) -> Record:
    """The record in a row of COLUMNS."""
    kind, account, region, parent, name, uid, version, created, modified, state, intent, *texts = row
    spec, status, tags, facets = (orjson.loads(text) for text in texts)
    key = Key(account, region, kind, parent, name)
    return Record(key, uid, created, modified, spec, status, state, intent, tags, facets, version)


def facet_value(value: str) -> str:
    """What the index of facets holds for a value: indices have a limit, and only equality is asked for."""
    if len(value) <= _LONG and value.isascii() and "\0" not in value and not value.startswith(_DIGEST):
        return value
    return _DIGEST + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _facets_of(cursor: Cursor, record: Record) -> tuple[Mapping[str, str], float]:
    """The facets of the row as it stands, and when it was created."""
    cursor.execute(_FACETS, columns(record.key))
    rows = cursor.fetchall()
    return (orjson.loads(rows[0][0]), rows[0][1]) if rows else ({}, 0.0)


def _change_facets(
    cursor: Cursor, key: Key, created: float, before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    """Most updates change no facet, and then cost nothing here."""
    for gone, there, sql in ((before, after, _DROP_FACET), (after, before, _ADD_FACET)):
        for name, value in gone.items():
            if there.get(name) != value:
                row = (key.kind, key.account, key.region, name, facet_value(value), created, key.parent, key.name)
                cursor.execute(sql, row)


def _text(values: Mapping[str, Any]) -> str:
    return orjson.dumps(values).decode() if values else "{}"
