"""Kept-alive HTTP/1.1 connections to one model server's Unix socket.

A general client costs more than the model here (see docs/adr), so this one knows only what it needs: one request
at a time per connection, whole bodies, no redirects.
"""

from __future__ import annotations

import asyncio
from typing import cast

import httptools

from sagewright.dataplane.inference.ask import Reply


class Unreachable(Exception):
    """The server could not be talked to. `sent` tells whether it may have begun to work on the request."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class _Connection(asyncio.Protocol):
    """One socket; `exchange` is called again only after it returned."""

    def __init__(self) -> None:
        self.alive = False
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Reply] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._pieces: list[bytes] = []

    def exchange(self, request: bytes, timeout: float) -> asyncio.Future[Reply]:
        if self._transport is None:
            raise Unreachable("The connection is closed.", sent=False)
        loop = asyncio.get_running_loop()
        self._headers, self._pieces = {}, []
        self._waiter = waiter = loop.create_future()
        self._alarm = loop.call_later(timeout, self._fail, TimeoutError())  # half the price of asyncio.timeout
        self._transport.write(request)
        return waiter

    def close(self) -> None:
        self.alive = False
        if self._transport is not None:
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are not of its classes
        self.alive = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(Unreachable(f"The model server does not speak HTTP: {error}", sent=True))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        self._transport = None
        self._fail(Unreachable("The model server closed the connection.", sent=True))

    # httptools' parser

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # an interim answer: the real one follows
            self._headers, self._pieces = {}, []
            return
        self.alive = self.alive and self._parser.should_keep_alive()
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        if waiter := self._waiting():
            waiter.set_result(Reply(status, self._headers, body))
        # The parser is made anew: llhttp keeps no state that a reset would leave right for every server.
        self._parser = httptools.HttpResponseParser(self)

    def _fail(self, error: Exception) -> None:
        if waiter := self._waiting():
            waiter.set_exception(error)

    def _waiting(self) -> asyncio.Future[Reply] | None:
        """Who still waits, to be told now; the alarm is off from here on."""
        if self._alarm is not None:
            self._alarm.cancel()
        return None if self._waiter is None or self._waiter.done() else self._waiter


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
            reply = await connection.exchange(request, timeout)
        except BaseException:
            connection.close()
            raise
        if connection.alive:
            self._idle.append(connection)
        else:
            connection.close()
        return reply

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
            _, connection = await loop.create_unix_connection(_Connection, self.socket)
        except OSError as error:
            raise Unreachable(f"The model server cannot be reached: {error.strerror}.", sent=False) from error
        return connection
