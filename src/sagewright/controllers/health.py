"""Whether a model server answers /ping on its Unix socket."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

TIMEOUT: Final = 2.0
"""Seconds a container has for one answer, as on AWS."""
_REQUEST: Final = b"GET /ping HTTP/1.1\r\nHost: model\r\nConnection: close\r\n\r\n"


def answers_ping(path: Path, *, timeout: float = TIMEOUT) -> bool:
    """True when it answers 200 within the time."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
            connection.sendall(_REQUEST)
            return b" 200 " in connection.recv(64)
        except OSError:
            return False
