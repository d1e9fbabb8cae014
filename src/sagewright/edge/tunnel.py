"""A connection that speaks something else than HTTP from now on: bytes go to a server's Unix socket and back.

`upgrade` asks the server; what it agrees to is answered with 101 and a `Tunnel` in place of a body. The connection
(`http.py`) hands it what the client sends, and sends what comes out of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import httptools

from sagewright.dataplane.tracking.connection import Unreachable
from sagewright.wire.http import Response

_PIECE: Final = 65_536
_PATIENCE_S: Final = 30.0
"""Seconds that the server has to agree."""
_HELD: Final = 256 * 1024
"""Bytes of the client's that wait for the server before the client has to."""


class Tunnel:
    """Both directions of an upgraded connection. Iterating gives what the server sends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._ending: asyncio.TimerHandle | None = None
        self.closed = asyncio.get_running_loop().create_future()
        """Done when it has ended."""

    def end_in(self, seconds: float) -> None:
        """Close it then, if it is still open."""
        self._ending = asyncio.get_running_loop().call_later(max(0.0, seconds), self.close)

    @property
    def full(self) -> bool:
        """Whether so much waits for the server that the client should wait too."""
        return self._writer.transport.get_write_buffer_size() > _HELD

    def feed(self, data: bytes) -> None:
        """The client sent this."""
        if not self._writer.is_closing():
            self._writer.write(data)

    async def drained(self) -> None:
        """Wait until the server has taken what waits."""
        with suppress(OSError):
            await self._writer.drain()

    def __aiter__(self) -> Tunnel:
        return self

    async def __anext__(self) -> bytes:
        """What the server sends, until it ends or the tunnel is closed."""
        with suppress(OSError):
            if data := await self._reader.read(_PIECE):
                return data
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """As `close`, for who hands it on as a body."""
        self.close()

    def close(self) -> None:
        """Hang up on the server, which ends what comes of it."""
        if self._ending is not None:
            self._ending.cancel()
        self._writer.close()
        if not self.closed.done():
            self.closed.set_result(None)


async def upgrade(server: str, target: str, headers: Sequence[tuple[str, str]]) -> tuple[Response, Tunnel | None]:
    """Ask the server at a Unix socket to switch protocols. Its answer, and the tunnel where it agreed.

    Raises Unreachable, and TimeoutError for one that says nothing.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(server)
    except OSError as error:
        raise Unreachable(f"The server cannot be reached: {error.strerror}.", sent=False) from error
    head = _Head()
    try:
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        writer.write("\r\n".join(lines).encode("latin-1"))
        async with asyncio.timeout(_PATIENCE_S):
            await head.read(reader)
    except BaseException:
        writer.close()
        raise
    if head.status != 101:
        writer.close()
        return Response(head.status, {"content-type": "text/plain"}, b"The server did not switch protocols.\n"), None
    kept = {name: value for name, value in head.fields.items() if name.startswith("sec-websocket-")}
    answered: Mapping[str, str] = {"connection": "Upgrade", "upgrade": head.fields.get("upgrade", "websocket"), **kept}
    tunnel = Tunnel(reader, writer)
    return Response(101, dict(answered), tunnel), tunnel


class _Head:
    """The head of the server's answer."""

    def __init__(self) -> None:
        self.status = 0
        self.fields: dict[str, str] = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields[name.decode("latin-1").lower()] = value.decode("latin-1")

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Take in the head, and nothing of what comes behind it."""
        try:
            data = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Unreachable("The server closed the connection.") from error
        parser = httptools.HttpResponseParser(self)
        with suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):  # it stops where HTTP ends
            parser.feed_data(data)
        self.status = parser.get_status_code()
        if not 100 < self.status < 600:
            raise Unreachable("The server does not speak HTTP.")
