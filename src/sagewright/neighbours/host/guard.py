"""What nothing in this process may do: reach a network, start a program."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

_BARRED: Final = frozenset(
    {
        "socket.connect",
        "socket.bind",
        "socket.sendto",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "pty.spawn",
    }
)

_SETTINGS: Final = {
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # there are no machines that could boot them
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


class Barred(Exception):
    """Something wanted out."""


def bar_the_way_out() -> None:
    """For good: an audit hook cannot be taken away."""
    os.environ.update(_SETTINGS)
    sys.addaudithook(_look)


def _look(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in _BARRED:
        raise Barred(f"the neighbours do not reach out of their process ({event})")
