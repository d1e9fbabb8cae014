"""The records that were asked for last: whoever asks for one of them need not wait for its file.

A record that is being changed is not among them until the change is durable or refused, so that nobody is told an older
one than somebody before.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Final

from sagewright.dataplane.features.group_file import Kept

Place = tuple[str, str]
"""The uid of a group's record, and a record's identifier."""
ROOM: Final = 16 << 20
_OVERHEAD: Final = 300
"""Bytes that an entry takes beside its record, about."""


class Recent:
    """At most so many bytes of them. All methods are called by the event loop, which makes and ends the changes too."""

    def __init__(self, room: int = ROOM) -> None:
        self._room, self._taken = room, 0
        self._kept: OrderedDict[Place, Kept] = OrderedDict()
        self._changing: Counter[Place] = Counter()

    def get(self, place: Place, now: float) -> Kept | None:
        """The record, unless it is not known or has expired; `now` is in microseconds since the epoch."""
        kept = self._kept.get(place)
        if kept is None:
            return None
        if kept.expires is not None and kept.expires <= now:
            self._forget(place)
            return None
        self._kept.move_to_end(place)
        return kept

    def keep(self, place: Place, kept: Kept) -> None:
        """Just now, its file had this."""
        if place in self._changing:
            return
        self._forget(place)
        self._kept[place] = kept
        self._taken += len(kept.data) + _OVERHEAD
        while self._taken > self._room:
            self._forget(next(iter(self._kept)))

    def begin(self, place: Place) -> None:
        """A change of it begins."""
        self._changing[place] += 1
        self._forget(place)

    def end(self, place: Place) -> None:
        """A change that had begun is durable, or was refused."""
        self._changing[place] -= 1
        if not self._changing[place]:
            del self._changing[place]

    def _forget(self, place: Place) -> None:
        kept = self._kept.pop(place, None)
        if kept is not None:
            self._taken -= len(kept.data) + _OVERHEAD
