"""Content: bytes on disk that no key names yet, made from streams, bytes, files and other objects."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sagewright.dataplane.objects.blobs import Blobs, BlobWriter
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
        return self._copied(home, lambda writer: writer.write([data]), watchers)

    def of_file(self, descriptor: int, home: Key, md5: str | None = None) -> Content:
        """Content from a whole file that is open for reading, and whose MD5 may be known."""
        size = os.fstat(descriptor).st_size
        if size <= INLINE_LIMIT:
            return small(os.pread(descriptor, size, 0))
        if md5 is None:
            return self._copied(home, lambda writer: writer.write_file(descriptor, 0, size))
        content = self._copied(home, lambda writer: writer.append_unhashed(descriptor, size))
        return replace(content, md5=md5)

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
            return self._copied(home, lambda writer: writer.write_file(file.fileno(), offset, length), watchers)

    def _copied(self, home: Key, write: Callable[[BlobWriter], None], watchers: Sequence[Watcher] = ()) -> Content:
        writer = self._blobs.new(home, watchers)
        try:
            write(writer)
            return writer.finish()
        except BaseException:
            self._blobs.discard(writer.close())
            raise

    def discard(self, content: Content) -> None:
        """Forget content that no record came to name."""
        if content.blob is not None:
            self._blobs.discard(content.blob)
