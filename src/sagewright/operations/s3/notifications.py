"""Notifications: what a bucket tells of its objects, and to whom: EventBridge, SQS queues, SNS topics."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sagewright.base.errors import SagewrightError
from sagewright.dataplane.events.targets import TARGETS, Delivery, Outlets
from sagewright.dataplane.objects import notices
from sagewright.dataplane.objects.buckets import Bucket
from sagewright.dataplane.objects.notices import SETTING, Source, wanted
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.dataplane.objects.versions import Removed
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.forms import add_get, store
from sagewright.operations.s3.refusals import answering, invalid_argument, not_built
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record

operations = Operations()

_SERVICES: Final = {"QueueConfigurations": "sqs", "TopicConfigurations": "sns"}
_MOST: Final = 100


@operations
@answering
def put_bucket_notification_configuration(call: Call, request: Params) -> Params:
    bucket = call.services.objects.buckets.get(request["Bucket"])
    configuration: Params = request["NotificationConfiguration"]
    if configuration.get("LambdaFunctionConfigurations"):
        raise not_built("run Lambda functions: send a bucket's notifications to SQS, SNS or EventBridge")
    setting: Params = {"EventBridgeConfiguration": {}} if "EventBridgeConfiguration" in configuration else {}
    for member, service in _SERVICES.items():
        if configuration.get(member):
            setting[member] = [_checked(call, bucket, each, member, service) for each in configuration[member]]
    found = list(notices.targets(setting))
    if len(found) > _MOST:
        raise invalid_argument(f"A bucket has at most {_MOST} notifications.", "NotificationConfiguration", len(found))
    _check_overlaps([each for _, each in found])
    if not request.get("SkipDestinationValidation"):
        for arn in dict.fromkeys(arn for arn, _ in found):
            _greet(call, bucket, arn)
    return store(call, request, SETTING, setting or None)


for _name in ("get_bucket_notification_configuration", "get_bucket_notification"):
    add_get(operations, _name, SETTING)


def _checked(call: Call, bucket: Bucket, configuration: Params, member: str, service: str) -> Params:
    """A configuration with its id. Raises InvalidArgument for a target that cannot be one."""
    named = notices.TARGETS[member]
    text = configuration[named]
    try:
        arn = Arn.parse(text)
    except ValueError:
        raise invalid_argument("The ARN could not be parsed", named, text) from None
    if arn.service != service or arn.resource.endswith(".fifo"):
        raise invalid_argument(f"The ARN is not that of a standard {service.upper()} target.", named, text)
    if arn.account != call.services.objects.account:
        raise invalid_argument("The destination belongs to another account.", named, text)
    if arn.region != bucket.region:
        raise invalid_argument(
            "The notification destination service region is not valid for the bucket location constraint", named, text
        )
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    names = [rule.get("Name", "").lower() for rule in rules]
    for name in names:
        if name not in ("prefix", "suffix"):
            raise invalid_argument("filter rule name must be either prefix or suffix", "FilterRule.Name", name)
        if names.count(name) > 1:
            raise invalid_argument(f"Cannot specify more than one {name} rule in a filter.", "FilterRule.Name", name)
    return {"Id": call.services.ids.token(), **configuration}


def _check_overlaps(configurations: Sequence[Mapping[str, Any]]) -> None:
    """Of two that want the same event, no key may fit both. Raises InvalidArgument."""
    for one, other in itertools.combinations(configurations, 2):
        (prefix, suffix), (other_prefix, other_suffix) = notices.affixes(one), notices.affixes(other)
        prefixed = prefix.startswith(other_prefix) or other_prefix.startswith(prefix)
        suffixed = suffix.endswith(other_suffix) or other_suffix.endswith(suffix)
        if prefixed and suffixed and _shared(one["Events"], other["Events"]):
            raise invalid_argument(
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes "
                "are overlapping for the same event type.",
                "NotificationConfiguration",
                f"{one['Id']}, {other['Id']}",
            )


def _shared(events: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two lists of events have one in common, where `s3:ObjectCreated:*` is a family."""
    return any(
        event == other or (event.partition(":*")[0] == other.rpartition(":")[0] and event.endswith(":*"))
        for a, b in ((events, others), (others, events))
        for event in a
        for other in b
    )


def _greet(call: Call, bucket: Bucket, arn: str) -> None:
    """Send a target the test event that S3 sends first. Raises InvalidArgument when it cannot be reached."""
    services = call.services
    outlets = Outlets(services.logs, services.events, services.neighbours.ask)
    body = notices.hello_message(bucket.name, call.request_id, call.now)
    delivery = Delivery(services.ids.uuid(), Arn.parse(arn), body, {}, "", notices.TITLE)
    try:
        TARGETS[delivery.arn.service].deliver(outlets, delivery)
    except SagewrightError as error:
        raise invalid_argument(
            f"Unable to validate the following destination configurations: {error}", arn, "not reachable"
        ) from error


# What happened, told.


def _source(call: Call) -> Source:
    reason = "PostObject" if call.posted else call.operation
    principal = f"AWS:{call.principal.user_id}" if call.principal.user_id else "Anonymous"
    return Source(call.account, principal, call.request_id, call.peer, reason)


_HOW: Final = {"CopyObject": "Copy", "CompleteMultipartUpload": "CompleteMultipartUpload"}


def created(call: Call, bucket: Bucket) -> Callable[[ObjectInfo], Sequence[Record]]:
    """What an object that is put has told, in the put's own commit."""
    if not wanted(bucket):
        return _nothing
    how = "Post" if call.posted else _HOW.get(call.operation, "Put")
    return lambda info: notices.records(call.services.events, bucket, notices.created(bucket, info, _source(call), how))


def removed(call: Call, bucket: Bucket) -> Callable[[str, Removed], Sequence[Record]]:
    """The same of an object that is deleted, or hidden by a delete marker."""
    if not wanted(bucket):
        return _nothing
    return lambda key, what: notices.records(
        call.services.events, bucket, notices.removed(key, what, _source(call), call.now)
    )


_TITLES: Final[Mapping[str, str]] = {
    "ObjectTagging:Put": "Object Tags Added",
    "ObjectTagging:Delete": "Object Tags Deleted",
    "ObjectAcl:Put": "Object ACL Updated",
    "ObjectRetention:Put": "",  # EventBridge is not told
}


def said(call: Call, bucket: Bucket, name: str) -> Callable[[ObjectInfo], Sequence[Record]]:
    """The same of something about an object that changes: `ObjectTagging:Put`, `ObjectAcl:Put`; '' for nothing."""
    if not name or not wanted(bucket):
        return _nothing
    return lambda info: notices.records(
        call.services.events, bucket, notices.said(bucket, info, name, _TITLES[name], _source(call), call.now)
    )


def _nothing(*_: Any) -> Sequence[Record]:
    return ()
