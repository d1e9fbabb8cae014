"""The socket that the server listens on: made here, or handed over by whoever started this process.

Sockets are handed over as systemd does it (sd_listen_fds(3)): LISTEN_PID is the process they are for, LISTEN_FDS their
number, and the first one is descriptor 3. A server that starts itself anew hands over its own in the same way. Who
connects meanwhile waits in the kernel's queue instead of being refused.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Final, NoReturn

import click

RESTART: Final = signal.SIGUSR2
"""Asks a server to start itself anew."""
_FIRST: Final = 3


def listening(host: str, port: int) -> socket.socket:
    """The socket that was handed over, else a new one, on which nobody listens yet: who finds the port open finds a
    server that answers. Raises ClickException when the port is not to be had.
    """
    if os.environ.pop("LISTEN_PID", "") == str(os.getpid()) and os.environ.pop("LISTEN_FDS", "") == "1":
        handed = socket.socket(fileno=_FIRST)
        handed.set_inheritable(False)
        return handed
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        raise taken(host, port, error) from None
    return made


def taken(host: str, port: int, error: OSError) -> click.ClickException:
    """What to say of a port that is not to be had."""
    return click.ClickException(
        f"Nothing can listen on {host}:{port}: {error.strerror}. Stop who does, or choose another --port."
    )


def start_anew(sock: socket.socket) -> NoReturn:
    """Become a new server, started by the same command, that listens on the same socket."""
    os.dup2(sock.fileno(), _FIRST)
    os.set_inheritable(_FIRST, True)
    environment = {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606
