"""How often passwords may be tried: so many failures of a user, and of an address, within some minutes.

Known to one process and forgotten when it ends: a password takes tens of milliseconds to try anyway.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from sagewright.base.clock import Clock

SECONDS: Final = 300.0
OF_A_USER: Final = 10
"""Failures of one user name from one address."""
OF_AN_ADDRESS: Final = 50
_REMEMBERED: Final = 10_000


class Attempts:
    """Any thread may ask."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, ...], list[float]] = OrderedDict()

    def begin(self, user: str, address: str) -> float:
        """Count an attempt as failed until it is `forgiven`; for how many seconds no other is allowed, 0 if this is.

        Counting it first is what bounds many attempts at once.
        """
        now = self._clock.monotonic()
        with self._lock:
            for place, most in _places(user, address):
                recent = [when for when in self._failures.get(place, ()) if now - when < SECONDS]
                if len(recent) >= most:
                    return SECONDS - (now - recent[0])
            for place, _ in _places(user, address):
                kept = [when for when in self._failures.get(place, ()) if now - when < SECONDS]
                self._failures[place] = [*kept, now]
                self._failures.move_to_end(place)
            while len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)
        return 0.0

    def forgive(self, user: str, address: str) -> None:
        """The attempt was right: the user's failures from there are forgotten, and the address has one less."""
        with self._lock:
            self._failures.pop((user, address), None)
            of_address = self._failures.get((address,))
            if of_address:
                of_address.pop()


def _places(user: str, address: str) -> Sequence[tuple[tuple[str, ...], int]]:
    return [((user, address), OF_A_USER), ((address,), OF_AN_ADDRESS)]
