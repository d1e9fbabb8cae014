"""Object lock: versions that nobody may remove, until a moment (retention) or until it is said otherwise (legal hold).

Rules: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.base import Check
from sagewright.dataplane.objects.buckets import Bucket
from sagewright.dataplane.objects.retention import locked
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.operations.call import Call, Params
from sagewright.operations.s3 import notifications
from sagewright.operations.s3.forms import add_get
from sagewright.operations.s3.refusals import access_denied, answering, invalid_argument, invalid_request, malformed_xml
from sagewright.operations.s3.versioning import asked, readable
from sagewright.operations.table import Operations

operations = Operations()

_MODES: Final = ("GOVERNANCE", "COMPLIANCE")
_MOST_DAYS: Final = 36_500
_MOST_YEARS: Final = 100
_DAY: Final = 86_400


def enabled(bucket: Bucket) -> bool:
    """Whether versions in this bucket may be locked."""
    return "ObjectLock" in bucket.settings


def of_write(call: Call, request: Params, bucket: Bucket) -> dict[str, Any]:
    """What a new version keeps of locks: what its writer says, or the bucket's default."""
    mode, until, hold = (request.get(f"ObjectLock{name}") for name in ("Mode", "RetainUntilDate", "LegalHoldStatus"))
    if mode is until is hold is None:
        return _default(bucket, call.now)
    _check_bucket(bucket)
    if (mode is None) != (until is None):
        raise invalid_argument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
            "x-amz-object-lock-mode",
            mode,
        )
    if hold not in (None, "ON", "OFF"):
        raise invalid_argument("Unknown wormMode directive.", "x-amz-object-lock-legal-hold", hold)
    kept = _default(bucket, call.now)
    if mode is not None:
        _check_retention(mode, until, call.now)
        kept["Retention"] = {"Mode": mode, "RetainUntilDate": until}
    if hold is not None:
        kept["LegalHold"] = hold
    return kept


def _default(bucket: Bucket, now: float) -> dict[str, Any]:
    default = bucket.settings.get("ObjectLock", {}).get("Rule", {}).get("DefaultRetention")
    if not default:
        return {}
    moment = datetime.fromtimestamp(now, UTC)
    if "Years" in default:
        # A year after the 29th of February is the 28th.
        day = 28 if (moment.month, moment.day) == (2, 29) else moment.day
        until = moment.replace(year=moment.year + default["Years"], day=day).timestamp()
    else:
        until = now + default["Days"] * _DAY
    return {"Retention": {"Mode": default["Mode"], "RetainUntilDate": until}}


def told(info: ObjectInfo) -> Params:
    """What GetObject and HeadObject say of a version's lock."""
    members: Params = {}
    if "Retention" in info.kept:
        retention = info.kept["Retention"]
        members = {
            "ObjectLockMode": retention["Mode"],
            "ObjectLockRetainUntilDate": retention["RetainUntilDate"],
        }
    return {**members, "ObjectLockLegalHoldStatus": info.kept["LegalHold"]} if "LegalHold" in info.kept else members


def removal_check(call: Call, *, bypass: bool) -> Check:
    """Refuses to remove a version for good that is locked; `bypass` lifts governance."""

    def check(info: ObjectInfo | None) -> None:
        if info is not None and info.kept and locked(info.kept, call.now, bypass=bypass):
            raise access_denied(" because object protected by object lock.")

    return check


def _check_bucket(bucket: Bucket) -> None:
    if not enabled(bucket):
        raise invalid_request("Bucket is missing Object Lock Configuration")


def _check_retention(mode: Any, until: Any, now: float) -> None:
    if mode not in _MODES:
        raise invalid_argument("Unknown wormMode directive.", "x-amz-object-lock-mode", mode)
    if until <= now:
        raise invalid_argument(
            "The retain until date must be in the future!", "x-amz-object-lock-retain-until-date", _spelled(until)
        )


