"""The store's port. Its docstrings are the law that `testing/store_kit.py` checks on every implementation."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, Literal

from sagewright.base.errors import StaleRecord, Transient
from sagewright.resources.record import Key, Record

_AT_ONCE: Final = 200
_ATTEMPTS: Final = 100
_LONGEST_PAUSE: Final = 0.05
"""Seconds."""

SortBy = Literal["name", "created", "modified", "state"]


@dataclass(frozen=True, slots=True)
class Query:
    """Which records of one kind, in which order. Filters are joined with *and*; None filters nothing.

    Names sort by code point, as S3 keys do. Equal states are ordered by time of creation, and equal sort values by
    (parent, name), in the same direction, so that an order is total and a page never loses or repeats a record.

    Where a region is named, a page costs the same however many records there are: filters and orders have indices, and
    together they cost no more than the records that the rarer of the two leaves. What stands in no region is only
    listed by key in such a way.
    """

    account: str
    region: str
    kind: str
    parent: str | None = None
    name_contains: str | None = None
    """Case-insensitive for ASCII letters, as AWS's NameContains."""
    name_ignoring_case: str | None = None
    """The whole name, with ASCII letters of either case: names in ARNs may have lost their capitals. Indexed."""
    name_prefix: str | None = None
    name_after: str | None = None
    """Only names greater than this one; with `parent`, the way to seek in a listing."""
    states: Sequence[str] | None = None
    facets: Mapping[str, str] = field(default_factory=dict)
    """Only records that have all of these facets with these values. Indexed, one facet at a time."""
    created_after: float | None = None
    created_before: float | None = None
    modified_after: float | None = None
    modified_before: float | None = None
    sort_by: SortBy = "name"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, and where the next page begins (None at the end)."""

    records: Sequence[Record]
    next: str | None = None


Write = tuple[Literal["create", "update", "delete"], Record]


def attempts() -> Iterator[None]:
    """For whoever writes what others write too: `for _ in attempts()`, read, decide, write, and leave when it was done.

    Of all who meet at a record one gets on, and the others pause for a random while, so that they do not meet again:
    everybody of a hundred gets on within a second or two.
    """
    yield
    pause = 0.001
    for _ in range(_ATTEMPTS - 1):
        time.sleep(random.uniform(0, pause))  # noqa: S311
        pause = min(pause * 2, _LONGEST_PAUSE)
        yield


class LeaseLost(Transient):
    """Somebody else holds the lease under which this was to be written; nothing was."""


_FENCE: ContextVar[tuple[str, str] | None] = ContextVar("fence", default=None)


@contextmanager
def fenced(lease: str, owner: str) -> Iterator[None]:
    """What is written in this context is written while `owner` holds the lease, or not at all (LeaseLost).

    A process may sleep for longer than its lease lasts, between any two lines, and wake up believing that it has it.
    """
    token = _FENCE.set((lease, owner))
    try:
        yield
    finally:
        _FENCE.reset(token)


def fence() -> tuple[str, str] | None:
    """The lease and the owner that this context writes under; for implementations."""
    return _FENCE.get()


class Store(ABC):
    """Records and leases, durable when a call returns.

    Threads: every method may be called from any thread at once. Nothing here waits for a network peer other
    than the database itself. Records handed out are values: changing what they hold changes nothing.
    """

    local: bool = False
    """Whether `get` takes microseconds and waits for no other machine."""

    @abstractmethod
    def get(self, key: Key) -> Record | None:
        """The newest version, or None."""

    @abstractmethod
    def write(self, writes: Sequence[Write]) -> Sequence[Record]:
        """All of these writes or none, durable on return; the records come back with their new versions.

        create: raises AlreadyExists if the key is taken. update and delete name the version they read
        (`record.version`) and raise StaleRecord if it is no longer the newest, or if the record is gone.
        A deleted key may be created again; its version starts anew, its uid should be a new one.
        In a context that is `fenced`: raises LeaseLost, and writes nothing, while the lease is not its owner's.
        """

    @abstractmethod
    def list(self, query: Query, *, limit: int, after: str | None = None) -> Page:
        """At most `limit` records; `after` is a page's `next`. The cost does not grow with what is skipped.

        Raises ValueError for an `after` that no page gave.
        """

    def every(self, query: Query, *, after: str | None = None) -> Iterator[Record]:
        """All records that match, in the query's order, some read at a time."""
        while True:
            page = self.list(query, limit=_AT_ONCE, after=after)
            yield from page.records
            if page.next is None:
                return
            after = page.next

    @abstractmethod
    def count(self, query: Query) -> int:
        """How many records match."""

    @abstractmethod
    def unsettled(self, kind: str, settled: Sequence[str]) -> Sequence[Record]:
        """Every record of a kind, in all accounts and regions, whose state is not one of `settled` or whose
        intent is not `run`: what a controller looks at when it starts."""

    @abstractmethod
    def acquire(self, name: str, owner: str, *, ttl: float, now: float) -> bool:
        """Take or renew the lease `name` for `ttl` seconds. False while somebody else's has not run out."""

    @abstractmethod
    def holder(self, name: str, *, now: float) -> str | None:
        """Who holds a lease that has not run out."""

    @abstractmethod
    def release(self, name: str, owner: str) -> None:
        """Give a lease back; not an error if it is not held."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections. Calling it twice is fine."""

    # What follows is the same for every implementation.

    def create(self, record: Record) -> Record:
        """Store a new record. Raises AlreadyExists."""
        return self.write([("create", record)])[0]

    def update(self, record: Record) -> Record:
        """Store a new version of what was read. Raises StaleRecord."""
        return self.write([("update", record)])[0]

    def delete(self, record: Record) -> None:
        """Remove what was read. Raises StaleRecord."""
        self.write([("delete", record)])

    def amend(self, key: Key, change: Callable[[Record], Record | None]) -> Record | None:
        """Read, change, write; again from the start when somebody wrote in between.

        `change` gets the newest record and returns the new one, or None to leave it as it is. Returns the
        record as it now stands, or None if there is none. `change` may run several times: no side effects.
        """
        for _ in attempts():
            record = self.get(key)
            if record is None:
                return None
            changed = change(record)
            if changed is None:
                return record
            try:
                return self.update(changed)
            except StaleRecord:
                continue
        raise StaleRecord(f"{key.kind} {key.name!r} kept changing while it was being written")

    # Wake-ups: who wants to know of writes in this process. A hint, never a promise: look at the records.

    def subscribe(self, listener: Callable[[Key], None]) -> None:
        """Call `listener` after each committed write, in the writing thread. It is quick and never raises."""
        self._listeners = (*self._listeners, listener)

    def look_anew(self, listener: Callable[[], None]) -> None:
        """Call `listener` when writes of other servers may have gone unheard, and every few seconds to be sure.

        Never where nobody else writes. It runs in a thread of the store's.
        """
        self._lookers = (*self._lookers, listener)

    _listeners: tuple[Callable[[Key], None], ...] = ()
    _lookers: tuple[Callable[[], None], ...] = ()

    def _announce(self, keys: Sequence[Key]) -> None:
        for listener in self._listeners:
            for key in keys:
                listener(key)
