"""The store on SQLite: one file, write-ahead log, every commit on disk before it is acknowledged."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, StaleRecord, Terminal, Transient
from sagewright.resources.record import Record
from sagewright.store.base import LeaseLost, Write, fence
from sagewright.store.migrate import migrate
from sagewright.store.plans import SQLITE
from sagewright.store.sql import SqlStore
from sagewright.store.statements import RELEASE_LEASE, TAKE_LEASE, Prepared, Row, apply, check_fence, prepare

_KEPT: Final = 32
"""Connections that stay open while nobody reads."""
_MAPPED: Final = 0x7FFF0000
"""Bytes of the file that are read as memory, which takes a third of the time; the most that SQLite allows."""
_BUSY_MS: Final = 20_000
"""How long to wait for another process that writes: `sagewright backup` does, for a moment."""

Work = Callable[[sqlite3.Connection], Any]


class _Waiting:
    """Work that waits for a commit, and how it ended."""

    __slots__ = ("alone", "done", "error", "woken", "work")

    def __init__(self, work: Work, *, alone: bool) -> None:
        self.work, self.alone = work, alone
        self.done = False
        self.error: BaseException | None = None
        self.woken = threading.Lock()
        """Taken from the start; given back when the work is done, or its thread has to commit the next ones."""
        self.woken.acquire()


class SqliteStore(SqlStore):
    """Many readers, one writer at a time. Whoever becomes the writer commits what all that wait have brought: a disk
    that syncs slowly is waited for once, by all of them together."""

    local = True
    dialect = SQLITE

    def __init__(self, path: Path) -> None:
        """Raises Terminal for a file that cannot be used."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._closed = False
        self._idle: deque[sqlite3.Connection] = deque()
        self._writing = threading.Lock()
        self._queueing = threading.Lock()
        self._busy = False
        """Whether some thread commits; whoever comes now, queues."""
        self._queue: list[_Waiting] = []
        try:
            self._writer: sqlite3.Connection | None = self._open()
            path.chmod(0o600)
            self._write(self._migrate)
        except sqlite3.DatabaseError as error:
            raise Terminal(f"{path} cannot be used: {error}.") from error

    def _migrate(self, connection: sqlite3.Connection) -> None:
        self._searchable = migrate(lambda sql, values: connection.execute(sql, values).fetchall(), "sqlite")

    def write(self, writes: Sequence[Write]) -> Sequence[Record]:
        prepared = [prepare(verb, record) for verb, record in writes]
        under = fence()
        self._write(lambda connection: _apply_all(connection, prepared, under), alone=len(prepared) == 1)
        self._announce([each.record.key for each in prepared])
        return [each.record for each in prepared]

    def acquire(self, name: str, owner: str, *, ttl: float, now: float) -> bool:
        taken = []
        self._write(
            lambda connection: taken.append(connection.execute(TAKE_LEASE, (name, owner, now + ttl, now)).rowcount)
        )
        return taken[-1] == 1

    def release(self, name: str, owner: str) -> None:
        self._write(lambda connection: connection.execute(RELEASE_LEASE, (name, owner)))

    def close(self) -> None:
        self._closed = True
        with self._writing:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        while self._idle:
            self._idle.pop().close()

    # Reading.

    def _rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        try:
            rows = connection.execute(sql, values).fetchall()
        except BaseException:
            connection.close()
            raise
        if self._closed or len(self._idle) >= _KEPT:
            connection.close()
        else:
            self._idle.append(connection)
        return rows

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            check_same_thread=False,
            isolation_level=None,
            cached_statements=256,
            timeout=_BUSY_MS / 1000,
        )
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY", f"mmap_size = {_MAPPED}"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    # Writing.

    def _write(self, work: Work, *, alone: bool = False) -> None:
        """Have work done in a transaction; returns when it is on disk, and raises what it raised.

        `alone`: the work changes nothing if it raises AlreadyExists or StaleRecord, so it needs no savepoint.
        """
        mine = _Waiting(work, alone=alone)
        with self._queueing:
            queued, self._busy = self._busy, True
            if queued:
                self._queue.append(mine)
        if queued:
            mine.woken.acquire()
        if not mine.done:
            self._lead(mine)
        if mine.error is not None:
            raise mine.error

    def _lead(self, mine: _Waiting) -> None:
        """Commit one's own work and what has queued until now; then let the first that queued meanwhile do the same."""
        with self._queueing:
            batch, self._queue = [mine, *self._queue], []
        try:
            with self._writing:
                self._commit(batch)
        finally:
            with self._queueing:
                successor = self._queue.pop(0) if self._queue else None
                self._busy = successor is not None
            if successor is not None:
                successor.woken.release()
            for each in batch:
                if not each.done:  # this thread was interrupted
                    each.error, each.done = each.error or Transient("The write was interrupted. Try again."), True
                if each is not mine:
                    each.woken.release()

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        """One transaction for as many as can go together; each learns how it ended."""
        left = list(batch)
        while left:
            doing: _Waiting | None = None
            try:
                with self._transaction() as connection:
                    for doing in left:
                        doing.error = None
                        _attempt(connection, doing, together=len(left) > 1)
                    doing = None
            except Exception as error:  # noqa: BLE001 - it is raised where the work came from
                # One that cannot be done fails by itself, and the others begin anew. A commit fails for all of them.
                failed = left if doing is None else [doing]
                for each in failed:
                    each.error, each.done = _told(error), True
                left = [each for each in left if not each.done]
            else:
                break
        for each in batch:
            each.done = True

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._writer if self._writer is not None else self._open()
        try:
            # The driver begins transactions late and as readers; ours says what it is from the start.
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        finally:
            if connection is not self._writer:
                connection.close()


def _attempt(connection: sqlite3.Connection, waiting: _Waiting, *, together: bool) -> None:
    """Do one piece of work, so that what it refuses leaves the others' work as it is."""
    guarded = together and not waiting.alone
    if guarded:
        connection.execute("SAVEPOINT one")
    try:
        waiting.work(connection)
    except (AlreadyExists, StaleRecord, LeaseLost) as error:
        if guarded:
            connection.execute("ROLLBACK TO one")
        elif not waiting.alone:
            raise
        waiting.error = error
    if guarded:
        connection.execute("RELEASE one")


def _apply_all(connection: sqlite3.Connection, writes: Sequence[Prepared], under: tuple[str, str] | None) -> None:
    cursor = connection.cursor()
    check_fence(cursor, under)
    for write in writes:
        apply(cursor, write)


def _told(error: Exception) -> Exception:
    """What the writer is told: that another process kept the file is nothing that lasts."""
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return Transient("Another process kept the database for too long. Try again.")
    return error
