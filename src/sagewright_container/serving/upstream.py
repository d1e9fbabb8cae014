"""HTTP/1.1 to a model's process: connections that are kept, answers handed on while they come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import cast

import httptools

Headers = Sequence[tuple[bytes, bytes]]
_HIGH = 1 << 18  # bytes that wait to be handed on before the model's process has to


class Ended(Exception):
    """The connection ended before the whole answer was there."""


class Connection(asyncio.Protocol):
    """One request at a time: `ask`, then all of `pieces`."""

    def __init__(self) -> None:
        self.reusable = False
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._head = self._done = False
        self._waiter: asyncio.Future[None] | None = None

    async def ask(self, request: bytes) -> tuple[int, Headers]:
        """Send a whole request; status and headers of the answer, names in lower case. Raises Ended."""
        if self._transport is None:
            raise Ended
        self._parser = httptools.HttpResponseParser(self)
        self._headers, self._head, self._done, self.reusable = [], False, False, False
        self._transport.write(request)
        while not self._head:
            await self._more()
        return self._parser.get_status_code(), self._headers

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body, as it comes. Raises Ended where it breaks off."""
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._held -= len(piece)
                if self._transport is not None and self._held <= _HIGH:
                    self._transport.resume_reading()
                yield piece
            if self._done:
                return
            await self._more()

    def whole(self) -> bytes | None:
        """The body, where all of it is there already."""
        if not self._done:
            return None
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        return body

    def close(self) -> None:
        """Nothing of an answer that is under way is read any more."""
        if self._transport is not None:
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are not of its classes

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()
        if self._held > _HIGH and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport, self.reusable = None, False
        self._wake()

    # httptools' parser

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._head = self._parser.get_status_code() >= 200

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._held += len(body)

    def on_message_complete(self) -> None:
        self._done, self.reusable = self._head, self._head and self._parser.should_keep_alive()

    async def _more(self) -> None:
        """Wait until something has come. Raises Ended when nothing can."""
        if self._transport is None:
            raise Ended
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Upstream:
    """The kept connections to one socket."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._idle: list[Connection] = []

    async def ask(self, request: bytes) -> tuple[Connection, int, Headers]:
        """Send a request; the connection with its answer, to be given back when that is read. Raises Ended."""
        connection = await self._take()
        try:
            return connection, *await connection.ask(request)
        except BaseException:
            connection.close()
            raise

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        try:
            _, connection = await asyncio.get_running_loop().create_unix_connection(Connection, self._path)
        except OSError as error:
            raise Ended from error
        return connection

    def give(self, connection: Connection) -> None:
        """Keep it for the next request, if it can be."""
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
