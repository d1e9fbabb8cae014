"""Buckets: named once for the whole account, whatever region they say they are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.base.ids import Ids
from sagewright.dataplane.objects.gate import Gate
from sagewright.dataplane.objects.uploads import Uploads
from sagewright.dataplane.objects.values import BucketExists, BucketNotEmpty, NoSuchBucket
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket as it stands."""

    name: str
    region: str
    created: float
    """Epoch seconds."""
    tags: Mapping[str, str]
    record: Record = field(repr=False)

    @classmethod
    def of(cls, record: Record) -> Bucket:
        return cls(record.name, record.spec["region"], record.created, record.tags, record)


class Buckets:
    """All buckets of one account."""

    def __init__(self, store: Store, gate: Gate, uploads: Uploads, *, account: str, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._gate = gate
        self._uploads = uploads
        self._account = account
        self._clock = clock
        self._ids = ids

    def _key(self, name: str) -> Key:
        return Key(self._account, "", "bucket", "", name)

    def create(self, name: str, region: str, *, tags: Mapping[str, str] | None = None) -> Bucket:
        """Make an empty bucket. Raises BucketExists. Whether the name is a good one is the caller's to know."""
        now = self._clock.now()
        record = Record(
            self._key(name),
            uid=self._ids.uuid(),
            created=now,
            modified=now,
            spec={"region": region},
            tags=tags or {},
        )
        try:
            return Bucket.of(self._store.create(record))
        except AlreadyExists as error:
            raise BucketExists(name) from error

    def get(self, name: str) -> Bucket:
        """Raises NoSuchBucket."""
        record = self._store.get(self._key(name))
        if record is None:
            raise NoSuchBucket(name)
        return Bucket.of(record)

    def exists(self, name: str) -> bool:
        return self._store.get(self._key(name)) is not None

    def page(self, *, prefix: str = "", after: str | None = None, limit: int = 1000) -> Sequence[Bucket]:
        """Buckets by name, from the first one greater than `after`."""
        query = Query(self._account, "", "bucket", parent="", name_prefix=prefix or None, name_after=after)
        return [Bucket.of(record) for record in self._store.list(query, limit=limit).records]

    def set_tags(self, name: str, tags: Mapping[str, str]) -> None:
        """Replace its tags. Raises NoSuchBucket."""
        if self._store.amend(self._key(name), lambda record: replace(record, tags=tags)) is None:
            raise NoSuchBucket(name)

    def delete(self, name: str) -> None:
        """Remove a bucket without objects; uploads in progress end. Raises NoSuchBucket and BucketNotEmpty."""
        with self._gate.alone(name):
            bucket = self.get(name)
            inside = Query(self._account, "", "object", parent=name)
            if self._store.list(inside, limit=1).records:
                raise BucketNotEmpty(name)
            self._uploads.abort_all(name)
            # Tags may be written beside this: what was read last is what goes.
            while True:
                try:
                    self._store.delete(bucket.record)
                    return
                except StaleRecord:
                    bucket = self.get(name)