def _spelled(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return str(moment)


# The bucket's configuration.


@operations
@answering
def put_object_lock_configuration(call: Call, request: Params) -> Params:
    configuration = request.get("ObjectLockConfiguration") or {}
    check_configuration(configuration)

    def change(bucket: Bucket) -> dict[str, Any]:
        if bucket.versioning != "Enabled":
            raise AwsError(
                "InvalidBucketState",
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
                status=409,
            )
        return {"ObjectLock": configuration}

    call.services.objects.buckets.configure(request["Bucket"], change)
    return {}


def check_configuration(configuration: Params) -> None:
    """Raises MalformedXML and InvalidArgument."""
    if configuration.get("ObjectLockEnabled") != "Enabled":
        raise malformed_xml()
    default = (configuration.get("Rule") or {}).get("DefaultRetention")
    if default is None:
        return
    days, years = default.get("Days"), default.get("Years")
    if default.get("Mode") not in _MODES or (days is None) == (years is None) or "DefaultEventHold" in default:
        raise malformed_xml()
    for value, most in ((days, _MOST_DAYS), (years, _MOST_YEARS)):
        if value is not None and value < 1:
            raise invalid_argument("Default retention period must be a positive integer value.", "Days", value)
        if value is not None and value > most:
            raise invalid_argument("Default retention period too large.", "Days", value)


add_get(
    operations,
    "get_object_lock_configuration",
    "ObjectLock",
    member="ObjectLockConfiguration",
    absent=("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"),
)


# A version's retention and legal hold.


def _set(call: Call, request: Params, change: Mapping[str, Any], *, bypass: bool) -> Params:
    objects = call.services.objects
    bucket = objects.buckets.get(request["Bucket"])
    _check_bucket(bucket)

    def changed(info: ObjectInfo) -> Mapping[str, Any]:
        held = readable(info).kept.get("Retention")
        if "Retention" in change and held is not None:
            _check_change(held, change["Retention"], call.now, bypass=bypass)
        return change

    tell = notifications.said(call, bucket, "ObjectRetention:Put" if "Retention" in change else "")
    objects.keep(request["Bucket"], request["Key"], changed, asked(request), tell=tell)
    return {}


def _check_change(held: Params, new: Params | None, now: float, *, bypass: bool) -> None:
    """A lock that holds can be made longer; governance can be lifted by who bypasses it."""
    if held["RetainUntilDate"] <= now:
        return
    longer = new is not None and new["RetainUntilDate"] >= held["RetainUntilDate"]
    stricter = new is not None and (new["Mode"] == held["Mode"] or new["Mode"] == "COMPLIANCE")
    if not (longer and stricter) and not (bypass and held["Mode"] == "GOVERNANCE"):
        raise access_denied(" because object protected by object lock.")


@operations
@answering
def put_object_retention(call: Call, request: Params) -> Params:
    retention = request.get("Retention") or {}
    bypass = bool(request.get("BypassGovernanceRetention"))
    if not retention:
        return _set(call, request, {"Retention": None}, bypass=bypass)
    if {"Mode", "RetainUntilDate"} - retention.keys():
        raise malformed_xml()
    _check_retention(retention["Mode"], retention["RetainUntilDate"], call.now)
    kept = {"Mode": retention["Mode"], "RetainUntilDate": retention["RetainUntilDate"]}
    return _set(call, request, {"Retention": kept}, bypass=bypass)


@operations
@answering
def put_object_legal_hold(call: Call, request: Params) -> Params:
    status = (request.get("LegalHold") or {}).get("Status")
    if status not in ("ON", "OFF"):
        raise malformed_xml()
    return _set(call, request, {"LegalHold": status}, bypass=False)


def _get(call: Call, request: Params, what: str) -> Any:
    objects = call.services.objects
    bucket = objects.buckets.get(request["Bucket"])
    kept = readable(objects.head(request["Bucket"], request["Key"], asked(request))).kept
    _check_bucket(bucket)
    if what not in kept:
        raise AwsError(
            "NoSuchObjectLockConfiguration",
            "The specified object does not have a ObjectLock configuration",
            status=404,
            fields={"Key": request["Key"]},
        )
    return kept[what]


@operations
@answering
def get_object_retention(call: Call, request: Params) -> Params:
    return {"Retention": _get(call, request, "Retention")}


@operations
@answering
def get_object_legal_hold(call: Call, request: Params) -> Params:
    return {"LegalHold": {"Status": _get(call, request, "LegalHold")}}
