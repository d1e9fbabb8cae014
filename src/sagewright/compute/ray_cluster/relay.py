"""Unix sockets on the server's machine that lead to the sockets of tasks on nodes.

The server runs `main` as a process of its own, so that what passes between endpoints and the data plane costs the
server nothing. When the server ends it takes no more connections, and stays until those that it has are over: they may
be of other servers, which listen there next. A line on its standard input asks for one socket more:
`{"path": …, "host": …, "port": …, "token": …, "task": …}`, and is answered by a line when that can be connected to. The
warden uses `splice` on its own side.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import socket
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from sagewright.compute.containers.relay import NOT_REACHED
from sagewright.compute.ray_cluster.wire import Wire, greet

_BLOCK: Final = 1 << 16
_CONNECT: Final = 5.0
"""Seconds that a node may take to answer."""
_CONNECTING: Final = 64
"""Connections that are made at once: a node that does not answer is not to keep others waiting."""
_TURNED_AWAY: Final = 5.0
"""Seconds that who is turned away has to hear of it."""


def connected(host: str, port: int, token: str, *, timeout: float = _CONNECT) -> Wire:
    """A connection to a warden that has proved itself. Raises OSError."""
    sock = socket.create_connection((host, port), timeout=timeout)
    try:
        wire = Wire(sock)
        greet(wire, token)
    except OSError:
        sock.close()
        raise
    return wire


async def splice(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until both sides have said all. Closes both."""
    for each in (one, other):
        each.setblocking(False)
    ways = [asyncio.ensure_future(_carry(one, other)), asyncio.ensure_future(_carry(other, one))]
    try:
        await asyncio.gather(*ways)
    except OSError:
        pass  # one side has gone: the other one learns it by the close
    finally:
        # Not before nobody waits for them: the loop would take who gets their numbers next for these, and wake nobody.
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        one.close()
        other.close()


async def _carry(source: socket.socket, target: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(source, _BLOCK):
        await loop.sock_sendall(target, data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


async def turn_away(client: socket.socket) -> None:
    """Say that the task is not reached, and read whatever is sent all the same: a close before would take it back."""
    loop = asyncio.get_running_loop()
    client.setblocking(False)
    with client, contextlib.suppress(OSError):  # TimeoutError among them
        async with asyncio.timeout(_TURNED_AWAY):
            await loop.sock_sendall(client, NOT_REACHED)
            client.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(client, _BLOCK):
                pass


class Relay:
    """All sockets of one server."""

    def __init__(self) -> None:
        self._targets: dict[str, dict[str, Any]] = {}
        self._listeners: dict[str, socket.socket] = {}
        self._locks: dict[str, int] = {}
        """Held for each path: of several servers on one machine, one listens."""
        self._running: set[asyncio.Task[None]] = set()

    def open(self, wanted: dict[str, Any]) -> None:
        """Listen, or from now on connect to where the task is reached today."""
        path = wanted["path"]
        if wanted.get("close"):
            self.shut(path)
            return
        if path in self._targets:
            self._targets[path] = wanted
            return
        lock = _take(f"{path}.lock")
        self._targets[path], self._locks[path] = wanted, lock
        listener = socket.socket(socket.AF_UNIX)
        fresh = f"{path}.{os.getpid()}"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
        listener.bind(fresh)
        os.chmod(fresh, 0o600)
        listener.listen(1024)
        listener.setblocking(False)
        os.rename(fresh, path)
        self._listeners[path] = listener
        asyncio.get_running_loop().add_reader(
            listener, self._accept, listener, lambda client: self._serve(client, path)
        )

    def _accept(self, listener: socket.socket, serve: Callable[[socket.socket], Coroutine[Any, Any, None]]) -> None:
        """All who have connected."""
        with contextlib.suppress(OSError):  # there are no more, or too many
            while True:
                self._keep(serve(listener.accept()[0]))

    async def _serve(self, client: socket.socket, path: str) -> None:
        try:
            # Looked up when it is its turn: who waits while another one finds no way need not try as well.
            upstream = await asyncio.to_thread(lambda: _reach(self._targets[path]))
        except (OSError, KeyError):
            # Who comes next is to be refused at once, and may ask somebody else; the server opens it again.
            self.shut(path)
            await turn_away(client)
            return
        await splice(client, upstream)

    def shut(self, path: str) -> None:
        """Nobody can connect any more."""
        self._targets.pop(path, None)
        if (listener := self._listeners.pop(path, None)) is not None:
            asyncio.get_running_loop().remove_reader(listener)
            with contextlib.suppress(OSError):
                os.unlink(path)
            with listener:
                self._accept(listener, turn_away)
        if (lock := self._locks.pop(path, None)) is not None:  # last: now another one may listen there
            os.close(lock)

    async def drain(self) -> None:
        """Leave the sockets to others, and carry what there is to its end."""
        for path in list(self._targets):
            self.shut(path)
        while self._running:
            await asyncio.wait(self._running)

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


def _take(path: str) -> int:
    """Raises BlockingIOError where another server's relay listens."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def _reach(target: dict[str, Any]) -> socket.socket:
    """The task's own socket. Raises OSError where it does not listen, or not yet."""
    wire = connected(target["host"], target["port"], target["token"])
    wire.send({"op": "connect", "id": target["task"]})
    if not wire.receive().get("connected"):
        wire.close()
        raise ConnectionRefusedError(f"{target['task']} does not listen")
    return wire.sock


async def _main() -> None:
    relay, loop = Relay(), asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_CONNECTING, "reach"))
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        wanted = json.loads(line)
        try:
            relay.open(wanted)
            print("ready", flush=True)  # noqa: T201  # the server waits for it
        except OSError as problem:
            relay.shut(wanted["path"])
            print(problem, flush=True)  # noqa: T201
    await relay.drain()


def main() -> None:
    asyncio.run(_main())


if __name__ == "__main__":
    main()
