"""Which of several servers runs the controllers: the one that holds the lease. The others wait for it.

A server that loses the lease begins anew as one that waits: what it has in memory, and its threads that still carry
something, belong to a time that is over. What they write meanwhile is refused (`store.fenced`), and what they do to
tasks is kept apart from the new holder's by a lock on each record (`Loop`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from sagewright.base.clock import Clock
from sagewright.base.errors import SagewrightError
from sagewright.controllers.loop import LEASE, Loop
from sagewright.store.base import Store

_log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 9.0
"""For how long a server that says nothing any more keeps the others waiting."""
_AGAIN: Final = 0.5
"""Seconds between two looks at whether the lease is free."""


class Leading:
    """Has the loops run here as soon as this server may."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        owner: str,
        begin: Callable[[], Sequence[Loop]],
        end: Callable[[], None] = lambda: None,
        waits: bool = False,
    ) -> None:
        """`begin` makes the loops and starts them, the lease being this `owner`'s; `end` leaves to the next one what it
        would not find out. One that does not wait raises Transient when another server holds the lease."""
        self._store, self._clock, self._owner, self._waits = store, clock, owner, waits
        self._begin, self._end = begin, end
        self._loops: Sequence[Loop] = ()
        self._changing = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def leads(self) -> bool:
        """Whether the loops run here."""
        return bool(self._loops)

    def start(self) -> None:
        if not self._waits:
            self._loops = self._begin()
        elif not self._try():
            _log.info("another server runs the controllers; this one takes over when that ends")
            self._thread = threading.Thread(target=self._wait, name="controllers-standby", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop the loops, and let the next server begin. Calling it twice is fine."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        with self._changing:
            if self._loops:
                self._end()
            for loop in self._loops:
                loop.stop()
            self._loops = ()

    def _wait(self) -> None:
        while not self._stopped.wait(_AGAIN):
            if self._try():
                return

    def _try(self) -> bool:
        try:
            if not self._store.acquire(LEASE, self._owner, ttl=LEASE_SECONDS, now=self._clock.now()):
                return False
            with self._changing:
                if self._stopped.is_set():
                    self._store.release(LEASE, self._owner)
                    return False
                _log.info("this server runs the controllers from now on")
                self._loops = self._begin()
        except SagewrightError as error:  # the database is away, say
            _log.warning("the controllers could not be taken over yet: %s", error)
            return False
        except Exception:  # noqa: BLE001 - whoever waits goes on waiting
            _log.exception("the controllers could not be taken over")
            return False
        return True
