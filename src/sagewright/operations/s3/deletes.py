"""Objects deleted: one, or many in one request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.base import Check
from sagewright.dataplane.objects.buckets import Bucket
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.dataplane.objects.versions import Removed
from sagewright.operations.access.needs import deletion
from sagewright.operations.call import Call, Params
from sagewright.operations.s3 import locks, notifications
from sagewright.operations.s3.conditions import delete_check
from sagewright.operations.s3.refusals import answering, malformed_xml, not_built
from sagewright.operations.s3.versioning import asked, told_removed
from sagewright.operations.table import Operations

operations = Operations()

_MOST: Final = 1000


@operations
@answering
def delete_object(call: Call, request: Params) -> Params:
    bucket = call.services.objects.buckets.get(request["Bucket"])
    condition = delete_check(request, etag="IfMatch", modified="IfMatchLastModifiedTime", size="IfMatchSize")
    return told_removed(_delete(call, request, bucket, request["Key"], asked(request), condition))


def _delete(
    call: Call, request: Params, bucket: Bucket, key: str, version: str | None, condition: Check | None
) -> Removed:
    """Delete one object, or one version of it for good."""
    if "MFA" in request:
        raise not_built("protect deletes by a second factor (MFA)")
    lock = locks.removal_check(call, bypass=bool(request.get("BypassGovernanceRetention")))

    def check(info: ObjectInfo | None) -> None:
        if condition is not None:
            condition(info)
        # What a new delete marker hides is not removed.
        if version is not None or not bucket.versioning:
            lock(info)

    tell = notifications.removed(call, bucket)
    return call.services.objects.delete(bucket.name, key, version, check=check, tell=tell)


@operations
@answering
def delete_objects(call: Call, request: Params) -> Params:
    entries = request["Delete"].get("Objects") or []
    if not 1 <= len(entries) <= _MOST:
        raise malformed_xml()
    deleted: list[Params] = []
    errors: list[Params] = []
    entries = [*_permitted(call, request, errors)]
    if not entries:
        return {"Errors": errors}
    bucket = call.services.objects.buckets.get(request["Bucket"])
    plain: dict[str, list[int]] = {}
    for entry in entries:
        named = _named(entry)
        try:
            version = asked(entry)
            condition = delete_check(entry, etag="ETag", modified="LastModifiedTime", size="Size")
            if version is None and condition is None:
                plain.setdefault(entry["Key"], []).append(len(deleted))
                deleted.append(named)
            else:
                removed = _delete(call, request, bucket, entry["Key"], version, condition)
                deleted.append(_entry(named, removed))
        except AwsError as error:
            errors.append({**named, "Code": error.code, "Message": error.message})
    tell = notifications.removed(call, bucket)
    for key, removed in call.services.objects.delete_many(bucket.name, list(plain), tell=tell).items():
        for position in plain[key]:
            deleted[position] = _entry(deleted[position], removed)
    result: Params = {} if request["Delete"].get("Quiet") else {"Deleted": deleted}
    return {**result, "Errors": errors} if errors else result


def _permitted(call: Call, request: Params, errors: list[Params]) -> Iterator[Params]:
    """The keys that the caller may delete; of the others the answer says so, one by one."""
    for entry in request["Delete"]["Objects"]:
        refused = call.services.gate.refusal(call, request, deletion(request, entry))
        if refused is None:
            yield entry
        else:
            errors.append({**_named(entry), "Code": refused.code, "Message": refused.message})


def _named(entry: Params) -> Params:
    return {name: entry[name] for name in ("Key", "VersionId") if name in entry}


def _entry(named: Params, removed: Removed) -> Params:
    """What was deleted, as the answer lists it."""
    return {**named, "DeleteMarker": True, "DeleteMarkerVersionId": removed.version} if removed.marker else named
