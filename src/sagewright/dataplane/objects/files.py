"""Files: objects for those who know an address and want bytes or files, wherever the bucket's objects are."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sagewright.dataplane.objects.attached import Attached
from sagewright.dataplane.objects.blobs import Blobs
from sagewright.dataplane.objects.buckets import Buckets
from sagewright.dataplane.objects.contents import Contents
from sagewright.dataplane.objects.copying import clone
from sagewright.dataplane.objects.upstreams import Upstreams
from sagewright.dataplane.objects.values import Content, ObjectInfo, Opened, Stored, split_uri
from sagewright.resources.record import Key


class Files(ABC):
    """What `Objects` does beyond objects by key. Errors are those of its methods; UpstreamAway where a bucket is
    passed through."""

    buckets: Buckets
    contents: Contents
    upstreams: Upstreams
    _attached: Attached
    _blobs: Blobs

    @abstractmethod
    def home(self, bucket: str, key: str) -> Key: ...

    @abstractmethod
    def head(self, bucket: str, key: str, version: str | None = None) -> ObjectInfo: ...

    @abstractmethod
    def open(self, bucket: str, key: str, version: str | None = None) -> Opened: ...

    @abstractmethod
    def page(
        self, bucket: str, *, prefix: str = "", after: str | None = None, limit: int = 1000
    ) -> Sequence[ObjectInfo]: ...

    @abstractmethod
    def put(
        self, bucket: str, key: str, content: Content, *, attributes: Mapping[str, Any] | None = None
    ) -> ObjectInfo: ...

    def read(self, uri: str) -> bytes:
        """All bytes of `s3://bucket/key`. Raises NoSuchBucket, NoSuchObject, and ValueError for other addresses."""
        opened = self.open(*split_uri(uri))
        return opened.info.data if opened.path is None else opened.path.read_bytes()

    def list(self, bucket: str, prefix: str = "") -> Iterator[tuple[str, int, str]]:
        """(key, bytes, etag) of every object whose key starts with `prefix`, by key. Raises NoSuchBucket at once."""
        self.buckets.get(bucket)
        return ((info.key, info.size, info.etag) for info in self._walk(bucket, prefix))

    def _walk(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        after: str | None = None
        while True:
            page = self.page(bucket, prefix=prefix, after=after)
            yield from page
            if len(page) < 1000:
                return
            after = page[-1].key

    def blob_path(self, bucket: str, key: str) -> Path | None:
        """The file that holds exactly this object, to link or copy at once; None when it has none here.

        It vanishes when the object is overwritten or deleted, and must never be written to. Raises NoSuchBucket,
        NoSuchObject.
        """
        info = self.head(bucket, key)
        return None if info.blob is None else self._blobs.path(info.blob)

    def each(self, bucket: str, prefix: str = "") -> Iterator[Stored]:
        """Every object whose key starts with `prefix`, by key, and where its bytes are. Raises NoSuchBucket at once."""
        self.buckets.get(bucket)
        return (self._stored(info) for info in self._walk(bucket, prefix))

    def stored(self, bucket: str, key: str) -> Stored:
        """One of them. Raises NoSuchBucket, NoSuchObject."""
        return self._stored(self.head(bucket, key))

    def _stored(self, info: ObjectInfo) -> Stored:
        if info.blob is not None:
            return Stored(info.key, info.size, path=self._blobs.path(info.blob), modified=info.modified)
        kept_here = "data" in info.record.spec
        modified = info.modified if kept_here else None
        return Stored(info.key, info.size, data=info.data if kept_here else None, modified=modified)

    def materialise(self, bucket: str, key: str, target: Path) -> int:
        """Make `target` a file of its own with the object's bytes; returns how many.

        Blocks are shared where the file system can, and copied when somebody writes. Parents are made; a file that is
        there is replaced. Not synced: it is for a task. Raises NoSuchBucket, NoSuchObject.
        """
        upstream = self.upstreams.of(bucket)
        opened = None if upstream is not None else self.open(bucket, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if upstream is not None:
            return self._attached.fetch(bucket, upstream, key, target).size
        assert opened is not None
        with target.open("xb") as file:
            if opened.path is None:
                return file.write(opened.info.data)
            with opened.path.open("rb") as source:
                clone(source.fileno(), file.fileno(), opened.info.size)
        return opened.info.size

    def put_bytes(
        self, bucket: str, key: str, data: bytes, *, attributes: Mapping[str, Any] | None = None
    ) -> ObjectInfo:
        """Store bytes. Raises NoSuchBucket."""
        if (upstream := self.upstreams.of(bucket)) is not None:
            return self._attached.put_bytes(bucket, upstream, key, data, attributes or {})
        content = self.contents.of_bytes(data, self.home(bucket, key))
        return self.put(bucket, key, content, attributes=attributes)

    def put_file(
        self,
        bucket: str,
        key: str,
        path: Path,
        *,
        attributes: Mapping[str, Any] | None = None,
        md5: str | None = None,
    ) -> ObjectInfo:
        """Store a copy of a file, whose MD5 may be known. Raises NoSuchBucket, and OSError when it cannot be read."""
        with path.open("rb") as file:
            if (upstream := self.upstreams.of(bucket)) is not None:
                size = os.fstat(file.fileno()).st_size
                return self._attached.put(bucket, upstream, key, file.fileno(), size, attributes or {})
            content = self.contents.of_file(file.fileno(), self.home(bucket, key), md5)
        return self.put(bucket, key, content, attributes=attributes)
