"""The log streams that are open: those that somebody has in hand, and of the others the ones that were used last.

A job's stream is written for as long as the job runs and then hardly ever looked at, so a server that kept all that it
ever opened would grow with every job.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from sagewright.telemetry.stream import Stream

_MOST: Final = 1_000
"""How many are kept open that nobody has in hand: about 2 MB."""

_Place = tuple[Path, str]
"""The folder of a group, and a stream's name."""


class Opened:
    """One `Stream` per stream, whoever asks for it: two would write over each other's lines. Any thread may call any
    method."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._open: WeakValueDictionary[_Place, Stream] = WeakValueDictionary()
        self._recent: OrderedDict[_Place, Stream] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def get(self, folder: Path, name: str, opened: Callable[[], Stream]) -> Stream:
        """The stream, `opened` if it is not open; what that raises is passed on. Groups see to it that no two threads
        ask for the same stream at once, so that one group's disk does not keep others waiting."""
        place = folder, name
        with self._lock:
            stream = self._open.get(place)
        if stream is None:
            stream = opened()
        with self._lock:
            self._open[place] = self._recent[place] = stream
            self._recent.move_to_end(place)
            while len(self._recent) > self._most:
                self._recent.popitem(last=False)
        return stream

    def retire(self, folder: Path, name: str | None = None) -> None:
        """Have a stream, or all of a folder, take no more lines, and forget it: its file is about to go."""
        with self._lock:
            for place in [place for place in self._open if place[0] == folder and name in (None, place[1])]:
                stream = self._open.pop(place, None)
                self._recent.pop(place, None)
                if stream is not None:
                    stream.journal.retire()
