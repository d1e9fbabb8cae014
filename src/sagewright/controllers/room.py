"""Which jobs may run now, and which wait for a place."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sagewright.resources.record import Key, Record


class Room:
    """So many places, given in the order of age. Kept in memory: after a restart, what runs takes its place first.

    Those that span several hosts take turns: their hosts share this machine's ports, and what trains on many hosts
    mostly meets at a fixed one.
    """

    def __init__(self, places: int, wake: Callable[[Key], None]) -> None:
        """`wake` is called with who may try again."""
        self._places = places
        self._wake = wake
        self._inside: set[str] = set()
        self._spanning: str | None = None
        self._waiting: dict[str, tuple[float, Key, bool]] = {}
        self._lock = threading.Lock()

    def enter(self, record: Record, *, spans: bool = False, always: bool = False) -> bool:
        """Take a place, if there is one that nobody older waits for; else wait to be woken when one is free."""
        with self._lock:
            if record.uid in self._inside or always or self._is_free(record, spans):
                self._inside.add(record.uid)
                self._waiting.pop(record.uid, None)
                if spans:
                    self._spanning = record.uid
                return True
            self._waiting[record.uid] = (record.created, record.key, spans)
            return False

    def leave(self, record: Record) -> None:
        """Neither run nor wait any more."""
        with self._lock:
            self._inside.discard(record.uid)
            self._waiting.pop(record.uid, None)
            if self._spanning == record.uid:
                self._spanning = None
            able = [(created, key) for created, key, spans in self._waiting.values() if self._has_turn(spans)]
        if able:
            self._wake(min(able)[1])

    def _is_free(self, record: Record, spans: bool) -> bool:
        older = sum(
            created < record.created and self._has_turn(also_spans) for created, _, also_spans in self._waiting.values()
        )
        return self._has_turn(spans) and len(self._inside) + older < self._places

    def _has_turn(self, spans: bool) -> bool:
        return not (spans and self._spanning is not None)
