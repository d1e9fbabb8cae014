"""Objects: what operations and controllers use. Blocking methods with plain values, and one coroutine for streams.

Keys are names, never paths: `a` and `a/b` may both exist. A key's bytes are whole and on disk, or not there.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists, SagewrightError, StaleRecord
from sagewright.base.ids import Ids
from sagewright.dataplane.objects.blobs import Blobs
from sagewright.dataplane.objects.buckets import Buckets
from sagewright.dataplane.objects.copying import clone
from sagewright.dataplane.objects.gate import Gate
from sagewright.dataplane.objects.ledger import Change, Ledger, named_blob
from sagewright.dataplane.objects.receiving import receive, small
from sagewright.dataplane.objects.uploads import Part, Upload, Uploads
from sagewright.dataplane.objects.values import (
    INLINE_LIMIT,
    Content,
    NoSuchBucket,
    NoSuchObject,
    ObjectInfo,
    Opened,
    Watcher,
    split_uri,
)
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store

Check = Callable[[ObjectInfo | None], None]
"""Sees what a write is about to replace (None: nothing); raises whatever shall stop it. May be called again."""


class Objects:
    """The objects of one account. Every method may be called from any thread; all but `receive` block.

    Durability: what a method acknowledged is on disk. One process at a time works on a folder.
    """

    def __init__(self, store: Store, folder: Path, *, account: str, clock: Clock, ids: Ids) -> None:
        """`folder` is made if need be; what an earlier crash left there is settled now."""
        self.account = account
        self._store = store
        self._clock = clock
        self._ids = ids
        self._gate = Gate()
        self._blobs = Blobs(folder, ids)
        self._ledger = Ledger(store, self._blobs)
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="objects")
        self._ledger.recover()
        self.uploads = Uploads(store, self._blobs, self._ledger, self._gate, account=account, clock=clock, ids=ids)
        self.buckets = Buckets(store, self._gate, self.uploads, account=account, clock=clock, ids=ids)

    def close(self) -> None:
        """Let running writes end, and stop the workers."""
        self._pool.shutdown()

    # For those who know an address and want bytes or files.

    def read(self, uri: str) -> bytes:
        """All bytes of `s3://bucket/key`. Raises NoSuchBucket, NoSuchObject, and ValueError for other addresses."""
        opened = self.open(*split_uri(uri))
        return opened.info.data if opened.path is None else opened.path.read_bytes()

    def list(self, bucket: str, prefix: str = "") -> Iterator[tuple[str, int, str]]:
        """(key, bytes, etag) of every object whose key starts with `prefix`, by key. Raises NoSuchBucket at once."""
        self.buckets.get(bucket)
        return self._walk(bucket, prefix)

    def _walk(self, bucket: str, prefix: str) -> Iterator[tuple[str, int, str]]:
        after: str | None = None
        while True:
            page = self.page(bucket, prefix=prefix, after=after)
            for info in page:
                yield info.key, info.size, info.etag
            if len(page) < 1000:
                return
            after = page[-1].key

    def blob_path(self, bucket: str, key: str) -> Path | None:
        """The file that holds exactly this object, to link or copy at once; None when it is too small to have one.

        It vanishes when the object is overwritten or deleted, and must never be written to. Raises NoSuchBucket,
        NoSuchObject.
        """
        info = self.head(bucket, key)
        return None if info.blob is None else self._blobs.path(info.blob)

    def materialise(self, bucket: str, key: str, target: Path) -> int:
        """Make `target` a file of its own with the object's bytes; returns how many.

        Blocks are shared where the file system can, and copied when somebody writes. Parents are made; a file that is
        there is replaced. Not synced: it is for a task. Raises NoSuchBucket, NoSuchObject.
        """
        opened = self.open(bucket, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
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
        return self.put(bucket, key, self.content(data), attributes=attributes)

    def put_file(self, bucket: str, key: str, path: Path, *, attributes: Mapping[str, Any] | None = None) -> ObjectInfo:
        """Store a copy of a file. Raises NoSuchBucket, and OSError when it cannot be read."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = small(file.read()) if size <= INLINE_LIMIT else self._copied(file.fileno(), 0, size)
        return self.put(bucket, key, content, attributes=attributes)

    # Content: bytes on disk that no key names yet.

    async def receive(
        self, stream: AsyncIterable[bytes], *, watchers: Sequence[Watcher] = (), limit: int | None = None
    ) -> Content:
        """Read a stream to its end, in bounded memory. If it raises, or is longer than `limit`, nothing stays."""
        return await receive(stream, self._blobs, self._pool, watchers=watchers, limit=limit)

    def content(self, data: bytes, *, watchers: Sequence[Watcher] = ()) -> Content:
        """Content from bytes."""
        if len(data) <= INLINE_LIMIT:
            return small(data, watchers)
        writer = self._blobs.new(watchers)
        try:
            return writer.finish([data])
        except BaseException:
            writer.discard()
            raise

    def content_of(
        self, opened: Opened, *, offset: int = 0, length: int | None = None, watchers: Sequence[Watcher] = ()
    ) -> Content:
        """A piece of an object as content; the whole of it (without watchers) shares the blob and costs nothing."""
        length = opened.info.size - offset if length is None else length
        if opened.path is None:
            return small(opened.info.data[offset : offset + length], watchers)
        blob, etag = opened.info.blob, opened.info.etag
        # The etag of an object that was uploaded in parts is no hash of its bytes.
        if blob is not None and length == opened.info.size and not watchers and "-" not in etag:
            return Content(size=length, md5=etag, blob=self._blobs.linked(blob))
        with opened.path.open("rb") as file:
            if length <= INLINE_LIMIT:
                return small(os.pread(file.fileno(), length, offset), watchers)
            return self._copied(file.fileno(), offset, length, watchers)

    def _copied(self, source: int, offset: int, length: int, watchers: Sequence[Watcher] = ()) -> Content:
        writer = self._blobs.new(watchers)
        try:
            writer.write_file(source, offset, length)
            return writer.finish()
        except BaseException:
            writer.discard()
            raise

    def discard(self, content: Content) -> None:
        """Forget content that was not put."""
        if content.blob is not None:
            self._blobs.discard(content.blob)

    # Objects by key.

    def put(
        self,
        bucket: str,
        key: str,
        content: Content,
        *,
        attributes: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        etag: str | None = None,
        check: Check | None = None,
        beside: Callable[[], Sequence[Change]] = tuple,
    ) -> ObjectInfo:
        """Let a key name this content, in place of what it named before. Takes the content over, also on errors.

        `etag` is the content's md5 unless told; `beside` gives further changes for the same commit, and is asked
        again when one of them is stale. Raises NoSuchBucket, and what `check` raises.
        """
        spec = {**content.as_spec(), "etag": etag or content.md5, "attributes": attributes or {}}
        try:
            with self._gate.shared(bucket):
                self.buckets.get(bucket)
                return self._name(self._key(bucket, key), spec, tags or {}, check, beside)
        except SagewrightError:
            # Other errors may come from a commit that did happen: the next start decides.
            self.discard(content)
            raise

    def _name(
        self,
        key: Key,
        spec: Mapping[str, Any],
        tags: Mapping[str, str],
        check: Check | None,
        beside: Callable[[], Sequence[Change]],
    ) -> ObjectInfo:
        while True:
            current = self._store.get(key)
            if check is not None:
                check(None if current is None else ObjectInfo.of(current))
            now = self._clock.now()
            if current is None:
                record = Record(key, uid=self._ids.uuid(), created=now, modified=now, spec=spec, tags=tags)
                change = Change(("create", record), adds=spec.get("blob"))
            else:
                record = replace(current, modified=now, spec=spec, tags=tags)
                change = Change(("update", record), adds=spec.get("blob"), drops=named_blob(current))
            try:
                return ObjectInfo.of(self._ledger.commit([change, *beside()])[0])
            except (StaleRecord, AlreadyExists):
                # Somebody else wrote the key, or a part beside it: look again.
                continue

    def begin_upload(
        self,
        bucket: str,
        key: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Upload:
        """Begin an object that comes in parts. Raises NoSuchBucket."""
        with self._gate.shared(bucket):
            self.buckets.get(bucket)
            return self.uploads.begin(bucket, key, attributes=attributes or {}, tags=tags or {})

    def complete_upload(
        self,
        upload: Upload,
        parts: Sequence[Part],
        *,
        etag: str,
        attributes: Mapping[str, Any],
        check: Check | None = None,
    ) -> ObjectInfo:
        """Join these parts, in this order, into the object; the upload and all its parts go in the same commit.

        Raises NoSuchBucket, NoSuchUpload, and what `check` raises: then the upload stays.
        """
        with self.uploads.closing(upload):
            return self.put(
                upload.bucket,
                upload.key,
                self.uploads.join(parts),
                attributes=attributes,
                tags=upload.tags,
                etag=etag,
                check=check,
                beside=lambda: self.uploads.ending(upload),
            )

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """An object without its bytes. Raises NoSuchBucket, NoSuchObject."""
        record = self._store.get(self._key(bucket, key))
        if record is None:
            if not self.buckets.exists(bucket):
                raise NoSuchBucket(bucket)
            raise NoSuchObject(f"{bucket}/{key}")
        return ObjectInfo.of(record)

    def open(self, bucket: str, key: str) -> Opened:
        """An object to read; what it gives stays readable while it is held. Raises NoSuchBucket, NoSuchObject."""
        while True:
            info = self.head(bucket, key)
            if info.blob is None:
                return Opened(info, None, None)
            pin = self._blobs.pin(info.blob)
            if pin is not None:
                return Opened(info, self._blobs.path(info.blob), pin)
            # Overwritten since its record was read, unless the file is really lost.
            if self.head(bucket, key).blob == info.blob:
                raise FileNotFoundError(f"The bytes of {bucket}/{key} are missing from the disk.")

    def page(
        self, bucket: str, *, prefix: str = "", after: str | None = None, limit: int = 1000
    ) -> Sequence[ObjectInfo]:
        """Objects by key, from the first one greater than `after`. An unknown bucket looks empty."""
        query = Query(self.account, "", "object", parent=bucket, name_prefix=prefix or None, name_after=after)
        return [ObjectInfo.of(record) for record in self._store.list(query, limit=limit).records]

    def set_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> ObjectInfo:
        """Replace an object's tags. Raises NoSuchBucket, NoSuchObject."""
        changed = self._store.amend(self._key(bucket, key), lambda record: replace(record, tags=tags))
        if changed is None:
            return self.head(bucket, key)
        return ObjectInfo.of(changed)

    def delete(self, bucket: str, key: str, *, check: Check | None = None) -> bool:
        """Remove an object; False if there was none. Raises NoSuchBucket, and what `check` raises."""
        while True:
            record = self._store.get(self._key(bucket, key))
            if record is None:
                self.buckets.get(bucket)
            if check is not None:
                check(None if record is None else ObjectInfo.of(record))
            if record is None:
                return False
            try:
                self._ledger.commit([Change(("delete", record), drops=named_blob(record))])
            except StaleRecord:
                continue
            return True

    def delete_many(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove objects, present or not, in one commit where nobody interferes. Raises NoSuchBucket."""
        self.buckets.get(bucket)
        records = [self._store.get(self._key(bucket, key)) for key in dict.fromkeys(keys)]
        changes = [Change(("delete", record), drops=named_blob(record)) for record in records if record is not None]
        try:
            self._ledger.commit(changes)
        except StaleRecord:
            for change in changes:
                self.delete(bucket, change.key.name)

    def _key(self, bucket: str, key: str) -> Key:
        return Key(self.account, "", "object", bucket, key)
