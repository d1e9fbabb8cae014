"""What was read from the store, kept until somebody writes to it; where others may write too, for a second."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from sagewright.base.clock import Clock
from sagewright.store.base import Store

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_MOST: Final = 4096
_SECONDS: Final = 1.0


class Remembered(Generic[K, V]):
    """Values by key. Any thread may call any method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[K, tuple[V, float]] = {}
        self._writes = 0

    def get(self, key: K, read: Callable[[], V], store: Store, clock: Clock) -> V:
        """The value, read if it is not known."""
        known = self._known.get(key)
        if known is not None and (store.local or clock.monotonic() < known[1]):
            return known[0]
        writes = self._writes
        value = read()
        with self._lock:
            # What was written while this was being read may have made it old.
            if writes == self._writes:
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[key] = value, clock.monotonic() + _SECONDS
        return value

    def forget(self, key: K | None = None) -> None:
        """One value, or all."""
        with self._lock:
            self._writes += 1
            if key is None:
                self._known.clear()
            else:
                self._known.pop(key, None)
