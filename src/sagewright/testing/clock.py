"""Clocks that move when they are told to."""

from __future__ import annotations

import asyncio


class ManualClock:
    """A `base.clock.Clock` for tests: both its times move by `advance` only."""

    def __init__(self, now: float = 1_760_000_000.0) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass. Going backwards moves the wall clock alone, as a real machine's would."""
        self._now += seconds
        self._monotonic += max(0.0, seconds)


def pass_time(seconds: float) -> None:
    """Set the running event loop's clock forward: what was to be over by then is due at once."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]
