"""From a stream on the event loop to content on disk, without holding it in memory."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any

from sagewright.dataplane.objects.blobs import Blobs, BlobWriter
from sagewright.dataplane.objects.values import INLINE_LIMIT, Content, TooMuch, Watcher
from sagewright.resources.record import Key

_BATCH = 1 << 20
"""Bytes that wait for a busy worker before reading does, too."""
_WORTH = 1 << 18
"""Bytes that an idle worker is handed at once: a hand-over costs as much as hashing 50 KiB."""


def small(data: bytes, watchers: Sequence[Watcher] = ()) -> Content:
    """Content that fits into a record."""
    for watcher in watchers:
        watcher.update(data)
    return Content(size=len(data), md5=hashlib.md5(data, usedforsecurity=False).hexdigest(), data=data)


async def receive(
    stream: AsyncIterable[bytes],
    blobs: Blobs,
    pool: ThreadPoolExecutor,
    *,
    home: Key,
    watchers: Sequence[Watcher] = (),
    limit: int | None = None,
) -> Content:
    """Read a stream to its end, for the record at `home`. If it raises, or is longer than `limit`, nothing stays.

    Nor when this is cancelled. While a worker hashes and writes one batch the next is being read; no more than two
    are in memory.
    """
    # Once: a second `aiter` of the same body would begin anew.
    chunks = aiter(stream)
    batch: list[bytes] = []
    size = 0
    async for chunk in chunks:
        batch.append(chunk)
        size += len(chunk)
        if size > INLINE_LIMIT:
            break
    else:
        return small(b"".join(batch), watchers)
    writer = await asyncio.wrap_future(pool.submit(blobs.new, home, watchers))
    job: Future[Any] = pool.submit(writer.write, [])
    held = size
    try:
        async for chunk in chunks:
            batch.append(chunk)
            held += len(chunk)
            size += len(chunk)
            if limit is not None and size > limit:
                raise TooMuch(limit)
            if held >= _BATCH or (held >= _WORTH and job.done()):
                await asyncio.wrap_future(job)
                job = pool.submit(writer.write, batch)
                batch, held = [], 0
        await asyncio.wrap_future(job)
        job = pool.submit(writer.finish, batch)
        content: Content = await asyncio.wrap_future(job)
        return content
    except BaseException:
        pool.submit(_discard, blobs, writer, job)
        raise


def _discard(blobs: Blobs, writer: BlobWriter, job: Future[Any]) -> None:
    """Forget a blob once nobody writes to it any more: a cancelled coroutine leaves its job running."""
    wait_for([job])
    blobs.discard(writer.close())
