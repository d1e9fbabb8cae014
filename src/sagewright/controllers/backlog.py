"""The asynchronous invocations of one endpoint: who waits, in which order, and who is being answered."""

from __future__ import annotations

import heapq
import threading
from collections import Counter
from collections.abc import Mapping

from sagewright.resources import async_invocation


class Backlog:
    """Names of invocations (`resources/async_invocation.py`), first come first served. Any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._turns: list[str] = []
        """A heap; those that wait no more are left in it until their turn. So are those of `_ends`."""
        self._ends: list[tuple[float, str]] = []
        self._running: dict[str, str] = {}
        """Of those that are being answered, or whose end is being written: the task that they are with, or ''."""

    def add(self, name: str) -> None:
        """One that waits. It may be known already."""
        with self._lock:
            if name not in self._waiting and name not in self._running:
                self._waiting.add(name)
                heapq.heappush(self._turns, name)
                heapq.heappush(self._ends, (async_invocation.expires(name), name))

    def take(self, task: str) -> str | None:
        """Whose turn it is: with this task from now on. None where nobody waits."""
        with self._lock:
            while self._turns:
                name = heapq.heappop(self._turns)
                if name in self._waiting:
                    self._waiting.discard(name)
                    self._running[name] = task
                    return name
            return None

    def expire(self, now: float, *, most: int) -> list[str]:
        """Some of those that have waited for too long: taken, with no task."""
        expired: list[str] = []
        with self._lock:
            while (
                len(expired) < most
                and self._ends
                and (self._ends[0][0] <= now or self._ends[0][1] not in self._waiting)
            ):
                _, name = heapq.heappop(self._ends)
                if name in self._waiting:
                    self._waiting.discard(name)
                    self._running[name] = ""
                    expired.append(name)
        return expired

    def next_end(self) -> float | None:
        """When the next one will have waited for too long, at the earliest."""
        with self._lock:
            return self._ends[0][0] if self._ends else None

    def put_back(self, name: str) -> None:
        """One that was taken waits again, at its old place."""
        with self._lock:
            self._running.pop(name, None)
        self.add(name)

    def done(self, name: str) -> None:
        """One that was taken has its end."""
        with self._lock:
            self._running.pop(name, None)

    @property
    def busy(self) -> Mapping[str, int]:
        """How many are with each task."""
        with self._lock:
            return Counter(self._running.values())

    def oldest(self) -> float | None:
        """When the one that has waited longest came, in epoch seconds."""
        with self._lock:
            while self._turns and self._turns[0] not in self._waiting:
                heapq.heappop(self._turns)
            return async_invocation.created(self._turns[0]) if self._turns else None

    @property
    def waiting(self) -> int:
        with self._lock:
            return len(self._waiting)

    @property
    def size(self) -> int:
        """Those that wait and those that are being answered."""
        with self._lock:
            return len(self._waiting) + len(self._running)
