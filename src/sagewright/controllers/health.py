"""What a server on a Unix socket answers when it is asked how it is."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sagewright.base.clock import Clock

TIMEOUT: Final = 2.0
"""Seconds a container has for one answer, as on AWS."""
PING_EVERY: Final = 10.0
"""Seconds between two looks at the health of a server that was healthy."""
UNHEALTHY_AFTER: Final = 60.0
"""Seconds without an answer after which it is not any more."""
_LONGEST: Final = 65_536


class Pulse:
    """Whether servers that were healthy still are: they are asked now and then, and given time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: dict[str, tuple[float, float]] = {}
        """When each was asked, and when it answered last."""

    def beats(self, name: str, answers: Callable[[], bool]) -> bool:
        """Whether a server has answered within the time that it is given. `answers` asks it."""
        now = self._clock.monotonic()
        asked, heard = self._heard.get(name, (now, now))
        if now - asked >= PING_EVERY:
            asked, heard = now, now if answers() else heard
        self._heard[name] = asked, heard
        return now - heard < UNHEALTHY_AFTER

    def forget(self, name: str) -> None:
        """It is gone."""
        self._heard.pop(name, None)


def answers_ping(path: Path, *, timeout: float = TIMEOUT) -> bool:
    """Whether a model server answers /ping with 200 within the time."""
    return ask(path, "/ping", timeout=timeout) is not None


def ask(path: Path, target: str, *, timeout: float = TIMEOUT) -> bytes | None:
    """The short body of what is answered with 200 within the time (in seconds, for each step); None for all else."""
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
            connection.sendall(request.encode())
            head, _, body = connection.recv(_LONGEST).partition(b"\r\n\r\n")
            if b" 200 " not in head[:64]:
                return None
            while len(body) < _LONGEST and (more := connection.recv(_LONGEST)):
                body += more
        except OSError:
            return None
    return body
