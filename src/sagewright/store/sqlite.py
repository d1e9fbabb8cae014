"""The store on SQLite: one file, write-ahead log, every commit on disk before it is acknowledged."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sagewright.store.sql import SqlStore


class SqliteStore(SqlStore):
    """Many readers, one writer at a time; writers queue on a lock of ours, not on SQLite's busy timer."""

    local = True

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = threading.Lock()
        engine = sa.create_engine(
            f"sqlite:///{path}",
            pool_size=16,
            max_overflow=48,
            pool_use_lifo=True,
            connect_args={"check_same_thread": False},
        )
        sa.event.listen(engine, "connect", _configure)
        super().__init__(engine)
        path.chmod(0o600)

    def writing(self) -> AbstractContextManager[sa.Connection]:
        return self._immediate()

    @contextmanager
    def _immediate(self) -> Iterator[sa.Connection]:
        with self._writer, self._engine.connect() as connection:
            # The driver begins transactions late and as readers; ours says what it is from the start.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
