"""Versions: which records a put or a delete writes, depending on whether the bucket versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sagewright.base.clock import Clock
from sagewright.base.ids import Ids
from sagewright.dataplane.objects import places
from sagewright.dataplane.objects.ledger import Change, named_blob
from sagewright.dataplane.objects.places import OBJECT, VERSION
from sagewright.dataplane.objects.values import NULL, ObjectInfo
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store

Versioning = Literal["", "Enabled", "Suspended"]
"""What a bucket does with what is overwritten or deleted; '' if it never kept any of it."""

_TOKEN: Final = 16


@dataclass(frozen=True, slots=True)
class Written:
    """What is to be known of a version that is written."""

    spec: Mapping[str, Any]
    """Bytes, etag and attributes, without the version's id."""
    tags: Mapping[str, str]
    kept: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Removed:
    """What a delete did."""

    version: str | None = None
    """The version that is gone, or the delete marker that was put; None where nothing versions."""
    marker: bool = False
    """Whether that is a delete marker."""
    existed: bool = False
    """Whether an object is gone, or hidden by a new marker."""


class Versions:
    """Reads versions, and says what a write changes. Writes nothing itself.

    In a bucket that versions, callers let nobody else write the same key between asking and committing.
    """

    def __init__(self, store: Store, *, account: str, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._account = account
        self._clock = clock
        self._ids = ids

    def at(self, bucket: str, key: str) -> Key:
        """Where the current version is kept."""
        return Key(self._account, "", OBJECT, bucket, key)

    def current(self, bucket: str, key: str) -> Record | None:
        """The current version, unless there is none, or it is a delete marker."""
        return self._store.get(self.at(bucket, key))

    def marker(self, bucket: str, key: str) -> Record | None:
        """The delete marker that hides a key without current version, if one does."""
        newest = places.behind(self._store, self.at(bucket, key), limit=1)
        return newest[0] if newest else None

    def find(self, bucket: str, key: str, version: str) -> Record | None:
        """A version, or a delete marker, by its id."""
        current = self.current(bucket, key)
        if current is not None and current.spec.get("version", NULL) == version:
            return current
        if version == NULL:
            return self._null(self.at(bucket, key))
        return self._store.get(Key(self._account, "", VERSION, bucket, places.name(key, version)))

    def _null(self, at: Key) -> Record | None:
        """The null version, if it is not the current one."""
        prefix = places.name(at.name, "")
        query = Query(at.account, "", VERSION, parent=at.parent, name_prefix=prefix, states=(NULL,))
        found = self._store.list(query, limit=1).records
        return found[0] if found else None

    def page(self, bucket: str, *, prefix: str, after: tuple[str, str] | None, limit: int) -> Sequence[ObjectInfo]:
        """All versions and markers by key, newest first, from the first one beyond (key, suffix of `places`)."""
        key, suffix = after if after is not None else (None, "")
        objects = Query(self._account, "", OBJECT, parent=bucket, name_prefix=prefix or None, name_after=key)
        others = Query(
            self._account,
            "",
            VERSION,
            parent=bucket,
            name_prefix=places.escaped(prefix) or None,
            name_after=None if key is None else places.name(key, suffix),
        )
        found = [*self._store.list(objects, limit=limit).records, *self._store.list(others, limit=limit).records]
        found.sort(key=lambda record: (places.key_of(record), record.key.kind == VERSION, record.key.name))
        return [ObjectInfo.of(record) for record in found[:limit]]

    # What a write changes. The record that the write is about comes first.

    def putting(self, versioning: Versioning, at: Key, current: Record | None, written: Written) -> list[Change]:
        """A new current version."""
        now = self._clock.now()
        spec: dict[str, Any] = dict(written.spec)
        beside: list[Change] = []
        drops = named_blob(current)
        if versioning:
            before = current if current is not None else self.marker(at.parent, at.name)
            order = self._order(now, before)
            if versioning == "Enabled":
                spec["version"] = places.version_id(order, self._ids.token(_TOKEN))
            else:
                spec["order"] = order
            if current is not None and (versioning == "Enabled" or "version" in current.spec):
                beside.append(self._archived(current))
                drops = None
            if versioning == "Suspended":
                beside += self._dropping_null(at, current)
        if current is None:
            record = Record(
                at, uid=self._ids.uuid(), created=now, modified=now, spec=spec, status=written.kept, tags=written.tags
            )
            return [Change(("create", record), adds=spec.get("blob")), *beside]
        record = replace(current, modified=now, spec=spec, status=written.kept, tags=written.tags)
        return [Change(("update", record), adds=spec.get("blob"), drops=drops), *beside]

    def deleting(self, versioning: Versioning, at: Key, current: Record | None) -> tuple[list[Change], Removed]:
        """Removes what is current; where the bucket versions, puts a delete marker in its place."""
        existed = current is not None
        if not versioning:
            gone = [] if current is None else [Change(("delete", current), drops=named_blob(current))]
            return gone, Removed(existed=existed)
        now = self._clock.now()
        before = current if current is not None else self.marker(at.parent, at.name)
        changes: list[Change] = []
        if current is not None:
            archive = versioning == "Enabled" or "version" in current.spec
            changes.append(Change(("delete", current), drops=None if archive else named_blob(current)))
            if archive:
                changes.append(self._archived(current))
        if versioning == "Suspended":
            changes += self._dropping_null(at, current)
        order = self._order(now, before)
        spec: dict[str, Any] = {"key": at.name, "marker": True, "size": 0, "etag": "", "attributes": {}}
        if versioning == "Enabled":
            spec["version"] = places.version_id(order, self._ids.token(_TOKEN))
        else:
            spec["order"] = order
        changes.append(self._behind(at, spec, modified=now))
        return changes, Removed(spec.get("version", NULL), marker=True, existed=existed)

    def removing(self, at: Key, version: str, found: Record) -> tuple[list[Change], Removed]:
        """Removes a version for good; what is the newest one then is what the key has."""
        removed = Removed(version, marker="marker" in found.spec, existed="marker" not in found.spec)
        rest = [record for record in places.behind(self._store, at, limit=2) if record.key != found.key]
        following = rest[0] if rest else None
        gone = Change(("delete", found), drops=named_blob(found))
        if found.key.kind == VERSION:
            hides = self.current(at.parent, at.name) is None and (
                following is None or places.suffix(found) < places.suffix(following)
            )
            if not hides or following is None or "marker" in following.spec:
                return [gone], removed
            back = Record(
                at,
                uid=self._ids.uuid(),
                created=following.created,
                modified=following.modified,
                spec=_without_key(following.spec),
                status=following.status,
                tags=following.tags,
            )
            return [gone, Change(("create", back)), Change(("delete", following))], removed
        if following is None or "marker" in following.spec:
            return [gone], removed
        back = replace(
            found,
            modified=following.modified,
            spec=_without_key(following.spec),
            status=following.status,
            tags=following.tags,
        )
        return [Change(("update", back), drops=named_blob(found)), Change(("delete", following))], removed

    def _order(self, now: float, before: Record | None) -> int:
        """The order of a new version: the time, but beyond the version before it, whatever the clock did."""
        order = int(now * 1e6)
        return order if before is None else max(order, places.order(before) + 1)

    def _archived(self, current: Record) -> Change:
        """What was current, among the others."""
        spec = {**current.spec, "key": current.key.name}
        if "version" not in spec:
            spec["order"] = places.order(current)
        return self._behind(
            current.key,
            spec,
            modified=current.modified,
            created=current.created,
            kept=current.status,
            tags=current.tags,
        )

    def _behind(
        self,
        at: Key,
        spec: Mapping[str, Any],
        *,
        modified: float,
        created: float | None = None,
        kept: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Change:
        """A new record among those behind the current version."""
        record = Record(
            at,
            uid=self._ids.uuid(),
            created=modified if created is None else created,
            modified=modified,
            spec=spec,
            status=kept or {},
            state="" if "version" in spec else NULL,
            tags=tags or {},
        )
        key = Key(at.account, "", VERSION, at.parent, places.name(at.name, places.suffix(record)))
        return Change(("create", replace(record, key=key)))

    def _dropping_null(self, at: Key, current: Record | None) -> list[Change]:
        """The null version goes when another one takes its place; there is never more than one."""
        if current is not None and "version" not in current.spec:
            return []
        old = self._null(at)
        return [] if old is None else [Change(("delete", old), drops=named_blob(old))]


def _without_key(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name != "key"}
