"""Where a request is answered that only one of several servers can answer: the one that runs the controllers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sagewright.base.clock import Clock
from sagewright.store.base import Store

FORWARDED: Final = "x-sagewright-forwarded"
"""The header of a request that another server has sent on; its value proves that it is one."""
_BELIEVED: Final = 1.0
"""Seconds."""


def owner(identity: str, url: str) -> str:
    """What a server calls itself in the lease, so that the others find it."""
    return f"{identity} {url}"


@dataclass(slots=True)
class Peers:
    """The servers that share a database."""

    store: Store
    clock: Clock
    lease: str
    me: str
    """This one's `owner`."""
    secret: str
    """What they know of each other, and nobody else."""
    _known: str | None = None
    _until: float = 0.0

    def leader(self) -> str | None:
        """Where the one is that runs the controllers (http://host:port); '' if that is this one, None if none does.

        Asks the store, unless it was asked just now.
        """
        if self.clock.monotonic() >= self._until:
            self._known = self.store.holder(self.lease, now=self.clock.now())
            self._until = self.clock.monotonic() + (_BELIEVED if self._known else 0.0)
        if self._known is None:
            return None
        return "" if self._known == self.me else self._known.partition(" ")[2]

    def doubt(self) -> None:
        """It did not answer: ask anew."""
        self._until = 0.0
