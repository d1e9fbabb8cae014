"""The file of one group: its newest records, and what waits for the offline store.

    DATA/features/<uid of the group's record>/records.db     SQLite: `tables`

A change and its row in the outbox are one transaction, so that neither is ever there without the other.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from sagewright.base.clock import Clock
from sagewright.dataplane.features import packing, tables
from sagewright.dataplane.features.changes import Change, Refused
from sagewright.dataplane.features.event_time import LAST, SECOND
from sagewright.dataplane.features.schema import Value, unpacked

_PURGED_EVERY: Final = 1.0
_PATIENCE: Final = 20.0
"""Seconds that one waits for another process that writes to the file."""
_MAPPED: Final = 2**31 - 65_536
"""Bytes of the file that are read without copying pages, the most that SQLite maps: random reads of large files take
two thirds of the time."""
_CACHED: Final = 16_000
"""Kilobytes of the rest that are kept, at the most: the inner pages of the trees of ten million records."""
_SETTLED_AT_ONCE: Final = 1_000
_SEAL: Final = (
    "INSERT INTO sealed SELECT MAX(seq), ? FROM (SELECT seq FROM outbox ORDER BY seq LIMIT ?) "
    "WHERE NOT EXISTS (SELECT 1 FROM sealed) HAVING MAX(seq) IS NOT NULL"
)


class Kept(NamedTuple):
    """A record as it is now. Times are microseconds since the epoch; `expires` is None for one that stays."""

    time: int
    expires: int | None
    data: bytes
    """The record as it is sent."""


class Waiting(NamedTuple):
    """A row of the outbox."""

    seq: int
    time: int
    asked: int
    deleted: bool
    layout: str
    values: dict[str, Value]


@dataclass(slots=True, eq=False)
class Asked:
    """A change that waits for its commit."""

    change: Change
    tell: Callable[[BaseException | None], object]
    """Called when it is durable, or with what prevented that; by whoever committed."""
    error: BaseException | None = None


class GroupFile:
    """One connection that writes and one that reads. Any thread may call any method."""

    def __init__(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._clock = clock
        self._writer = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=_PATIENCE)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._writer.execute(f"PRAGMA {pragma}")
        tables.prepare(self._writer)
        self.unsettled = tables.unsettled(self._writer)
        """Whether, when it was opened, records were not in their places, so that the caller has to see to `settle`."""
        self._reader = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=_PATIENCE)
        for pragma in (f"mmap_size = {_MAPPED}", f"cache_size = -{_CACHED}"):
            self._reader.execute(f"PRAGMA {pragma}")
        self._shapes: dict[int, packing.Shape | packing.Named] = {}
        self._writing, self._reading, self._queueing = threading.Lock(), threading.Lock(), threading.Lock()
        self._queue: list[Asked] = []
        self._draining = False
        self._purged = 0.0

    # Changes.

    def add(self, asked: Asked) -> bool:
        """Have a change wait. Whether nobody commits just now, so that the caller has to see that somebody does."""
        with self._queueing:
            self._queue.append(asked)
            idle, self._draining = not self._draining, True
            return idle

    def commit_all(self) -> None:
        """Commit what waits, and what comes meanwhile, each time all of it at once."""
        while True:
            with self._queueing:
                batch, self._queue = self._queue, []
                if not batch:
                    self._draining = False
                    return
            self._commit(batch)

    def _commit(self, batch: Sequence[Asked]) -> None:
        now = int(self._clock.now() * SECOND)
        try:
            with self._writing:
                self._in_transaction(lambda: self._apply(batch, now))
        except Exception as error:  # noqa: BLE001 - it is raised where the change came from
            for asked in batch:
                asked.tell(error)
        else:
            for asked in batch:
                asked.tell(asked.error)

    def _apply(self, batch: Sequence[Asked], now: int) -> None:
        for asked in batch:
            try:
                asked.change.apply(self._writer, now, LAST)
            except Refused as error:
                asked.error = error
        if self._clock.monotonic() >= self._purged + _PURGED_EVERY:
            self._purged = self._clock.monotonic()
            tables.purge(self._writer, now)

    def _in_transaction(self, work: Callable[[], object]) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            work()
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def settle(self, after: int) -> int | None:
        """Have some of the records that are not in their places move there; see `tables.settle`."""
        tried: list[int | None] = []
        with self._writing:
            self._in_transaction(lambda: tried.append(tables.settle(self._writer, after, _SETTLED_AT_ONCE)))
        return tried[0]

    # Records.

    def one(self, identifier: str) -> Kept | None:
        """The record, if it is there."""
        with self._reading:
            row = tables.one(self._reader, identifier, int(self._clock.now() * SECOND))
        if row is None:
            return self.read([identifier]).get(identifier)
        _, time, expires, shape, record = row
        return Kept(time, expires, self._shape(shape).spread([record])[0])

    def read(self, identifiers: Sequence[str]) -> dict[str, Kept]:
        """Those of them that are there."""
        now = int(self._clock.now() * SECOND)
        with self._reading:
            self._reader.execute("BEGIN")
            try:
                rows = tables.found(self._reader, identifiers, now)
            finally:
                self._reader.execute("COMMIT")
        found: dict[str, Kept] = {}
        while rows:
            # Nearly always, all are of one shape.
            shape = rows[0][3]
            some = [row for row in rows if row[3] == shape]
            rows = [] if len(some) == len(rows) else [row for row in rows if row[3] != shape]
            names, times, ends, _, records = zip(*some, strict=True)
            found.update(zip(names, map(Kept, times, ends, self._shape(shape).spread(records)), strict=True))
        return found

    def _shape(self, number: int) -> packing.Shape | packing.Named:
        """What is known of one is true for ever."""
        known = self._shapes.get(number)
        if known is None:
            with self._reading:
                known = self._shapes[number] = packing.shape(self._reader, number)
        return known

    def listed(self, after: int, limit: int, *, deleted: bool) -> Sequence[tuple[int, str]]:
        """Places and identifiers of the records behind a place; of soft-deleted ones too where they are asked for. Each
        that is there all the time is told, in an order that means nothing."""
        now = int(self._clock.now() * SECOND)
        with self._reading:
            return tables.listed(self._reader, after, limit, now, deleted=deleted)

    def _rows(self, sql: str, values: Sequence[object]) -> Sequence[Any]:
        with self._reading:
            return self._reader.execute(sql, values).fetchall()

    # The outbox. One at a time takes from it.

    def sealed(self, most: int, now: int) -> tuple[Sequence[Waiting], int] | None:
        """The rows that are to go next, at most so many, and the time at which they count as written.

        The same ones with the same time until they are `taken`, for whoever asks: who is killed on the way writes the
        same again. None where nothing waits.
        """
        row = self._next()
        if row is None:
            with self._writing:
                self._in_transaction(lambda: self._writer.execute(_SEAL, (now, most)))
            row = self._next()
        if row is None:
            return None
        last, written = row
        sql = "SELECT seq, time, asked, deleted, layout, data FROM outbox WHERE seq <= ? ORDER BY seq"
        waiting = [
            Waiting(seq, time, asked, bool(deleted), layout, unpacked(data))
            for seq, time, asked, deleted, layout, data in self._rows(sql, (last,))
        ]
        return waiting, written

    def taken(self, last: int) -> None:
        """What was sealed up to this row is where it belongs."""

        def forget() -> None:
            self._writer.execute("DELETE FROM outbox WHERE seq <= ?", (last,))
            self._writer.execute("DELETE FROM sealed WHERE last = ?", (last,))

        with self._writing:
            self._in_transaction(forget)

    def layout(self, identifier: str) -> str:
        """The text of a layout that a row of the outbox names."""
        return str(self._rows("SELECT text FROM layout WHERE id = ?", (identifier,))[0][0])

    def _next(self) -> tuple[int, int] | None:
        rows = self._rows("SELECT last, written FROM sealed", ())
        return rows[0] if rows else None

    def close(self) -> None:
        """Let go of the file. Calling it twice is fine."""
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()
