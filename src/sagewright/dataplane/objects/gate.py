"""A gate per name: many may pass together, or one stands in it alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Keeps "look, then write" true within this process: a bucket is found empty and stays so until it is gone.

    Passing is meant to be short, and nobody passes twice on one thread.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: dict[str, int] = {}
        """How many are passing each name; -1 while one stands there alone."""

    @contextmanager
    def shared(self, name: str) -> Iterator[None]:
        """Pass beside others."""
        with self._changed:
            while self._inside.get(name, 0) < 0:
                self._changed.wait()
            self._inside[name] = self._inside.get(name, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._inside[name] -= 1
                if not self._inside[name]:
                    del self._inside[name]
                    self._changed.notify_all()

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Pass when nobody else does, and keep all others out."""
        with self._changed:
            while self._inside.get(name, 0):
                self._changed.wait()
            self._inside[name] = -1
        try:
            yield
        finally:
            with self._changed:
                del self._inside[name]
                self._changed.notify_all()
