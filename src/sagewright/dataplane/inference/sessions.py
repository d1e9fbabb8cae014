"""Stateful sessions: which instance each is at. Containers begin them and say when they end.

All of it is in memory, as what a container remembers is, and in a file while a server that keeps its model servers
starts anew: [[account, region, endpoint, id, task, expiry in epoch seconds], …].
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import strptime
from typing import Final

import orjson

NEW: Final = "NEW_SESSION"
"""What a request names as its session to have one begun."""
SESSION: Final = "x-amzn-sagemaker-session-id"
OPENED: Final = "x-amzn-sagemaker-new-session-id"
CLOSED: Final = "x-amzn-sagemaker-closed-session-id"
MOST: Final = 100_000
"""Sessions that are remembered; beyond that, the oldest are forgotten."""

_ID: Final = r"[a-zA-Z0-9](?:-*[a-zA-Z0-9])*"
_OPENED: Final = re.compile(rf"({_ID});\s*Expires=(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")

Place = tuple[str, str, str]


class NoSuchSession(LookupError):
    """The endpoint has no session of this name, or has it no more."""


class BadSession(Exception):
    """A container began a session and did not say as it must which one, or until when."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a container says of a session that it began."""

    id: str
    expires: float
    """Epoch seconds."""


class Sessions:
    """By endpoint and id. Used on the event loop only, but for `close`."""

    def __init__(self, file: Path | None = None, *, most: int = MOST) -> None:
        """`file` is where an earlier server left what it knew; `begin` reads it."""
        self._file, self._most = file, most
        self._known: dict[tuple[Place, str], tuple[str, float]] = {}

    def begin(self) -> None:
        """From now on, this is the server that knows."""
        if self._file is not None and self._file.exists():
            for account, region, name, id_, task, expires in orjson.loads(self._file.read_bytes()):
                self._known[(account, region, name), id_] = task, expires
            self._file.unlink()

    def close(self) -> None:
        """Leave what is known to the next server. Calling it twice is fine."""
        if self._file is not None and self._known:
            left = [[*place, id_, task, expires] for (place, id_), (task, expires) in self._known.items()]
            self._known.clear()
            new = self._file.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_bytes(orjson.dumps(left))
            new.replace(self._file)

    def task(self, place: Place, id_: str, now: float) -> str:
        """The task of the instance that a session is at. Raises NoSuchSession."""
        task, expires = self._known.get((place, id_), ("", 0.0))
        if now >= expires:
            self._known.pop((place, id_), None)
            raise NoSuchSession(id_)
        return task

    def follow(self, place: Place, task: str, headers: Mapping[str, str]) -> None:
        """Note what an instance's answer says of sessions. Raises BadSession."""
        if (opened := headers.get(OPENED)) is not None:
            begun = read(opened)
            self._known.pop((place, begun.id), None)
            self._known[place, begun.id] = task, begun.expires
            if len(self._known) > self._most:
                del self._known[next(iter(self._known))]
        if (closed := headers.get(CLOSED)) is not None:
            self.forget(place, closed)

    def forget(self, place: Place, id_: str) -> None:
        self._known.pop((place, id_), None)


def read(header: str) -> Opened:
    """`ID; Expires=2026-01-31T12:00:00Z`. Raises BadSession."""
    found = _OPENED.fullmatch(header)
    try:
        if found is not None and len(header) <= _LONGEST:
            return Opened(found[1], float(timegm(strptime(found[2], "%Y-%m-%dT%H:%M:%SZ"))))
    except ValueError:
        pass
    raise BadSession(
        f"The container answered with the header {OPENED}: {header[:_LONGEST]!r}, which is not of the form "
        "'ID; Expires=yyyy-mm-ddThh:mm:ssZ'."
    )


_LONGEST: Final = 256
