"""Objects that come in parts: uploads in progress, and their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.base.ids import Ids
from sagewright.dataplane.objects.blobs import Blobs
from sagewright.dataplane.objects.gate import Gate
from sagewright.dataplane.objects.ledger import Change, Ledger, named_blob
from sagewright.dataplane.objects.receiving import small
from sagewright.dataplane.objects.values import INLINE_LIMIT, Content, NoSuchUpload, decoded
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store

_MARK = "\x01"
"""Between key and upload id in a record's name: sorts before what keys are made of, so uploads sort by key."""

_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in progress."""

    bucket: str
    key: str
    id: str
    """Opaque; among uploads of one key, later ones sort later."""
    created: float
    """Epoch seconds."""
    attributes: Mapping[str, Any]
    tags: Mapping[str, str]
    kept: Mapping[str, Any]
    """What the object is to keep beside its attributes (see `Objects.put`)."""
    record: Record = field(repr=False)

    @classmethod
    def of(cls, record: Record) -> Upload:
        spec = record.spec
        return cls(
            bucket=record.key.parent,
            key=spec["key"],
            id=spec["id"],
            created=record.created,
            attributes=spec["attributes"],
            tags=record.tags,
            kept=record.status,
            record=record,
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A part that was received."""

    number: int
    size: int
    etag: str
    """The md5 of its bytes in hexadecimal."""
    modified: float
    attributes: Mapping[str, Any]
    record: Record = field(repr=False)

    @classmethod
    def of(cls, record: Record) -> Part:
        spec = record.spec
        return cls(int(record.name), spec["size"], spec["etag"], record.modified, spec["attributes"], record)


class Uploads:
    """All uploads of one account."""

    def __init__(
        self, store: Store, blobs: Blobs, ledger: Ledger, gate: Gate, *, account: str, clock: Clock, ids: Ids
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._ledger = ledger
        self._gate = gate
        self._account = account
        self._clock = clock
        self._ids = ids

    def begin(
        self,
        bucket: str,
        key: str,
        *,
        attributes: Mapping[str, Any],
        tags: Mapping[str, str],
        kept: Mapping[str, Any],
    ) -> Upload:
        """Begin an upload, in a bucket that the caller holds."""
        now = self._clock.now()
        upload_id = f"{int(now * 1000):012x}{self._ids.token(20)}"
        record = Record(
            self._key(bucket, key, upload_id),
            uid=self._ids.uuid(),
            created=now,
            modified=now,
            spec={"key": key, "id": upload_id, "attributes": attributes},
            status=kept,
            tags=tags,
        )
        return Upload.of(self._store.create(record))

    def get(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Raises NoSuchUpload."""
        record = self._store.get(self._key(bucket, key, upload_id))
        if record is None:
            raise NoSuchUpload(upload_id)
        return Upload.of(record)

    def page(
        self,
        bucket: str,
        *,
        prefix: str = "",
        after_key: str | None = None,
        after_id: str | None = None,
        limit: int = 1000,
    ) -> Sequence[Upload]:
        """Uploads by key and age, from the first one beyond (`after_key`, `after_id`); no id: beyond all of the key."""
        after = None if after_key is None else f"{after_key}{_MARK}{after_id or _LAST}"
        query = Query(self._account, "", "upload", parent=bucket, name_prefix=prefix or None, name_after=after)
        return [Upload.of(record) for record in self._store.list(query, limit=limit).records]

    def home(self, upload: Upload, number: int) -> Key:
        """Where a part is kept: whose content `put_part` wants."""
        return Key(self._account, "", "part", upload.id, f"{number:05d}")

    def put_part(
        self, upload: Upload, number: int, content: Content, *, attributes: Mapping[str, Any] | None = None
    ) -> Part:
        """Keep one part, in place of an earlier one of that number. Takes the content over. Raises NoSuchUpload."""
        key = self.home(upload, number)
        spec = {**content.as_spec(), "etag": content.md5, "attributes": attributes or {}}
        try:
            with self._gate.shared(f"upload/{upload.id}"):
                self.get(upload.bucket, upload.key, upload.id)
                return Part.of(self._name_part(key, spec))
        except NoSuchUpload:
            if content.blob is not None:
                self._blobs.discard(content.blob)
            raise

    def _name_part(self, key: Key, spec: Mapping[str, Any]) -> Record:
        while True:
            now = self._clock.now()
            current = self._store.get(key)
            if current is None:
                record = Record(key, uid=self._ids.uuid(), created=now, modified=now, spec=spec)
                change = Change(("create", record), adds=spec.get("blob"))
            else:
                record = replace(current, modified=now, spec=spec)
                change = Change(("update", record), adds=spec.get("blob"), drops=named_blob(current))
            try:
                return self._ledger.commit([change])[0]
            except (StaleRecord, AlreadyExists):
                continue

    def parts(self, upload: Upload, *, after: int = 0, limit: int = 10_000) -> Sequence[Part]:
        """Parts by number, from the first one greater than `after`."""
        query = Query(self._account, "", "part", parent=upload.id, name_after=f"{after:05d}")
        return [Part.of(record) for record in self._store.list(query, limit=limit).records]

    def closing(self, upload: Upload) -> AbstractContextManager[None]:
        """Keep other writers of this upload out while it ends."""
        return self._gate.alone(f"upload/{upload.id}")

    def join(self, parts: Sequence[Part], home: Key) -> Content:
        """All bytes of these parts as one content for the record at `home`; its md5 is not known."""
        if sum(part.size for part in parts) <= INLINE_LIMIT:
            return small(b"".join(decoded(part.record.spec) for part in parts))
        only = named_blob(parts[0].record) if len(parts) == 1 else None
        if only is not None:
            return Content(size=parts[0].size, md5=parts[0].etag, blob=self._blobs.linked(only, home))
        writer = self._blobs.new(home)
        try:
            for part in parts:
                blob = named_blob(part.record)
                if blob is None:
                    writer.append_bytes_unhashed(decoded(part.record.spec))
                    continue
                with self._blobs.path(blob).open("rb") as file:
                    writer.append_unhashed(file.fileno(), part.size)
            return replace(writer.finish(), md5="")
        except BaseException:
            self._blobs.discard(writer.close())
            raise

    def ending(self, upload: Upload) -> Sequence[Change]:
        """The changes that end an upload: it and its parts go. Raises NoSuchUpload."""
        record = self.get(upload.bucket, upload.key, upload.id).record
        parts = (part.record for part in self.parts(upload))
        return [
            Change(("delete", record)),
            *(Change(("delete", part), drops=named_blob(part)) for part in parts),
        ]

    def abort(self, upload: Upload) -> None:
        """Drop an upload and its parts. Raises NoSuchUpload."""
        with self.closing(upload):
            self._drop(upload)

    def abort_all(self, bucket: str) -> None:
        """Drop all uploads of a bucket that the caller holds alone."""
        while uploads := self.page(bucket):
            for upload in uploads:
                self._drop(upload)

    def _drop(self, upload: Upload) -> None:
        while True:
            try:
                self._ledger.commit(self.ending(upload))
                return
            except StaleRecord:
                continue

    def _key(self, bucket: str, key: str, upload_id: str) -> Key:
        return Key(self._account, "", "upload", bucket, f"{key}{_MARK}{upload_id}")
