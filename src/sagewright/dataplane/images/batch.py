"""Writes that are decided one after the other and done together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from sagewright.base.errors import AlreadyExists, StaleRecord, Transient
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store, Write, attempts

T = TypeVar("T")


class Batch:
    """Changes to several records; whoever reads through it sees what was decided already."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writes: dict[Key, Write] = {}

    def get(self, key: Key) -> Record | None:
        """The record as it will be."""
        pending = self._writes.get(key)
        if pending is None:
            return self._store.get(key)
        return None if pending[0] == "delete" else pending[1]

    def create(self, record: Record) -> None:
        self._writes[record.key] = ("create", record)

    def update(self, record: Record) -> None:
        """Change a record, or have the batch fail if somebody else does meanwhile."""
        earlier = self._writes.get(record.key)
        self._writes[record.key] = ("create" if earlier is not None and earlier[0] == "create" else "update", record)

    def delete(self, record: Record) -> None:
        self._writes[record.key] = ("delete", record)

    def commit(self) -> None:
        """All of it or nothing. Raises StaleRecord and AlreadyExists."""
        if self._writes:
            self._store.write([*self._writes.values()])


class Together:
    """Reads, decides and writes, one after the other: everybody who pushes to a repository writes its record, and
    would only get in each other's way."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()

    def __call__(self, decide: Callable[[Batch], T]) -> T:
        """Write all of what is decided or nothing; decide again when somebody wrote in between.

        What comes back is what the last `decide` returned.
        """
        with self._lock:
            for _ in attempts():
                batch = Batch(self._store)
                result = decide(batch)
                try:
                    batch.commit()
                    return result
                except (StaleRecord, AlreadyExists):
                    continue
        raise Transient("The repository kept changing while it was being written. Try again.")
