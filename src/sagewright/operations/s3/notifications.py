"""Notifications: what a bucket tells of its objects, and to whom. EventBridge so far."""

from __future__ import annotations

from typing import Final

from sagewright.dataplane.objects import notices
from sagewright.dataplane.objects.buckets import Bucket
from sagewright.dataplane.objects.notices import Source, wanted
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.dataplane.objects.versions import Removed
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.forms import add_get, store
from sagewright.operations.s3.refusals import answering, not_built
from sagewright.operations.table import Operations

operations = Operations()

_TARGETS: Final = {
    "QueueConfigurations": "SQS queues",
    "TopicConfigurations": "SNS topics",
    "LambdaFunctionConfigurations": "Lambda functions",
}


@operations
@answering
def put_bucket_notification_configuration(call: Call, request: Params) -> Params:
    configuration = request["NotificationConfiguration"]
    for member, what in _TARGETS.items():
        if configuration.get(member):
            raise not_built(f"send a bucket's notifications to {what} (EventBridge works)")
    told: Params | None = {"EventBridgeConfiguration": {}} if "EventBridgeConfiguration" in configuration else None
    return store(call, request, "Notification", told)


for _name in ("get_bucket_notification_configuration", "get_bucket_notification"):
    add_get(operations, _name, "Notification")


# What happened, told.


def _source(call: Call) -> Source:
    return Source(call.account, call.request_id, call.peer, call.operation)


def created(call: Call, bucket: Bucket, info: ObjectInfo) -> None:
    """An object was put."""
    if wanted(bucket):
        notices.created(call.services.events, bucket, info, _source(call))


def removed(call: Call, bucket: Bucket, key: str, what: Removed) -> None:
    """An object was deleted, or a delete marker put before it."""
    if wanted(bucket) and (what.existed or what.marker):
        notices.removed(call.services.events, bucket, key, what, _source(call), call.now)


def said(call: Call, bucket: Bucket, info: ObjectInfo, what: str) -> None:
    """Something about an object changed: `Object Tags Added`, `Object ACL Updated`."""
    if wanted(bucket):
        notices.said(call.services.events, bucket, info, what, _source(call))
