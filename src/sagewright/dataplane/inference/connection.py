"""Kept-alive HTTP/1.1 connections to one model server's Unix socket.

A general client costs more than the model here (see docs/adr), so this one knows only what it needs: one request
at a time per connection, answers whole or piece by piece, no redirects. What a server may send is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

import httptools

from sagewright.dataplane.inference.ask import Reply

MAX_BODY: Final = 25 * 1024 * 1024
"""Bytes of an answer that is read whole."""
MAX_HEAD: Final = 256 * 1024
_HELD: Final = 256 * 1024
"""Bytes of an answer that wait for who reads it before the server has to wait."""
_OK: Final = 200
_UNAVAILABLE: Final = 503
_LENGTHS: Final = frozenset({"content-length", "transfer-encoding"})


class Unreachable(Exception):
    """The server could not be talked to. `sent` tells whether it may have begun to work on the request."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


def _reached(reply: Reply) -> Reply:
    """Raises Unreachable where somebody on the way to the server says that it was not reached. A model that says so
    itself harms nobody but its own endpoint."""
    if reply.status == _UNAVAILABLE and reply.headers.get("sagewright-task") == "not-reached":
        raise Unreachable("The model server is not where it was.", sent=False)
    return reply


class Nonsense(Unreachable):
    """What the server sent is no answer. To ask again would lead to the same."""

    def __init__(self, message: str) -> None:
        super().__init__(message, sent=True)


class Pool:
    """Connections to one socket, made as they are needed, the most recently used one first."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self._idle: list[_Connection] = []

    async def exchange(self, request: bytes, *, timeout: float) -> Reply:
        """Send a whole HTTP/1.1 request, give the whole answer.

        Raises Unreachable; TimeoutError after `timeout` seconds, and then the connection is gone.
        """
        connection = self._take() or await self._connect()
        try:
            reply = _reached(await connection.exchange(request, timeout))
        except BaseException:
            connection.close()
            raise
        self.put(connection)
        return reply

    async def stream(self, request: bytes, *, timeout: float, total: float) -> Stream:
        """Send a whole HTTP/1.1 request, give the answer as soon as its head is there.

        `timeout` is for the head and for each pause after it, `total` for all of it, in seconds. Raises as `exchange`.
        """
        connection = self._take() or await self._connect()
        end = asyncio.get_running_loop().time() + total
        try:
            head = _reached(await connection.exchange(request, timeout, whole=False))
        except BaseException:
            connection.close()
            raise
        return Stream(self, connection, head, pause=timeout, end=end)

    def put(self, connection: _Connection) -> None:
        """Keep a connection whose answer was read, if its server does."""
        if connection.alive:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _take(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.alive:
                return connection
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_unix_connection(lambda: _Connection(loop), self.socket)
        except OSError as error:
            raise Unreachable(f"The model server cannot be reached: {error.strerror}.", sent=False) from error
        return connection


class Stream:
    """An answer that is read while it comes; `aclose` it, read or not. A server that is not read has to wait."""

    def __init__(self, pool: Pool, connection: _Connection, head: Reply, *, pause: float, end: float) -> None:
        self._pool, self._connection = pool, connection
        self._pause, self._end = pause, end
        self._done = False
        self._first: Callable[[], None] | None = None
        self._then: list[Callable[[bool], None]] = []
        self.status, self.headers = head.status, head.headers

    def first(self, told: Callable[[], None]) -> None:
        """Have `told` called when the first piece is there."""
        self._first = told

    def then(self, done: Callable[[bool], None]) -> None:
        """Have `done` called when there is no more to come; it is told whether that is the server's failure."""
        self._then.append(done)

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> bytes:
        """What has come. Raises Unreachable where it breaks off; TimeoutError."""
        if self._done:
            raise StopAsyncIteration
        left = self._end - asyncio.get_running_loop().time()
        try:
            piece = await self._connection.more(min(self._pause, left))
        except (Unreachable, TimeoutError):
            self._finish(failed=True)
            raise
        if piece:
            if self._first is not None:
                self._first()
                self._first = None
            return piece
        self._finish(failed=False)
        self._pool.put(self._connection)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """The server is told that nobody reads on, if there is more."""
        if not self._done:
            self._connection.close()
            self._finish(failed=False)

    def _finish(self, *, failed: bool) -> None:
        self._done = True
        for done in self._then:
            done(failed)


