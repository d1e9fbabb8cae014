"""Commits that change which record names which blob."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.dataplane.objects.blobs import Blobs
from sagewright.dataplane.objects.places import OBJECT, VERSION, every
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store, Write


@dataclass(frozen=True, slots=True)
class Change:
    """One record's write, and what it means for blobs."""

    write: Write
    adds: str | None = None
    """The blob that the record names from now on; it has been in doubt since it was begun."""
    drops: str | None = None
    """The blob that it named until now."""

    @property
    def key(self) -> Key:
        return self.write[1].key


def named_blob(record: Record | None) -> str | None:
    """The blob that a record names."""
    return None if record is None else record.spec.get("blob")


class Ledger:
    """Writes records and keeps the folder of blobs true to them, whenever the process dies."""

    def __init__(self, store: Store, blobs: Blobs) -> None:
        self._store = store
        self._blobs = blobs

    def commit(self, changes: Sequence[Change]) -> Sequence[Record]:
        """All changes or none; then dropped blobs are removed. Raises StaleRecord and AlreadyExists.

        After these two, added blobs are still there, and nobody's: try again with them, or discard them. After any
        other error nobody knows whether the records were written: leave the blobs to the next start.
        """
        if not changes:
            return []
        for change in changes:
            if change.drops is not None:
                self._blobs.doubt(change.drops, change.key)
        try:
            written = self._store.write([change.write for change in changes])
        except (StaleRecord, AlreadyExists):
            self._trust(change.drops for change in changes)
            raise
        self._trust(change.adds for change in changes)
        for change in changes:
            if change.drops is not None:
                # What cannot be removed now is removed at the next start; the caller's write is done either way.
                with contextlib.suppress(OSError):
                    self._blobs.remove(change.drops)
        return written

    def _trust(self, blobs: Iterable[str | None]) -> None:
        for blob in blobs:
            if blob is not None:
                with contextlib.suppress(OSError):
                    self._blobs.trust(blob)

    def recover(self, *, older: float = 0.0) -> int:
        """Settle what a crash left, or what was left `older` seconds ago; returns how many files went."""
        return self._blobs.recover(self._names, older=older)

    def _names(self, key: Key, blob: str) -> bool:
        """Whether a record names a blob: the one at `key`, or another version of the same object, for versions take
        each other's places."""
        if key.kind not in (OBJECT, VERSION):
            return named_blob(self._store.get(key)) == blob
        return any(named_blob(record) == blob for record in every(self._store, key))
