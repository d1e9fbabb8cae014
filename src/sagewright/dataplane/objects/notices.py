"""Notices: what happened to objects, told to whoever a bucket's notification setting names.

A notice becomes records that have it delivered (see `dataplane/events/bus.py`). They are written in the same commit as
what happened, so that whenever the server dies, both are there or neither.

Shapes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html for EventBridge,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html for queues and topics.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import quote_plus

import orjson

from sagewright.dataplane.events.bus import Message
from sagewright.dataplane.objects.buckets import Bucket
from sagewright.dataplane.objects.lifecycle import Action
from sagewright.dataplane.objects.places import order
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.dataplane.objects.versions import Removed
from sagewright.resources.record import Record
from sagewright.telemetry.events import Event

SETTING: Final = "Notification"
TARGETS: Final[Mapping[str, str]] = {"QueueConfigurations": "QueueArn", "TopicConfigurations": "TopicArn"}
"""The lists of targets in a bucket's setting, and which member of theirs names the target."""
TITLE: Final = "Amazon S3 Notification"

_BY_RULE: Final = "Lifecycle Expiration"
_PLAIN: Final = ("ObjectCreated", "ObjectRemoved")
"""What the first version of the messages already told of."""


class Bus(Protocol):
    """What notices need of `dataplane.events.bus.Bus`."""

    def deliveries(self, event: Event) -> Sequence[Record]: ...

    def message_record(self, account: str, region: str, message: Message) -> Record: ...


@dataclass(frozen=True, slots=True)
class Source:
    """Who caused something."""

    requester: str
    """An account, or `s3.amazonaws.com`."""
    principal: str = ""
    """An identity as messages have it: `AWS:` and a user id."""
    request_id: str = ""
    peer: str = ""
    reason: str = ""
    """The operation's name, or `Lifecycle Expiration`."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to an object."""

    name: str
    """`ObjectCreated:Put`, as messages and settings name it, without `s3:`."""
    title: str
    """`Object Created`, as EventBridge names it; '' for what it is not told."""
    thing: Mapping[str, Any]
    """The object, as EventBridge shows it."""
    time: float
    source: Source
    more: Mapping[str, Any] = field(default_factory=dict)
    """What EventBridge is told beside the object."""


def wanted(bucket: Bucket) -> bool:
    """Whether anybody is to hear of what happens in a bucket."""
    return SETTING in bucket.settings


def created(bucket: Bucket, info: ObjectInfo, source: Source, how: str) -> Notice:
    """An object was put; `how` is Put, Post, Copy or CompleteMultipartUpload."""
    return Notice(
        f"ObjectCreated:{how}",
        "Object Created",
        _written(bucket, info),
        info.modified,
        source,
        {"reason": source.reason},
    )


def removed(key: str, what: Removed, source: Source, now: float) -> Notice | None:
    """An object was deleted, or a delete marker put before it; None if there was nothing."""
    if not (what.existed or what.marker):
        return None
    marked = what.marker and what.existed
    kind = "Delete Marker Created" if marked else "Permanently Deleted"
    thing: dict[str, Any] = {"key": key, "sequencer": f"{int(now * 1e6):016X}"}
    if what.version is not None:
        thing["version-id"] = what.version
    family = "LifecycleExpiration" if source.reason == _BY_RULE else "ObjectRemoved"
    name = f"{family}:{'DeleteMarkerCreated' if marked else 'Delete'}"
    return Notice(name, "Object Deleted", thing, now, source, {"reason": source.reason, "deletion-type": kind})


def said(bucket: Bucket, info: ObjectInfo, name: str, title: str, source: Source, now: float) -> Notice:
    """Something about an object changed: `ObjectTagging:Put`, `Object Tags Added`."""
    return Notice(name, title, _named(bucket, info), now, source)


def swept(bucket: Bucket, info: ObjectInfo, action: Action, what: Removed | None, now: float) -> Notice | None:
    """A lifecycle rule did something; `what` is what a delete did."""
    source = Source("s3.amazonaws.com", "s3.amazonaws.com", reason=_BY_RULE)
    if what is not None:
        return None if info.marker else removed(info.key, what, source, now)
    more = {"destination-storage-class": action.storage_class}
    title = "Object Storage Class Changed"
    return Notice("LifecycleTransition", title, _written(bucket, info), now, source, more)


