"""One request to one container, its answer whole or while it comes."""

from __future__ import annotations

from typing import Final

from sagewright.dataplane.inference.ask import Reply, Rest
from sagewright.dataplane.inference.connection import Pool

READ_TIMEOUT: Final = 60.0
"""Seconds that a container may take for one request, as on AWS; and between two pieces of an answer that streams."""
STREAM_TIMEOUT: Final = 480.0
"""Seconds that an answer may stream."""
_TOLD: Final = 64 * 1024


async def exchange(pool: Pool, request: bytes, *, streams: bool = False) -> Reply:
    """Send a whole HTTP request. A failure is always given whole. Raises Unreachable, TimeoutError."""
    if not streams:
        return await pool.exchange(request, timeout=READ_TIMEOUT)
    stream = await pool.stream(request, timeout=READ_TIMEOUT, total=STREAM_TIMEOUT)
    if 200 <= stream.status < 300:
        return Reply(stream.status, stream.headers, b"", stream)
    return Reply(stream.status, stream.headers, await _beginning(stream))


async def _beginning(stream: Rest) -> bytes:
    """Of a failure that streams, as much as anybody will want to know."""
    found = b""
    try:
        async for piece in stream:
            found += piece
            if len(found) > _TOLD:
                break
    finally:
        await stream.aclose()
    return found[:_TOLD]
