"""One request to a server, mostly on a Unix socket, whose answer is handed on while it comes.

A connection holds for one exchange: on a Unix socket a new one costs less than to know whether an old one still holds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httptools

READ_TIMEOUT: Final = 300.0
"""Seconds that the server may be silent."""
_PIECE: Final = 65_536


class Unreachable(Exception):
    """The server could not be talked to. `sent` tells whether it may have begun to work on the request."""

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are lower-case. A body that came with its head is whole, with no connection behind it; one that
    still comes must be read or closed."""

    status: int
    headers: Mapping[str, str]
    body: bytes | AsyncIterator[bytes]


async def exchange(
    server: str | tuple[str, int], method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes
) -> Answer:
    """Send a request to a Unix socket's path or to (host, port), wait for the head of the answer.

    Raises Unreachable; TimeoutError when the server says nothing for READ_TIMEOUT seconds.
    """
    try:
        if isinstance(server, str):
            reader, writer = await asyncio.open_unix_connection(server)
        else:
            reader, writer = await asyncio.open_connection(*server)
    except OSError as error:
        raise Unreachable(f"The server cannot be reached: {error.strerror}.", sent=False) from error
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    lines += [f"content-length: {len(body)}", "connection: close", "", ""]
    parts = _Parts(bodiless=method == "HEAD")
    try:
        writer.write("\r\n".join(lines).encode("latin-1") + body)
        while not parts.begun:
            await _feed(reader, parts)
    except BaseException:
        await _hang_up(writer)
        raise
    if parts.ended:
        await _hang_up(writer)
        return Answer(parts.status, parts.headers, b"".join(parts.pieces))
    return Answer(parts.status, parts.headers, _rest(reader, writer, parts))


async def _feed(reader: asyncio.StreamReader, parts: _Parts) -> None:
    """Read once."""
    async with asyncio.timeout(READ_TIMEOUT):
        try:
            data = await reader.read(_PIECE)
        except OSError as error:
            raise Unreachable(f"The connection was lost: {error.strerror}.") from error
    if not data and parts.ends_with_connection:
        parts.ended = True
        return
    if not data:
        raise Unreachable("The server closed the connection.")
    try:
        parts.parser.feed_data(data)
    except httptools.HttpParserError as error:
        raise Unreachable(f"The server does not speak HTTP: {error}") from error


async def _rest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parts: _Parts) -> AsyncIterator[bytes]:
    try:
        while True:
            while parts.pieces:
                yield parts.pieces.popleft()
            if parts.ended:
                return
            await _feed(reader, parts)
    finally:
        await _hang_up(writer)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


class _Parts:
    """What httptools' parser has found so far."""

    def __init__(self, *, bodiless: bool) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.pieces: deque[bytes] = deque()
        self.begun = self.ended = False
        self._bodiless = bodiless

    @property
    def ends_with_connection(self) -> bool:
        """Whether the body is all that comes until the server closes: it said nothing else of its length."""
        return self.begun and not {"content-length", "transfer-encoding"} & self.headers.keys()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        if self.status < 200:  # an interim answer: the real one follows
            self.headers = {}
            return
        self.begun = True
        self.ended = self._bodiless

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        if self.status >= 200:
            self.ended = True
