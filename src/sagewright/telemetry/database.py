"""What metrics ask of the database that they are in: SQLite under the data folder, or one that several servers share.

Statements are SQL that both SQLite and PostgreSQL understand, with `?` for parameters.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol


class Rows(Protocol):
    """What a statement found."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> Sequence[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Statements(Protocol):
    """A transaction that statements run in."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Rows: ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> object: ...


class Database(Protocol):
    """Any thread may call any method."""

    @property
    def shared(self) -> bool:
        """Whether other servers write to it too, so that nothing read may be believed later."""
        ...

    def writing(self) -> AbstractContextManager[Statements]:
        """One transaction, durable when it ends well; of all that write, one at a time."""
        ...

    def reading(self) -> AbstractContextManager[Statements]: ...

    def close(self) -> None:
        """Calling it twice is fine."""
        ...


class SqliteFile:
    """One connection that writes and one that reads, so that neither waits for the other's disk."""

    shared = False

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._writer.execute(f"PRAGMA {pragma}")
        self._writer.executescript(schema)
        self._reader = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._write_lock, self._read_lock = threading.Lock(), threading.Lock()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        with self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._read_lock:
            yield self._reader

    def close(self) -> None:
        with self._write_lock, self._read_lock:
            self._writer.close()
            self._reader.close()
