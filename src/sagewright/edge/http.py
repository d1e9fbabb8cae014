"""uvicorn's HTTP/1.1, with the head and the body of an answer in one write."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_JOINED = 64 * 1024
"""Bytes up to which copying a body behind its head is cheaper than a second system call."""


class JoinedWrites:
    """A transport that holds a write back until the next one, or until the event loop goes on.

    uvicorn writes an answer's head, then its body: two system calls, which on small answers cost more than the
    answer (measured: a tenth of the throughput and more).
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            held, self._held = self._held, b""
            if len(data) <= _JOINED:
                self._transport.write(held + data)
            else:
                self._transport.writelines((held, data))
        elif len(data) > _JOINED:
            self._transport.write(data)
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class JoiningProtocol(HttpToolsProtocol):
    """uvicorn's protocol on such a transport."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(JoinedWrites(transport, self.loop))  # type: ignore[arg-type]