def _named(bucket: Bucket, info: ObjectInfo) -> dict[str, Any]:
    named = {"key": info.key, "etag": info.etag}
    return {**named, "version-id": info.version} if bucket.versioning else named


def _written(bucket: Bucket, info: ObjectInfo) -> dict[str, Any]:
    return {**_named(bucket, info), "size": info.size, "sequencer": f"{order(info.record):016X}"}


# To whom, and in which words.


def records(bus: Bus, bucket: Bucket, notice: Notice | None) -> Sequence[Record]:
    """The records that, once created, have a notice delivered to everybody who wants it."""
    if notice is None or not wanted(bucket):
        return ()
    account, setting = bucket.record.key.account, bucket.settings[SETTING]
    found: list[Record] = []
    if "EventBridgeConfiguration" in setting and notice.title:
        found += bus.deliveries(_event(bucket, notice))
    for arn, configuration in targets(setting):
        if wants(configuration, notice.name, notice.thing["key"]):
            body = orjson.dumps({"Records": [_entry(bucket, notice, configuration["Id"])]}).decode()
            found.append(bus.message_record(account, bucket.region, Message(arn, body, title=TITLE)))
    return found


def targets(setting: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(ARN, configuration) of every queue and topic that a setting names."""
    for member, arn in TARGETS.items():
        for configuration in setting.get(member, ()):
            yield configuration[arn], configuration


def wants(configuration: Mapping[str, Any], name: str, key: str) -> bool:
    """Whether a configuration asks for an event by its name, and for this key."""
    events = [event.removeprefix("s3:") for event in configuration["Events"]]
    family = f"{name.partition(':')[0]}:*"
    if name not in events and family not in events:
        return False
    prefix, suffix = affixes(configuration)
    # Users write them plainly, or encoded as messages have keys.
    return any(each.startswith(prefix) and each.endswith(suffix) for each in (key, quote_plus(key, safe="/")))


def affixes(configuration: Mapping[str, Any]) -> tuple[str, str]:
    """(prefix, suffix) that a configuration wants keys to have."""
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    found = {rule["Name"].lower(): rule.get("Value", "") for rule in rules}
    return found.get("prefix", ""), found.get("suffix", "")


def _event(bucket: Bucket, notice: Notice) -> Event:
    source = notice.source
    detail: dict[str, Any] = {"version": "0", "bucket": {"name": bucket.name}, "object": notice.thing}
    if source.request_id:
        detail["request-id"] = source.request_id
    detail["requester"] = source.requester
    if source.peer:
        detail["source-ip-address"] = source.peer
    detail |= notice.more
    account = bucket.record.key.account
    return Event(account, bucket.region, "aws.s3", notice.title, detail, [f"arn:aws:s3:::{bucket.name}"])


_MEMBERS: Final = {"size": "size", "etag": "eTag", "version-id": "versionId", "sequencer": "sequencer"}


def _entry(bucket: Bucket, notice: Notice, configuration: str) -> dict[str, Any]:
    """One of a message's `Records`."""
    source, plain = notice.source, notice.name.startswith(_PLAIN)
    thing = {"key": quote_plus(notice.thing["key"], safe="/*-._")}
    thing |= {told: notice.thing[name] for name, told in _MEMBERS.items() if name in notice.thing}
    told: dict[str, Any] = {
        "eventVersion": "2.1" if plain else "2.3",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": stamp(notice.time),
        "eventName": notice.name,
        "userIdentity": {"principalId": source.principal or source.requester},
        "requestParameters": {"sourceIPAddress": source.peer or source.requester},
        "responseElements": {"x-amz-request-id": source.request_id, "x-amz-id-2": _host_id(source.request_id)},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": bucket.record.key.account},
                "arn": f"arn:aws:s3:::{bucket.name}",
            },
            "object": thing,
        },
    }
    if notice.name == "LifecycleTransition":
        to = {"destinationStorageClass": notice.more["destination-storage-class"]}
        told["lifecycleEventData"] = {"transitionEventData": to}
    return told


def hello_message(bucket: str, request_id: str, now: float) -> str:
    """What a new target gets first."""
    message = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": stamp(now),
        "Bucket": bucket,
        "RequestId": request_id,
        "HostId": _host_id(request_id),
    }
    return orjson.dumps(message).decode()


def stamp(moment: float) -> str:
    """A moment as messages spell it, in milliseconds."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _host_id(request_id: str) -> str:
    return b64encode(hashlib.sha256(request_id.encode()).digest()).decode()
