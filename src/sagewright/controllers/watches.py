"""Which tasks' ends somebody waits for: the engine is asked once per task, however often a reconcile passes by."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sagewright.compute.base import Engine
from sagewright.resources.record import Key


class Watches:
    """Has a record looked at when one of its tasks ends. Any thread may call it."""

    def __init__(self, engine: Engine, wake: Callable[[Key], None]) -> None:
        self._engine = engine
        self._wake = wake
        self._watched: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, task_id: str, key: Key) -> None:
        """Wake `key` when the task ends, unless that is arranged already."""
        with self._lock:
            if task_id in self._watched:
                return
            self._watched.add(task_id)
        self._engine.watch(task_id, lambda: self._ended(task_id, key))

    def _ended(self, task_id: str, key: Key) -> None:
        with self._lock:
            self._watched.discard(task_id)
        self._wake(key)
