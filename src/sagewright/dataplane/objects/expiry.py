"""Expiry: carries out a bucket's lifecycle rules on all that is in it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sagewright.base.errors import SagewrightError
from sagewright.dataplane.objects.base import Objects, place_of
from sagewright.dataplane.objects.buckets import Bucket
from sagewright.dataplane.objects.lifecycle import Action, Rule, Seen, due, due_upload, enabled
from sagewright.dataplane.objects.values import NoSuchUpload, ObjectInfo
from sagewright.dataplane.objects.versions import Removed
from sagewright.resources.record import Record

Locked = Callable[[ObjectInfo], bool]
Tell = Callable[[Bucket, ObjectInfo, Action, Removed | None], Sequence[Record]]
"""What else is to be written along with each thing that is done: the version as it was, and what a delete does."""

_PAGE = 1000


class _Changed(SagewrightError):
    """A version is no longer what the rules looked at, or is locked."""


def seen_of(info: ObjectInfo) -> Seen:
    """A current version as rules look at it."""
    return Seen(
        key=info.key,
        size=info.size,
        modified=info.modified,
        tags=info.tags,
        storage_class=info.attributes.get("StorageClass", "STANDARD"),
        marker=info.marker,
    )


def sweep(objects: Objects, bucket: Bucket, *, now: float, locked: Locked, tell: Tell) -> Counter[str]:
    """Do what is due in a bucket; returns how often each kind of thing was done.

    A crash in between loses nothing: what is still due is found by the next sweep. `locked` versions stay.
    """
    rules = enabled(bucket.settings.get("Lifecycle", {}))
    done: Counter[str] = Counter()
    if not rules:
        return done
    prefix = _shared([rule.prefix for rule in rules])
    for versions in _by_key(objects, bucket, prefix):
        for position, info in enumerate(versions):
            seen = replace(
                seen_of(info),
                noncurrent_since=versions[position - 1].modified if position else None,
                newer=max(0, position - 1),
                alone=len(versions) == 1,
            )
            action = due(rules, seen, now)
            if action is not None and _do(objects, bucket, info, action, locked, tell):
                done[action.kind] += 1
    if aborted := _abort_uploads(objects, bucket, rules, now):
        done["abort"] = aborted
    return done


def _shared(prefixes: Sequence[str]) -> str:
    """What all of them begin with."""
    first, last = min(prefixes), max(prefixes)
    return first[: next((at for at, letter in enumerate(first) if last[at : at + 1] != letter), len(first))]


def _by_key(objects: Objects, bucket: Bucket, prefix: str) -> Iterator[list[ObjectInfo]]:
    """All versions of one key at a time, newest first."""
    return (list(group) for _, group in itertools.groupby(_walk(objects, bucket, prefix), key=lambda info: info.key))


def _walk(objects: Objects, bucket: Bucket, prefix: str) -> Iterator[ObjectInfo]:
    after = None
    while page := objects.version_page(bucket.name, prefix=prefix, after=after, limit=_PAGE):
        yield from page
        after = place_of(page[-1])


def _do(objects: Objects, bucket: Bucket, info: ObjectInfo, action: Action, locked: Locked, tell: Tell) -> bool:
    """Carry one action out, unless the version changed since it was looked at, or is locked."""
    try:
        if action.kind == "transition":
            objects.amend(
                bucket.name,
                info.key,
                info.version,
                lambda now: _moved(now, info, action),
                tell=lambda _: tell(bucket, info, action, None),
            )
            return True
        forever = action.kind == "remove" or not bucket.versioning

        def check(current: ObjectInfo | None) -> None:
            if current is None or _identity(current) != _identity(info) or (forever and locked(current)):
                raise _Changed

        version = info.version if action.kind == "remove" else None
        objects.delete(
            bucket.name, info.key, version, check=check, tell=lambda _, what: tell(bucket, info, action, what)
        )
        return True
    except SagewrightError:
        # Overwritten, deleted or locked meanwhile, or the bucket is gone: the next sweep looks again.
        return False


def _identity(info: ObjectInfo) -> tuple[object, ...]:
    return info.version, info.marker, info.modified, info.etag, dict(info.tags)


def _moved(current: ObjectInfo, info: ObjectInfo, action: Action) -> Record:
    if _identity(current) != _identity(info):
        raise _Changed
    spec = current.record.spec
    return replace(
        current.record, spec={**spec, "attributes": {**spec["attributes"], "StorageClass": action.storage_class}}
    )


def _abort_uploads(objects: Objects, bucket: Bucket, rules: Sequence[Rule], now: float) -> int:
    done = 0
    key, identity = None, None
    while uploads := objects.uploads.page(bucket.name, after_key=key, after_id=identity, limit=_PAGE):
        for upload in uploads:
            if due_upload(rules, upload.key, upload.created, now):
                try:
                    objects.uploads.abort(upload)
                    done += 1
                except NoSuchUpload:
                    continue
        key, identity = uploads[-1].key, uploads[-1].id
    return done
