"""Answers as bytes: heads, pieces, and what is said to whoever does not speak HTTP."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final, cast

from sagewright.operations.call import FileSlice, Payload
from sagewright.wire.http import Response

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
BROKEN: Final = b"Sagewright failed to answer. Its log has the cause."
UNKNOWN: Final = -1
_PIECE: Final = 1 << 20
_ONE_LINE: Final = re.compile(r"[\r\n\0]")
"""What no header's value may have; RFC 9110, 5.5, says what becomes of it. Users' words are in headers: names of rules,
what a presigned address overrides."""
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


def head(response: Response, *, keep_alive: bool, chunks: bool) -> tuple[bytes, int | None]:
    """The bytes before a response's body, and the body's length: None for one that is sent in chunks, UNKNOWN for one
    that ends with the connection. A value that would begin another header has spaces in place of its ends of lines.
    """
    status, headers, body = response.status, response.headers, cast(Payload, response.body)
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\ndate: {_date(int(time.time()))}\r\n"]
    length: int | None = len(body) if isinstance(body, bytes) else body.length if isinstance(body, FileSlice) else None
    announced = False
    for name, value in headers.items():
        if name.lower() == "content-length":
            announced, length = True, int(value)
        lines.append(f"{name}: {value if value.isprintable() else _ONE_LINE.sub(' ', value)}\r\n")
    if not announced and status not in (101, 204, 304):
        if length is not None:
            lines.append(f"content-length: {length}\r\n")
        elif chunks:
            lines.append("transfer-encoding: chunked\r\n")
        else:
            length, keep_alive = UNKNOWN, False
    if not keep_alive:
        lines.append("connection: close\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1", "replace"), length


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def pieces(body: FileSlice | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A body that is no bytes, piece by piece."""
    return _read(body) if isinstance(body, FileSlice) else body


async def _read(part: FileSlice) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    with part.path.open("rb", buffering=0) as file:
        position, end = part.offset, part.offset + part.length
        while position < end:
            want = min(_PIECE, end - position)
            if want < 65536:
                piece = os.pread(file.fileno(), want, position)
            else:
                piece = await loop.run_in_executor(None, os.pread, file.fileno(), want, position)
            if not piece:
                return
            position += len(piece)
            yield piece


def refusal(status: int, message: str) -> bytes:
    """A whole answer that ends its connection."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    text = f"{message}\n".encode()
    start, _ = head(Response(status, headers, text), keep_alive=False, chunks=False)
    return start + text