class _Connection(asyncio.Protocol):
    """One socket; `exchange` is called again only after all of an answer was read."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.alive = False
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[Reply] | None = None
        self._reader: asyncio.Future[None] | None = None
        """Who waits for the next piece."""
        self._whole = True
        self._headers: dict[str, str] = {}
        self._pieces: list[bytes] = []
        self._size = 0
        """Bytes of the head so far, then of the pieces."""
        self._in_body = self._ended = self._paused = False
        self._error: Exception | None = None
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    def exchange(self, request: bytes, timeout: float, *, whole: bool = True) -> asyncio.Future[Reply]:
        """The answer, or its head."""
        if self._transport is None:
            raise Unreachable("The connection is closed.", sent=False)
        self._whole = whole
        self._reset()
        self._error = None
        self._waiter = waiter = self._loop.create_future()
        self._watch(timeout)
        self._transport.write(request)
        return waiter

    async def more(self, timeout: float) -> bytes:
        """What has come of the body; empty at its end. Raises Unreachable, TimeoutError."""
        if timeout <= 0 and not self._ended:  # though there be pieces: a server may never lack them
            self._fail(TimeoutError())
            raise TimeoutError
        if not self._pieces and not self._ended and self._error is None:
            self._reader = self._loop.create_future()
            self._watch(timeout)
            try:
                await self._reader
            finally:
                self._reader = None
        pieces, self._pieces, self._size = self._pieces, [], 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        if not pieces and self._error is not None:
            raise self._error
        return b"".join(pieces)

    def close(self) -> None:
        self.alive = False
        if self._alarm is not None:
            self._alarm.cancel()
        if self._transport is not None:
            self._transport.abort()  # what has not been sent yet is of no use any more

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are not of its classes
        self.alive = True

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._ended or self._error is not None:
            self.close()  # an answer that nobody asked for
            return
        if not self._in_body:
            self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(Nonsense(f"The model server does not speak HTTP: {error}"))
            return
        if not self._in_body and self._size > MAX_HEAD:
            self._fail(Nonsense(f"The head of the model server's answer has more than {MAX_HEAD} bytes."))

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        self._transport = None
        if exc is None and self._in_body and not self._ended and _LENGTHS.isdisjoint(self._headers):
            self.on_message_complete()  # such an answer ends with its connection
        if not self._ended:
            self._fail(Unreachable("The model server closed the connection.", sent=True))

    # httptools' parser

    def on_message_begin(self) -> None:
        if self._ended:
            self.close()  # a second answer

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() < _OK:
            return
        self._in_body, self._size = True, 0
        if not self._whole:
            self._answer(b"")

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._size += len(body)
        if self._whole:
            if self._size > MAX_BODY:
                self._fail(Nonsense(f"The model's answer has more than {MAX_BODY} bytes."))
        else:
            if self._size > _HELD and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
            self._wake()

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < _OK:  # an interim answer: the real one follows
            self._reset()
            return
        self.alive = self.alive and self._parser.should_keep_alive()
        self._ended = True
        if self._whole:
            self._answer(self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces))
        self._wake()
        # The parser is made anew: llhttp keeps no state that a reset would leave right for every server.
        self._parser = httptools.HttpResponseParser(self)

    def _reset(self) -> None:
        self._headers, self._pieces, self._size = {}, [], 0
        self._in_body = self._ended = False

    def _answer(self, body: bytes) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(Reply(self._parser.get_status_code(), self._headers, body))

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _fail(self, error: Exception) -> None:
        """Tell who waits, and be done with this server."""
        self._error = self._error or error
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(self._error)
        self._wake()
        self.close()

    # Time. One alarm serves many requests: to make one for each costs more than to look at the clock.

    def _watch(self, timeout: float) -> None:
        self._deadline = self._loop.time() + timeout
        if self._alarm is None or self._alarm.when() > self._deadline:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = self._loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._alarm = None
        if not self._waits():
            return
        if self._loop.time() < self._deadline:
            self._alarm = self._loop.call_at(self._deadline, self._look)
        else:
            self._fail(TimeoutError())

    def _waits(self) -> bool:
        return self._reader is not None or (self._waiter is not None and not self._waiter.done())
