"""Stateful sessions: which instance each is at. Containers begin them and say when they end; all of it is in memory,
as what a container remembers is."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from time import strptime
from typing import Final

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
    """By endpoint and id. Used on the event loop only."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: dict[tuple[Place, str], tuple[str, float]] = {}

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
