"""Tables of telemetry in the database of the records (`telemetry/database.py` has the port)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sagewright.store.postgres import PostgresStore
from sagewright.store.postgres_statements import Statements

METRICS: Final = 0x5A6F
"""The advisory lock under which datapoints are written: their places in a series are counted."""


class SharedTables:
    """Any thread may call any method. The store is closed by who opened it."""

    shared = True

    def __init__(self, store: PostgresStore, lock: int | None = None) -> None:
        """`lock` has all who write, on all servers, take turns."""
        self._store, self._lock = store, lock

    @contextmanager
    def writing(self) -> Iterator[Statements]:
        with self._store.transaction(self._lock) as statements:
            yield statements

    @contextmanager
    def reading(self) -> Iterator[Statements]:
        with self._store.transaction() as statements:
            yield statements

    def close(self) -> None:
        pass
