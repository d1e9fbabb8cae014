"""Whom every script of ours greets when it starts, and stays connected to for as long as it lives.

A record that no server of ours keeps: a job that started twice, or a model server that nobody wants, is seen here.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections import defaultdict
from collections.abc import Callable


class Witness:
    """Listens on a port of this machine; scripts say `<job|server> <name> <run>`."""

    def __init__(self, seen: Callable[[str], None]) -> None:
        """`seen` is called with `<job|server> started` and `<job|server> ended`."""
        self._seen = seen
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._lock = threading.Lock()
        self._starts: defaultdict[str, list[str]] = defaultdict(list)
        self._live: defaultdict[str, set[str]] = defaultdict(set)
        self.doubled: list[str] = []
        """Jobs that began while they ran already."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="witness", daemon=True)
        self._thread.start()

    def starts(self, name: str) -> list[str]:
        """The ids of all runs that ever began under this name."""
        with self._lock:
            return list(self._starts[name])

    def live(self, name: str | None = None) -> set[str]:
        """The ids of the runs that are alive now, of one name or of all."""
        with self._lock:
            return set(self._live[name]) if name is not None else set().union(*self._live.values())

    def close(self) -> None:
        self._closing.set()
        self._thread.join(60)

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
            stack.enter_context(self._socket)
            selector.register(self._socket, selectors.EVENT_READ)
            greeted: dict[socket.socket, tuple[str, str, str]] = {}
            while not self._closing.is_set():
                for key, _ in selector.select(0.05):
                    if key.fileobj is self._socket:
                        connection = stack.enter_context(self._socket.accept()[0])
                        selector.register(connection, selectors.EVENT_READ)
                        continue
                    connection = key.fileobj  # type: ignore[assignment]
                    if connection not in greeted:
                        # One short line in one packet on this machine: it comes whole or not at all.
                        words = _received(connection).decode().split()
                        if len(words) == 3:
                            greeted[connection] = (words[0], words[1], words[2])
                            self._began(*greeted[connection])
                            continue
                    elif _received(connection):
                        continue
                    selector.unregister(connection)
                    connection.close()
                    if connection in greeted:
                        self._ended(*greeted.pop(connection))

    def _began(self, what: str, name: str, run: str) -> None:
        with self._lock:
            if what == "job" and self._live[name]:
                self.doubled.append(name)
            self._starts[name].append(run)
            self._live[name].add(run)
        self._seen(f"{what} started")

    def _ended(self, what: str, name: str, run: str) -> None:
        with self._lock:
            self._live[name].discard(run)
        self._seen(f"{what} ended")


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4096)
    except OSError:
        return b""
