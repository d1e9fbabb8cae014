"""Objects: what operations and controllers use. Blocking methods with plain values, and one coroutine for streams.

Keys are names, never paths: `a` and `a/b` may both exist. A key's bytes are whole and on disk, or not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists, SagewrightError, StaleRecord
from sagewright.base.file_locks import FileLocks
from sagewright.base.ids import Ids
from sagewright.dataplane.objects import places
from sagewright.dataplane.objects.attached import Attached
from sagewright.dataplane.objects.blobs import Blobs
from sagewright.dataplane.objects.buckets import Buckets
from sagewright.dataplane.objects.contents import Contents
from sagewright.dataplane.objects.files import Files
from sagewright.dataplane.objects.gate import Gate
from sagewright.dataplane.objects.ledger import Change, Ledger
from sagewright.dataplane.objects.places import OBJECT
from sagewright.dataplane.objects.remote import Remote
from sagewright.dataplane.objects.uploads import Part, Upload, Uploads
from sagewright.dataplane.objects.upstreams import Upstreams
from sagewright.dataplane.objects.values import (
    NULL,
    Content,
    Deleted,
    NoSuchObject,
    NoSuchVersion,
    ObjectInfo,
    Opened,
    PassedThrough,
)
from sagewright.dataplane.objects.versions import Removed, Versioning, Versions, Written
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store, Write

Check = Callable[[ObjectInfo | None], None]
"""Sees what a write is about to replace (None: nothing); raises whatever shall stop it. May be called again."""

Tell = Callable[[ObjectInfo], Sequence[Record]]
"""What else is to be written in the commit that makes an object so: deliveries that tell of it. May be called again."""

TellRemoved = Callable[[str, Removed], Sequence[Record]]
"""The same for a key, and what a delete does to it."""

Place = tuple[str, str]
"""A key, and where among its versions."""


def _nothing(*_: object) -> Sequence[Record]:
    return ()


_LONGEST_READ: Final = 900.0
"""Seconds that servers have who share the folder, to end what they were at when a blob was removed or begun."""


def _told(records: Sequence[Record]) -> list[Change]:
    return [Change(("create", record)) for record in records]


def place_of(info: ObjectInfo) -> Place:
    """Where a version stands among all of its bucket."""
    return info.key, places.suffix(info.record)


def place_past(key: str) -> Place:
    """The place behind all versions of a key."""
    return key, places.END


class Objects(Files):
    """The objects of one account. Every method may be called from any thread, and blocks.

    Durability: what a method acknowledged is on disk. One process at a time works on a folder.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        *,
        account: str,
        clock: Clock,
        ids: Ids,
        upstreams: Path | None = None,
        locks: FileLocks | None = None,
        alone: bool = True,
    ) -> None:
        """`folder` is made if need be; what an earlier crash left there is settled now, if this server is `alone` on
        it. `upstreams` is the folder that says which buckets are passed through. `locks` are those of several servers
        that work on the folder; then the one that leads calls `settle` now and then."""
        self.account = account
        self._store = store
        self._clock = clock
        self._ids = ids
        self._gate = Gate(locks)
        self._blobs = Blobs(folder, ids, shared=locks is not None)
        self._ledger = Ledger(store, self._blobs)
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="objects")
        if alone:
            self._ledger.recover()
        self._versions = Versions(store, account=account, clock=clock, ids=ids)
        self.contents = Contents(self._blobs, self._pool)
        self.uploads = Uploads(store, self._blobs, self._ledger, self._gate, account=account, clock=clock, ids=ids)
        self.upstreams = Upstreams(upstreams or folder / "upstreams", make=True)
        self.remote = Remote(clock)
        self._attached = Attached(self.remote, folder / "fetched", account=account, ids=ids, alone=alone)
        self.buckets = Buckets(store, self._gate, self.uploads, account=account, clock=clock, ids=ids)

    def settle(self) -> int:
        """Settle what servers left in doubt a while ago: removed while somebody read it, or begun before they died.
        Returns how many files went."""
        return self._ledger.recover(older=_LONGEST_READ)

    def close(self) -> None:
        """Let running writes end, and stop the workers."""
        self._pool.shutdown()
        self.remote.close()

    # Objects by key.

    def home(self, bucket: str, key: str) -> Key:
        """Where an object is kept: whose content `put` wants."""
        return self._versions.at(bucket, key)

    def put(
        self,
        bucket: str,
        key: str,
        content: Content,
        *,
        attributes: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        kept: Mapping[str, Any] | None = None,
        etag: str | None = None,
        check: Check | None = None,
        beside: Callable[[], Sequence[Change]] = tuple,
        tell: Tell = _nothing,
    ) -> ObjectInfo:
        """Let a key name this content; what it named before goes, or stays as a version if the bucket versions.

        Takes the content over, also on errors. `attributes` are for good, `kept` is what `keep` may change later.
        `etag` is the content's md5 unless told; `beside` gives further changes for the same commit, and is asked
        again when one of them is stale. Raises NoSuchBucket, and what `check` raises.
        """
        spec = {**content.as_spec(), "etag": etag or content.md5, "attributes": attributes or {}}
        written = Written(spec, tags or {}, kept or {})
        try:
            with self._writing(bucket, key) as versioning:
                return self._name(versioning, self.home(bucket, key), written, check, beside, tell)
        except SagewrightError:
            # Other errors may come from a commit that did happen: the next start decides.
            self.contents.discard(content)
            raise

    @contextmanager
    def _writing(self, bucket: str, *keys: str) -> Iterator[Versioning]:
        """Keep the bucket there and as it is; where it versions, keep other writers of these keys out."""
        if self.upstreams.of(bucket) is not None:
            raise PassedThrough(bucket)
        with self._gate.shared(bucket), ExitStack() as stack:
            versioning = self.buckets.get(bucket).versioning
            if versioning:
                for key in sorted(set(keys)):
                    stack.enter_context(self._gate.alone(f"{bucket}/{key}"))
            yield versioning

    def _name(
        self,
        versioning: Versioning,
        at: Key,
        written: Written,
        check: Check | None,
        beside: Callable[[], Sequence[Change]],
        tell: Tell,
    ) -> ObjectInfo:
        while True:
            current = self._store.get(at)
            if check is not None:
                check(None if current is None else ObjectInfo.of(current))
            changes = self._versions.putting(versioning, at, current, written)
            told = _told(tell(ObjectInfo.of(changes[0].write[1])))
            try:
                return ObjectInfo.of(self._ledger.commit([*changes, *beside(), *told])[0])
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
        kept: Mapping[str, Any] | None = None,
    ) -> Upload:
        """Begin an object that comes in parts. Raises NoSuchBucket."""
        with self._gate.shared(bucket):
            self.buckets.get(bucket)
            return self.uploads.begin(bucket, key, attributes=attributes or {}, tags=tags or {}, kept=kept or {})

    def complete_upload(
        self,
        upload: Upload,
        parts: Sequence[Part],
        *,
        etag: str,
        attributes: Mapping[str, Any],
        check: Check | None = None,
        tell: Tell = _nothing,
    ) -> ObjectInfo:
        """Join these parts, in this order, into the object; the upload and all its parts go in the same commit.

        Raises NoSuchBucket, NoSuchUpload, and what `check` raises: then the upload stays.
        """
        with self.uploads.closing(upload):
            return self.put(
                upload.bucket,
                upload.key,
                self.uploads.join(parts, self.home(upload.bucket, upload.key)),
                attributes=attributes,
                tags=upload.tags,
                kept=upload.kept,
                etag=etag,
                check=check,
                beside=lambda: self.uploads.ending(upload),
                tell=tell,
            )

    def head(self, bucket: str, key: str, version: str | None = None) -> ObjectInfo:
        """An object without its bytes: its current version, or the one that is asked for, which may be a marker.

        Raises NoSuchBucket, NoSuchObject (Deleted where a delete marker is current) and NoSuchVersion.
        """
        if (upstream := self.upstreams.of(bucket)) is not None:
            return self._attached.head(bucket, upstream, key, version)
        record = self._find(bucket, key, version)
        if record is not None:
            return ObjectInfo.of(record)
        if version is not None:
            self.buckets.get(bucket)
            raise NoSuchVersion(f"{bucket}/{key}", version)
        if self.buckets.get(bucket).versioning and (marker := self._versions.marker(bucket, key)) is not None:
            raise Deleted(f"{bucket}/{key}", ObjectInfo.of(marker))
        raise NoSuchObject(f"{bucket}/{key}")

    def _find(self, bucket: str, key: str, version: str | None) -> Record | None:
        if version is None:
            return self._versions.current(bucket, key)
        return self._versions.find(bucket, key, version)

    def open(self, bucket: str, key: str, version: str | None = None) -> Opened:
        """An object to read; what it gives stays readable while it is held. Raises what `head` does."""
        if (upstream := self.upstreams.of(bucket)) is not None:
            return self._attached.open(bucket, upstream, key, version)
        while True:
            info = self.head(bucket, key, version)
            if info.marker or info.blob is None:
                return Opened(info, None, None)
            pin = self._blobs.pin(info.blob)
            if pin is not None:
                return Opened(info, self._blobs.path(info.blob), pin)
            # Overwritten since its record was read, unless the file is really lost.
            if self.head(bucket, key, version).blob == info.blob:
                raise FileNotFoundError(f"The bytes of {bucket}/{key} are missing from the disk.")

    def page(
        self, bucket: str, *, prefix: str = "", after: str | None = None, limit: int = 1000
    ) -> Sequence[ObjectInfo]:
        """Objects by key, from the first one greater than `after`. An unknown bucket looks empty."""
        if (upstream := self.upstreams.of(bucket)) is not None:
            return self._attached.page(bucket, upstream, prefix=prefix, after=after, limit=limit)
        query = Query(self.account, "", OBJECT, parent=bucket, name_prefix=prefix or None, name_after=after)
        return [ObjectInfo.of(record) for record in self._store.list(query, limit=limit).records]

    def version_page(
        self, bucket: str, *, prefix: str = "", after: Place | None = None, limit: int = 1000
    ) -> Sequence[ObjectInfo]:
        """Versions and delete markers by key, newest first, from the first one beyond a place (see `place`)."""
        return self._versions.page(bucket, prefix=prefix, after=after, limit=limit)

    def place(self, bucket: str, key: str, version: str) -> Place:
        """Where a version stands among all of its bucket, whether or not it is there."""
        if version != NULL:
            return key, version
        found = self._versions.find(bucket, key, version)
        return place_past(key) if found is None else place_of(ObjectInfo.of(found))

    def set_tags(self, bucket: str, key: str, tags: Mapping[str, str], version: str | None = None) -> ObjectInfo:
        """Replace a version's tags. Raises what `head` does."""
        return self.amend(bucket, key, version, lambda info: replace(info.record, tags=tags))

    def keep(
        self,
        bucket: str,
        key: str,
        change: Callable[[ObjectInfo], Mapping[str, Any]],
        version: str | None = None,
        *,
        tell: Tell = _nothing,
    ) -> ObjectInfo:
        """Change what is kept with a version: `change` returns what to set, None taking away. It may run several
        times. Raises what `head` does, and what `change` raises.
        """

        def amended(info: ObjectInfo) -> Record:
            merged = {**info.kept, **change(info)}
            return replace(info.record, status={name: value for name, value in merged.items() if value is not None})

        return self.amend(bucket, key, version, amended, tell=tell)

    def amend(
        self,
        bucket: str,
        key: str,
        version: str | None,
        change: Callable[[ObjectInfo], Record | None],
        *,
        tell: Tell = _nothing,
    ) -> ObjectInfo:
        """Change what is said of a version; its bytes, id and time stay. `change` returns None to leave it."""
        while True:
            info = self.head(bucket, key, version)
            record = change(info)
            if record is None:
                return info
            told: list[Write] = [("create", each) for each in tell(ObjectInfo.of(record))]
            try:
                return ObjectInfo.of(self._store.write([("update", record), *told])[0])
            except StaleRecord:
                continue

    def delete(
        self,
        bucket: str,
        key: str,
        version: str | None = None,
        *,
        check: Check | None = None,
        tell: TellRemoved = _nothing,
    ) -> Removed:
        """Remove an object, or put a delete marker before it if the bucket versions; or remove one version for good.

        Raises NoSuchBucket, and what `check` raises. It is no error if there is nothing to remove.
        """
        at = self.home(bucket, key)
        with self._writing(bucket, key) as versioning:
            while True:
                record = self._find(bucket, key, version)
                if check is not None:
                    check(None if record is None else ObjectInfo.of(record))
                if version is None:
                    changes, removed = self._versions.deleting(versioning, at, record)
                elif record is None:
                    return Removed(version)
                else:
                    changes, removed = self._versions.removing(at, version, record)
                try:
                    self._ledger.commit([*changes, *_told(tell(key, removed))])
                except (StaleRecord, AlreadyExists):
                    continue
                return removed

    def delete_many(self, bucket: str, keys: Sequence[str], *, tell: TellRemoved = _nothing) -> Mapping[str, Removed]:
        """Delete objects, present or not, in one commit where nobody interferes. Raises NoSuchBucket."""
        with self._writing(bucket, *keys) as versioning:
            done: dict[str, Removed] = {}
            changes: list[Change] = []
            for key in dict.fromkeys(keys):
                more, done[key] = self._versions.deleting(
                    versioning, self.home(bucket, key), self._versions.current(bucket, key)
                )
                changes += [*more, *_told(tell(key, done[key]))]
            try:
                self._ledger.commit(changes)
                return done
            except (StaleRecord, AlreadyExists):
                pass
        return {key: self.delete(bucket, key, tell=tell) for key in dict.fromkeys(keys)}
