"""Members to bytes, and out of the door."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import cast

from sagewright.edge.chain import Decoded, Send
from sagewright.edge.steps.form import answered
from sagewright.operations.call import FileSlice, Params
from sagewright.wire.http import Response

_PIECE = 1 << 20


def encode(decoded: Decoded, result: Params) -> Response:
    routed = decoded.identified.routed
    status = result.pop("__status__", None)
    response = routed.protocol.serialize(result, routed.operation, routed.raw.request_id)
    if status is not None:
        response.status = status
    return response if routed.form is None else answered(routed.form, routed.raw, result, response)


async def send_response(response: Response, method: str, send: Send) -> None:
    """Send a response; a body that is a file is read piece by piece."""
    body = cast("bytes | FileSlice | AsyncIterator[bytes]", response.body)
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in response.headers.items()
    ]
    length = len(body) if isinstance(body, bytes) else body.length if isinstance(body, FileSlice) else None
    if length is not None and b"content-length" not in dict(headers):
        headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if method == "HEAD" or response.status in (204, 304):
        await send({"type": "http.response.body", "body": b""})
    elif isinstance(body, bytes):
        await send({"type": "http.response.body", "body": body})
    else:
        async for piece in _pieces(body) if isinstance(body, FileSlice) else body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _pieces(part: FileSlice) -> AsyncIterator[bytes]:
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
