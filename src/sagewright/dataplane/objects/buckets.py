"""Buckets: named once for the whole account, whatever region they say they are in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.base.ids import Ids
from sagewright.dataplane.objects.gate import Gate
from sagewright.dataplane.objects.places import OBJECT, VERSION
from sagewright.dataplane.objects.uploads import Uploads
from sagewright.dataplane.objects.values import BucketExists, BucketNotEmpty, NoSuchBucket
from sagewright.dataplane.objects.versions import Versioning
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store

KIND: Final = "bucket"

Settings = Mapping[str, Any]
"""What a bucket is configured with, by setting: values as the service model decodes them. What is not there is not
configured. Whoever reads one must not change it."""


_BEFORE: Final[Settings] = {"Ownership": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}
"""What buckets had that were made before there were settings."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket as it stands."""

    name: str
    region: str
    created: float
    """Epoch seconds."""
    tags: Mapping[str, str]
    settings: Settings
    record: Record = field(repr=False)

    @classmethod
    def of(cls, record: Record) -> Bucket:
        spec = record.spec
        return cls(record.name, spec["region"], record.created, record.tags, spec.get("settings", _BEFORE), record)

    @property
    def versioning(self) -> Versioning:
        status: Versioning = self.settings.get("Versioning", "")
        return status


class Buckets:
    """All buckets of one account. They are few and asked for with every request, so they are kept in memory, where no
    other server changes them."""

    def __init__(self, store: Store, gate: Gate, uploads: Uploads, *, account: str, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._gate = gate
        self._uploads = uploads
        self._account = account
        self._clock = clock
        self._ids = ids
        self._known: dict[str, Bucket] = {}
        self._writes = 0
        self._lock = threading.Lock()
        store.subscribe(self._forget)

    def _forget(self, key: Key) -> None:
        if key.kind == KIND:
            with self._lock:
                self._writes += 1
                self._known.pop(key.name, None)

    def _key(self, name: str) -> Key:
        return Key(self._account, "", KIND, "", name)

    def create(
        self, name: str, region: str, *, tags: Mapping[str, str] | None = None, settings: Settings | None = None
    ) -> Bucket:
        """Make an empty bucket. Raises BucketExists. Whether the name is a good one is the caller's to know."""
        now = self._clock.now()
        record = Record(
            self._key(name),
            uid=self._ids.uuid(),
            created=now,
            modified=now,
            spec={"region": region, "settings": settings or {}},
            tags=tags or {},
        )
        try:
            return Bucket.of(self._store.create(record))
        except AlreadyExists as error:
            raise BucketExists(name) from error

    def get(self, name: str) -> Bucket:
        """Raises NoSuchBucket."""
        known = self._known.get(name)
        # Where other servers write too, only the store knows what was answered to somebody a moment ago.
        if known is not None and self._store.local:
            return known
        writes = self._writes
        record = self._store.get(self._key(name))
        if record is None:
            raise NoSuchBucket(name)
        bucket = Bucket.of(record)
        with self._lock:
            # Unless a bucket was written meanwhile: it may have been this one.
            if writes == self._writes:
                self._known[name] = bucket
        return bucket

    def page(self, *, prefix: str = "", after: str | None = None, limit: int = 1000) -> Sequence[Bucket]:
        """Buckets by name, from the first one greater than `after`."""
        query = Query(self._account, "", KIND, parent="", name_prefix=prefix or None, name_after=after)
        return [Bucket.of(record) for record in self._store.list(query, limit=limit).records]

    def set_tags(self, name: str, tags: Mapping[str, str]) -> None:
        """Replace its tags. Raises NoSuchBucket."""
        if self._store.amend(self._key(name), lambda record: replace(record, tags=tags)) is None:
            raise NoSuchBucket(name)

    def configure(self, name: str, change: Callable[[Bucket], Settings]) -> None:
        """Change settings: `change` gets the bucket and returns what to set, None taking a setting away.

        No object of the bucket is being written meanwhile. `change` may run several times. Raises NoSuchBucket, and
        what `change` raises.
        """

        def amended(record: Record) -> Record | None:
            bucket = Bucket.of(record)
            merged = {**bucket.settings, **change(bucket)}
            settings = {setting: value for setting, value in merged.items() if value is not None}
            return None if settings == bucket.settings else replace(record, spec={**record.spec, "settings": settings})

        with self._gate.alone(name):
            if self._store.amend(self._key(name), amended) is None:
                raise NoSuchBucket(name)

    def delete(self, name: str) -> None:
        """Remove a bucket without objects, versions and markers; uploads in progress end.

        Raises NoSuchBucket and BucketNotEmpty.
        """
        with self._gate.alone(name):
            record = self.get(name).record
            for kind in (OBJECT, VERSION):
                if self._store.list(Query(self._account, "", kind, parent=name), limit=1).records:
                    raise BucketNotEmpty(name)
            self._uploads.abort_all(name)
            # Tags may be written beside this: what was read last is what goes.
            while True:
                try:
                    self._store.delete(record)
                    return
                except StaleRecord:
                    record = self.get(name).record
