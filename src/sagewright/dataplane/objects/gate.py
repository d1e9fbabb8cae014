"""A gate per name: many may pass together, or one stands in it alone.

Where several servers work on a folder, it is a gate for all of them: then files in the folder are locked as well.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from sagewright.base.file_locks import FileLocks


class Gate:
    """Keeps "look, then write" true: a bucket is found empty and stays so until it is gone.

    Passing is meant to be short, and nobody passes twice on one thread.
    """

    def __init__(self, locks: FileLocks | None = None) -> None:
        """`locks` are shared with the other servers; None where there are none."""
        self._locks = locks
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
            with self._among_servers(name, shared=True):
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
            with self._among_servers(name, shared=False):
                yield
        finally:
            with self._changed:
                del self._inside[name]
                self._changed.notify_all()

    def _among_servers(self, name: str, *, shared: bool) -> AbstractContextManager[None]:
        return nullcontext() if self._locks is None else self._locks.held(name, shared=shared)
