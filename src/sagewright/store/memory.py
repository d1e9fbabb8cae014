"""A store in memory: for unit tests and throw-away servers. Nothing survives `close`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.resources.record import Key, Record
from sagewright.store import cursor
from sagewright.store.base import LeaseLost, Page, Query, Store, Write, fence


class MemoryStore(Store):
    """Records in a dictionary under one lock."""

    local = True

    def __init__(self) -> None:
        self._records: dict[Key, Record] = {}
        self._leases: dict[str, tuple[str, float]] = {}
        self._lock = threading.RLock()

    def get(self, key: Key) -> Record | None:
        with self._lock:
            return self._records.get(key)

    def write(self, writes: Sequence[Write]) -> Sequence[Record]:
        under = fence()
        with self._lock:
            if under is not None and self._leases.get(under[0], ("", 0.0))[0] != under[1]:
                raise LeaseLost("Another server has taken this work over.")
            before = dict(self._records)
            try:
                written = [self._apply(verb, record) for verb, record in writes]
            except (AlreadyExists, StaleRecord):
                self._records = before
                raise
        self._announce([record.key for record in written])
        return written

    def _apply(self, verb: str, record: Record) -> Record:
        now = self._records.get(record.key)
        if verb == "create":
            if now is not None:
                raise AlreadyExists(f"{record.key.kind} {record.name!r} exists")
            record = replace(_detached(record), version=1)
        else:
            if now is None or (now.uid, now.version) != (record.uid, record.version):
                raise StaleRecord(f"{record.key.kind} {record.name!r} was written since it was read")
            if verb == "delete":
                del self._records[record.key]
                return record
            record = replace(_detached(record), version=now.version + 1)
        self._records[record.key] = record
        return record

    def list(self, query: Query, *, limit: int, after: str | None = None) -> Page:
        found = sorted(
            self._matching(query),
            key=lambda record: cursor.position(record, query.sort_by),
            reverse=query.descending,
        )
        if after is not None:
            mark = cursor.decode(after, query.sort_by)
            found = [
                record
                for record in found
                if (cursor.position(record, query.sort_by) < mark) == query.descending
                and cursor.position(record, query.sort_by) != mark
            ]
        page = found[:limit]
        more = len(found) > limit
        return Page(page, cursor.encode(page[-1], query.sort_by) if more and page else None)

    def count(self, query: Query) -> int:
        return len(self._matching(query))

    def unsettled(self, kind: str, settled: Sequence[str]) -> Sequence[Record]:
        with self._lock:
            return [
                record
                for record in self._records.values()
                if record.key.kind == kind and (record.state not in settled or record.intent != "run")
            ]

    def acquire(self, name: str, owner: str, *, ttl: float, now: float) -> bool:
        with self._lock:
            holder, expires = self._leases.get(name, (owner, 0.0))
            if holder != owner and expires > now:
                return False
            self._leases[name] = (owner, now + ttl)
            return True

    def holder(self, name: str, *, now: float) -> str | None:
        owner, expires = self._leases.get(name, (None, 0.0))
        return owner if expires > now else None

    def release(self, name: str, owner: str) -> None:
        with self._lock:
            if self._leases.get(name, ("", 0.0))[0] == owner:
                del self._leases[name]

    def close(self) -> None:
        pass

    def _matching(self, query: Query) -> Sequence[Record]:
        with self._lock:
            return [record for record in self._records.values() if matches(record, query)]


def _detached(record: Record) -> Record:
    """A copy that shares nothing with the caller's dictionaries, as a store on disk would give."""

    def copy(value: Any) -> Any:
        return orjson.loads(orjson.dumps(value))

    return replace(
        record,
        spec=copy(record.spec),
        status=copy(record.status),
        tags=copy(record.tags),
        facets=dict(record.facets),
    )


def matches(record: Record, query: Query) -> bool:
    """Whether a record is one that a query asks for."""
    key = record.key
    if (key.account, key.region, key.kind) != (query.account, query.region, query.kind):
        return False
    bounds = (
        query.parent in (None, key.parent),
        query.name_contains is None or _lower(query.name_contains) in _lower(key.name),
        query.name_ignoring_case is None or _lower(query.name_ignoring_case) == _lower(key.name),
        query.name_prefix is None or key.name.startswith(query.name_prefix),
        query.name_after is None or key.name > query.name_after,
        query.states is None or record.state in query.states,
        all(record.facets.get(name) == value for name, value in query.facets.items()),
        query.created_after is None or record.created > query.created_after,
        query.created_before is None or record.created < query.created_before,
        query.modified_after is None or record.modified > query.modified_after,
        query.modified_before is None or record.modified < query.modified_before,
    )
    return all(bounds)


def _lower(text: str) -> bytes:
    """ASCII letters only, as databases do."""
    return text.encode("utf-8", "surrogatepass").lower()
