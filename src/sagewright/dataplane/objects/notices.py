"""Notices: what happened to objects, in EventBridge's words, for buckets that tell it.

Shapes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagewright.dataplane.objects.buckets import Bucket
from sagewright.dataplane.objects.lifecycle import Action
from sagewright.dataplane.objects.places import order
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.dataplane.objects.versions import Removed
from sagewright.telemetry.events import Event, Events

_BY_RULE = "Lifecycle Expiration"


@dataclass(frozen=True, slots=True)
class Source:
    """Who caused something."""

    requester: str
    """An account, or `s3.amazonaws.com`."""
    request_id: str = ""
    peer: str = ""
    reason: str = ""
    """The operation's name, or `Lifecycle Expiration`."""


def wanted(bucket: Bucket) -> bool:
    """Whether anybody is to hear of what happens in a bucket."""
    return "Notification" in bucket.settings


def created(events: Events, bucket: Bucket, info: ObjectInfo, source: Source) -> None:
    """An object was put."""
    _put(events, bucket, "Object Created", _written(bucket, info), source, {"reason": source.reason})


def removed(events: Events, bucket: Bucket, key: str, what: Removed, source: Source, now: float) -> None:
    """An object was deleted, or a delete marker put before it."""
    kind = "Delete Marker Created" if what.marker and what.existed else "Permanently Deleted"
    thing: dict[str, Any] = {"key": key, "sequencer": f"{int(now * 1e6):016X}"}
    if what.version is not None:
        thing["version-id"] = what.version
    _put(events, bucket, "Object Deleted", thing, source, {"reason": source.reason, "deletion-type": kind})


def said(events: Events, bucket: Bucket, info: ObjectInfo, what: str, source: Source) -> None:
    """Something about an object changed: `Object Tags Added`, `Object ACL Updated`."""
    _put(events, bucket, what, _named(bucket, info), source, {})


def swept(events: Events, bucket: Bucket, info: ObjectInfo, action: Action, what: Removed | None, now: float) -> None:
    """A lifecycle rule did something."""
    if not wanted(bucket):
        return
    source = Source("s3.amazonaws.com", reason=_BY_RULE)
    if what is None:
        more = {"destination-storage-class": action.storage_class}
        _put(events, bucket, "Object Storage Class Changed", _written(bucket, info), source, more)
    elif not info.marker:
        removed(events, bucket, info.key, what, source, now)


def _named(bucket: Bucket, info: ObjectInfo) -> dict[str, Any]:
    named = {"key": info.key, "etag": info.etag}
    return {**named, "version-id": info.version} if bucket.versioning else named


def _written(bucket: Bucket, info: ObjectInfo) -> dict[str, Any]:
    return {**_named(bucket, info), "size": info.size, "sequencer": f"{order(info.record):016X}"}


def _put(
    events: Events, bucket: Bucket, what: str, thing: Mapping[str, Any], source: Source, more: Mapping[str, Any]
) -> None:
    detail: dict[str, Any] = {"version": "0", "bucket": {"name": bucket.name}, "object": thing}
    if source.request_id:
        detail["request-id"] = source.request_id
    detail["requester"] = source.requester
    if source.peer:
        detail["source-ip-address"] = source.peer
    account = bucket.record.key.account
    resources = [f"arn:aws:s3:::{bucket.name}"]
    events.put(Event(account, bucket.region, "aws.s3", what, {**detail, **more}, resources))
