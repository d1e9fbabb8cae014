"""Whether a bucket versions, and which version a request means."""

from __future__ import annotations

from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.buckets import Bucket
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.dataplane.objects.versions import Removed
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.refusals import answering, invalid_argument, is_marker, malformed_xml, not_built
from sagewright.operations.table import Operations

operations = Operations()

_STATES: Final = ("Enabled", "Suspended")


@operations
@answering
def put_bucket_versioning(call: Call, request: Params) -> Params:
    configuration = request["VersioningConfiguration"]
    status = configuration.get("Status")
    if configuration.get("MFADelete") == "Enabled" or "MFA" in request:
        raise not_built("protect deletes by a second factor (MFADelete)")
    if status not in _STATES:
        raise malformed_xml() if status is not None else _no_status()

    def change(bucket: Bucket) -> dict[str, Any]:
        if status == "Suspended" and "ObjectLock" in bucket.settings:
            raise AwsError(
                "InvalidBucketState",
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
                status=409,
            )
        return {"Versioning": status}

    call.services.objects.buckets.configure(request["Bucket"], change)
    return {}


def _no_status() -> AwsError:
    return AwsError("IllegalVersioningConfigurationException", "The Versioning element must be specified")


@operations
@answering
def get_bucket_versioning(call: Call, request: Params) -> Params:
    versioning = call.services.objects.buckets.get(request["Bucket"]).versioning
    return {"Status": versioning} if versioning else {}


def asked(request: Params) -> str | None:
    """The version that a request names."""
    version: str | None = request.get("VersionId")
    if version == "":
        raise invalid_argument("Version id cannot be the empty string", "versionId", "")
    return version


def readable(info: ObjectInfo) -> ObjectInfo:
    """The version itself. Raises MethodNotAllowed (405) for a delete marker."""
    if info.marker:
        raise is_marker(info)
    return info


def told(bucket: Bucket, info: ObjectInfo) -> Params:
    """The version, as answers name it; where nothing versions, none has a name."""
    return {"VersionId": info.version} if bucket.versioning else {}


def told_removed(removed: Removed) -> Params:
    """The same of what a delete removed."""
    if removed.version is None:
        return {}
    return {"VersionId": removed.version, **({"DeleteMarker": True} if removed.marker else {})}
