"""Lifecycle configurations: checked and stored here, carried out by `controllers.bucket`.

Rules of the rules: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from sagewright.dataplane.objects.buckets import Bucket
from sagewright.dataplane.objects.expiry import seen_of
from sagewright.dataplane.objects.lifecycle import DAY, enabled, expiry
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.forms import add_delete, add_get, store
from sagewright.operations.s3.refusals import answering, http_date, invalid_argument, invalid_request, malformed_xml
from sagewright.operations.table import Operations

operations = Operations()

_MOST_RULES: Final = 1000
_ID_LIMIT: Final = 255
_ACTIONS: Final = (
    "Expiration",
    "Transitions",
    "NoncurrentVersionTransitions",
    "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
)
_CLASSES: Final = frozenset(
    {"GLACIER", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "DEEP_ARCHIVE", "GLACIER_IR"}
)
_SLOW: Final = {"STANDARD_IA": 30, "ONEZONE_IA": 30}
"""Days that objects stay in STANDARD before they may move there."""
_MINIMUM: Final = "TransitionDefaultMinimumObjectSize"
_MOST_KEPT: Final = 100


@operations
@answering
def put_bucket_lifecycle_configuration(call: Call, request: Params) -> Params:
    rules = (request.get("LifecycleConfiguration") or {}).get("Rules") or []
    if not 1 <= len(rules) <= _MOST_RULES:
        raise malformed_xml()
    stored: list[Params] = []
    for rule in rules:
        _check(rule)
        stored.append(rule if rule.get("ID") else {**rule, "ID": call.services.ids.uuid()})
    if len({rule["ID"] for rule in stored}) != len(stored):
        raise invalid_argument("Rule ID must be unique. Found same ID for more than one rule", "ID", "")
    minimum = request.get(_MINIMUM, "all_storage_classes_128K")
    store(call, request, "Lifecycle", {"Rules": stored, _MINIMUM: minimum})
    return {_MINIMUM: minimum}


for _name in ("get_bucket_lifecycle_configuration", "get_bucket_lifecycle"):
    add_get(
        operations,
        _name,
        "Lifecycle",
        absent=("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    )
add_delete(operations, "delete_bucket_lifecycle", "Lifecycle")


def _check(rule: Params) -> None:
    """Raises MalformedXML, InvalidRequest and InvalidArgument."""
    if rule["Status"] not in ("Enabled", "Disabled") or ("Filter" in rule) == ("Prefix" in rule):
        raise malformed_xml()
    if len(rule.get("ID", "")) > _ID_LIMIT:
        raise invalid_argument("ID length should not exceed allowed limit of 255", "ID", rule["ID"])
    if not any(rule.get(action) for action in _ACTIONS):
        raise invalid_request("At least one action needs to be specified in a rule")
    tags, sizes = _check_filter(rule.get("Filter") or {})
    _check_expiration(rule.get("Expiration"), tags=tags, sizes=sizes)
    _check_abort(rule.get("AbortIncompleteMultipartUpload"), filtered=tags or sizes)
    _check_noncurrent(rule.get("NoncurrentVersionExpiration"))
    for step in rule.get("NoncurrentVersionTransitions") or []:
        _check_noncurrent(step)
        _check_step(step, step.get("NoncurrentDays"))
    _check_transitions(rule)


def _check_filter(filters: Params) -> tuple[bool, bool]:
    """Whether it speaks of tags, and of sizes."""
    if len(filters) > 1:
        raise malformed_xml()
    joined = filters.get("And")
    if joined is not None and len(joined) + max(0, len(joined.get("Tags", [])) - 1) < 2:
        raise malformed_xml()
    members = filters if joined is None else joined
    tags = members.get("Tags") or ([members["Tag"]] if "Tag" in members else [])
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise invalid_request("Duplicate Tag Keys are not allowed.")
    larger, smaller = members.get("ObjectSizeGreaterThan"), members.get("ObjectSizeLessThan")
    if (larger is not None and larger < 0) or (smaller is not None and smaller < 1):
        raise invalid_request("Object sizes in a filter must be positive.")
    if larger is not None and smaller is not None and larger >= smaller:
        raise invalid_request("'ObjectSizeGreaterThan' value must be less than 'ObjectSizeLessThan' value.")
    return bool(tags), larger is not None or smaller is not None


def _check_expiration(expiration: Params | None, *, tags: bool, sizes: bool) -> None:
    if expiration is None:
        return
    if len(expiration) != 1:
        raise malformed_xml()
    if expiration.get("ExpiredObjectDeleteMarker") and (tags or sizes):
        what = "tags" if tags else "object size"
        raise invalid_request(f"ExpiredObjectDeleteMarker cannot be specified with {what}.")
    _check_moment(expiration, "Expiration")


def _check_moment(step: Params, action: str) -> None:
    if "Days" in step and step["Days"] < (1 if action == "Expiration" else 0):
        kind = "positive" if action == "Expiration" else "nonnegative"
        raise invalid_argument(f"'Days' for {action} action must be a {kind} integer", "Days", step["Days"])
    if "Date" in step and step["Date"] % DAY:
        raise invalid_argument("'Date' must be at midnight GMT", "Date", _date(step["Date"]))


def _date(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return str(moment)


def _check_abort(abort: Params | None, *, filtered: bool) -> None:
    if abort is None:
        return
    if filtered:
        raise invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes.")
    days = abort.get("DaysAfterInitiation")
    if days is None:
        raise malformed_xml()
    if days < 1:
        raise invalid_argument(
            "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
            "DaysAfterInitiation",
            days,
        )


def _check_noncurrent(step: Params | None) -> None:
    if step is None:
        return
    days, kept = step.get("NoncurrentDays"), step.get("NewerNoncurrentVersions")
    if days is None:
        raise malformed_xml()
    if days < (0 if "StorageClass" in step else 1):
        raise invalid_argument(
            "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer", "NoncurrentDays", days
        )
    if kept is not None and not 1 <= kept <= _MOST_KEPT:
        raise invalid_argument(
            f"'NewerNoncurrentVersions' must be an integer between 1 and {_MOST_KEPT}", "NewerNoncurrentVersions", kept
        )


def _check_step(step: Params, days: int | None) -> None:
    storage_class = step.get("StorageClass")
    if storage_class not in _CLASSES:
        raise malformed_xml()
    least = _SLOW.get(str(storage_class), 0)
    if days is not None and days < least:
        raise invalid_argument(
            f"'Days' in Transition action must be greater than or equal to {least} for storageClass '{storage_class}'",
            "Days",
            days,
        )


def _check_transitions(rule: Params) -> None:
    steps = rule.get("Transitions") or []
    for step in steps:
        if ("Date" in step) == ("Days" in step):
            raise malformed_xml()
        _check_moment(step, "Transition")
        _check_step(step, step.get("Days"))
    if len({step["StorageClass"] for step in steps}) != len(steps):
        raise invalid_request("'StorageClass' must be different for 'Transition' actions in same 'Rule'")
    expiration = rule.get("Expiration") or {}
    for unit in ("Days", "Date"):
        latest = max((step[unit] for step in steps if unit in step), default=None)
        if latest is not None and unit in expiration and expiration[unit] <= latest:
            raise invalid_argument(
                f"'{unit}' in the Expiration action must be greater than '{unit}' in the Transition action",
                unit,
                expiration[unit],
            )


def told(bucket: Bucket, info: ObjectInfo) -> Params:
    """When an object will expire, as answers say it."""
    lifecycle: dict[str, Any] | None = bucket.settings.get("Lifecycle")
    if not lifecycle:
        return {}
    found = expiry(enabled(lifecycle), seen_of(info))
    if found is None:
        return {}
    try:
        return {"Expiration": f'expiry-date="{http_date(found[0])}", rule-id="{quote(found[1])}"'}
    except (ValueError, OverflowError, OSError):
        # A year that no calendar has.
        return {}
