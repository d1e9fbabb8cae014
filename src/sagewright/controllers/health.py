"""What a server on a Unix socket answers when it is asked how it is."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

TIMEOUT: Final = 2.0
"""Seconds a container has for one answer, as on AWS."""
_LONGEST: Final = 65_536


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
