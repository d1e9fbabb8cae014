"""Stay awake for the next request of a client that asks at once (docs/adr/0063).

A thread that sleeps until a request comes takes tens of microseconds to wake up, and finds the processor's caches
cold: that is more than many requests take themselves.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Final

MOMENT_S: Final = 150e-6
"""How long the loop looks for it; clients that took longer the last time are not waited for like this."""


class BusyPoll:
    """Keeps an event loop turning. All methods are called on it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        clock: Callable[[], float] = time.monotonic,
        processors: int | None = None,
    ) -> None:
        """`clock` is exact, which the loop's own is not; `processors` are those that we may use."""
        self._loop, self._clock = loop, clock
        # With one processor, whoever is to ask could not.
        self._useful = (processors or _processors()) > 1
        self._until = 0.0
        self._turning = False

    def asked(self, answered: float) -> bool:
        """A client begins a request; `answered` is what its last answer returned. Whether that was but a moment."""
        self._until = 0.0  # threads that work for it shall have the interpreter
        return self._clock() - answered < MOMENT_S

    def answered(self, *, again: bool) -> float:
        """A client has its answer, at the time that is returned; whether it is to be expected `again` at once."""
        now = self._clock()
        if again and self._useful:
            self._until = now + MOMENT_S
            if not self._turning:
                self._turning = True
                self._loop.call_soon(self._turn)
        return now

    def _turn(self) -> None:
        # What is called soon keeps the loop from sleeping, and everything else that is ready has its turn meanwhile.
        if self._clock() < self._until:
            self._loop.call_soon(self._turn)
        else:
            self._turning = False


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
