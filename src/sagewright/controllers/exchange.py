"""One long HTTP exchange with a model server on a Unix socket: bodies of any size go from a file and into a file."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import httptools

from sagewright.dataplane.inference.ask import INVOCATIONS, http_head

_PIECE: Final = 1 << 18
_LOOK: Final = 250
"""Milliseconds between two looks at whether to stop."""


class Broken(Exception):
    """The server is gone, or never was there: another may do it. `begun`: it may have begun to."""

    def __init__(self, message: str, *, begun: bool) -> None:
        super().__init__(message)
        self.begun = begun


class Stopped(Exception):
    """Nobody wants the answer any more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, without its body. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def exchange(
    path: Path,
    headers: Sequence[tuple[str, str]],
    body: BinaryIO,
    length: int,
    into: BinaryIO,
    *,
    until: float,
    stop: threading.Event,
) -> Answer:
    """POST `length` bytes of `body` to /invocations, and write the answer's body into a file.

    `until` is a moment of the monotonic clock. Raises Broken, Stopped, TimeoutError, and OSError of the files.
    """
    answer = _Answer(into)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(path))
        except OSError as error:
            raise Broken(f"The model server cannot be reached: {error}", begun=False) from error
        connection.setblocking(False)
        try:
            pieces = _Pieces(http_head(INVOCATIONS, [*headers, ("Connection", "close")], length), body, length)
            _converse(connection, pieces, answer, until, stop)
        except (ConnectionError, httptools.HttpParserError) as error:
            raise Broken(f"The model server ended the connection: {error}", begun=True) from error
    return Answer(answer.status, answer.headers)


def _converse(connection: socket.socket, pieces: _Pieces, answer: _Answer, until: float, stop: threading.Event) -> None:
    poll = select.poll()
    poll.register(connection, select.POLLIN | select.POLLOUT)
    sending = True
    while not answer.whole:
        if stop.is_set():
            raise Stopped
        if time.monotonic() > until:
            raise TimeoutError
        for _, events in poll.poll(_LOOK):
            if events & ~select.POLLOUT:
                received = connection.recv(_PIECE)
                if received:
                    answer.parser.feed_data(received)
                elif answer.ends_with_connection:
                    return
                else:
                    raise ConnectionError("it closed before it answered")
            elif sending and not pieces.send(connection):
                sending = False
                poll.modify(connection, select.POLLIN)


class _Pieces:
    """What is still to be sent."""

    def __init__(self, head: bytes, body: BinaryIO, length: int) -> None:
        self._next, self._body, self._left = memoryview(head), body, length

    def send(self, connection: socket.socket) -> bool:
        """Send some of it. Whether something is left."""
        if not self._next:
            piece = self._body.read(min(_PIECE, self._left))
            self._left -= len(piece)
            self._next = memoryview(piece)
            if not piece:
                return False
        self._next = self._next[connection.send(self._next) :]
        return True


class _Answer:
    """What httptools' parser tells."""

    def __init__(self, into: BinaryIO) -> None:
        self.status, self.whole = 0, False
        self.headers: dict[str, str] = {}
        self._into = into
        self.parser = httptools.HttpResponseParser(self)

    @property
    def ends_with_connection(self) -> bool:
        """Whether its body, of a length that nobody told, is whole once the server closes."""
        return self.status >= 200 and not {"content-length", "transfer-encoding"} & self.headers.keys()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._into.write(body)

    def on_message_complete(self) -> None:
        self.whole = self.status >= 200
        if not self.whole:  # an interim answer: the real one follows
            self.headers.clear()
