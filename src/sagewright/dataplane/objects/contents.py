"""Content: bytes on disk that no key names yet, made from streams, bytes, files and other objects."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sagewright.dataplane.objects.blobs import Blobs
from sagewright.dataplane.objects.receiving import receive, small
from sagewright.dataplane.objects.values import INLINE_LIMIT, Content, Opened, Watcher
from sagewright.resources.record import Key


class Contents:
    """Makes content for the record at `home`, which must be the one that comes to name it."""

    def __init__(self, blobs: Blobs, pool: ThreadPoolExecutor) -> None:
        self._blobs = blobs
        self._pool = pool

    async def receive(
        self, stream: AsyncIterable[bytes], home: Key, *, watchers: Sequence[Watcher] = (), limit: int | None = None
    ) -> Content:
        """Read a stream to its end, in bounded memory. If it raises, or is longer than `limit`, nothing stays."""
        return await receive(stream, self._blobs, self._pool, home=home, watchers=watchers, limit=limit)

    def of_bytes(self, data: bytes, home: Key, *, watchers: Sequence[Watcher] = ()) -> Content:
        """Content from bytes."""
        if len(data) <= INLINE_LIMIT:
            return small(data, watchers)
        writer = self._blobs.new(home, watchers)
        try:
            return writer.finish([data])
        except BaseException:
            self._blobs.discard(writer.close())
            raise

    def of_file(self, descriptor: int, home: Key) -> Content:
        """Content from a whole file that is open for reading."""
        size = os.fstat(descriptor).st_size
        if size <= INLINE_LIMIT:
            return small(os.pread(descriptor, size, 0))
        return self._copied(descriptor, home, 0, size)

    def of_object(
        self,
        opened: Opened,
        home: Key,
        *,
        offset: int = 0,
        length: int | None = None,
        watchers: Sequence[Watcher] = (),
    ) -> Content:
        """A piece of an object as content; the whole of it (without watchers) shares the blob and costs nothing."""
        length = opened.info.size - offset if length is None else length
        if opened.path is None:
            return small(opened.info.data[offset : offset + length], watchers)
        blob, etag = opened.info.blob, opened.info.etag
        # The etag of an object that was uploaded in parts is no hash of its bytes.
        if blob is not None and length == opened.info.size and not watchers and "-" not in etag:
            return Content(size=length, md5=etag, blob=self._blobs.linked(blob, home))
        with opened.path.open("rb") as file:
            if length <= INLINE_LIMIT:
                return small(os.pread(file.fileno(), length, offset), watchers)
            return self._copied(file.fileno(), home, offset, length, watchers)

    def _copied(self, source: int, home: Key, offset: int, length: int, watchers: Sequence[Watcher] = ()) -> Content:
        writer = self._blobs.new(home, watchers)
        try:
            writer.write_file(source, offset, length)
            return writer.finish()
        except BaseException:
            self._blobs.discard(writer.close())
            raise

    def discard(self, content: Content) -> None:
        """Forget content that no record came to name."""
        if content.blob is not None:
            self._blobs.discard(content.blob)
