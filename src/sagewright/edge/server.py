"""The edge on a port: connections are taken until a signal comes, then those that are being answered end."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

from sagewright.edge.busy_poll import BusyPoll
from sagewright.edge.http import Connection, Respond

GRACE_S: Final = 5.0
"""Seconds that requests have to end when the server does."""
_LOOK_S: Final = 1.0
_BACKLOG: Final = 2048
_MOST: Final = 16_384
"""Connections at a time, if the system lets us have as many files; the one that was idle longest gives way."""
_OTHER_FILES: Final = 512
"""Files that the rest of the server may have open."""
_SWITCH_S: Final = 0.0005
"""Seconds after which a thread that computes lets the event loop go on. Python's own 5 ms are felt by requests."""


_THRESHOLDS: Final = (5000, 20, 20)
"""Objects, then collections, after which the collector looks again: requests leave it nothing to find."""


async def listen(respond: Respond, sock: socket.socket, *, started: Callable[[], None]) -> signal.Signals:
    """Serve on a socket until one of SIGINT, SIGTERM and SIGUSR2 comes. Which one.

    `started` is called before the first request is taken. The socket is closed in the end.
    """
    loop = asyncio.get_running_loop()
    connections: set[Connection] = set()
    most, poll = _room(), BusyPoll(loop)

    def arrived() -> Connection:
        if len(connections) >= most:
            min(connections, key=lambda each: each.spare).abort()
        return Connection(respond, connections, loop.time, poll)

    server = await loop.create_server(arrived, sock=sock, backlog=_BACKLOG, start_serving=False)
    asked: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        loop.add_signal_handler(number, asked.put_nowait, number)
    _be_quick()
    started()
    await server.start_serving()
    looking = loop.create_task(_look(connections, loop.time))
    try:
        return await asked.get()
    finally:
        looking.cancel()
        server.close()
        await _end(connections)


def _room() -> int:
    """How many connections there may be: as many files as we may have are made ours."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST + _OTHER_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(most - _OTHER_FILES, most // 2)


def _be_quick() -> None:
    """What was made until now stays: the collector need not look at it again, for fifty milliseconds and more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    sys.setswitchinterval(_SWITCH_S)


async def _look(connections: set[Connection], clock: Callable[[], float]) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)
        now = clock()
        for connection in tuple(connections):
            connection.look(now)


async def _end(connections: set[Connection]) -> None:
    for connection in tuple(connections):
        connection.shutdown()
    end = asyncio.get_running_loop().time() + GRACE_S
    while connections and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.01)
    for connection in tuple(connections):
        connection.abort()
    await asyncio.sleep(0)
