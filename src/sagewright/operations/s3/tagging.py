"""Objects' tags, and what can be asked of objects without reading them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.operations.call import Call, Params
from sagewright.operations.s3 import attributes as kept
from sagewright.operations.s3 import encryption, notifications, versioning
from sagewright.operations.s3.integrity import checksums
from sagewright.operations.s3.refusals import answering, invalid_argument
from sagewright.operations.table import Operations, brief
from sagewright.resources.record import Record

operations = Operations()

_MOST_TAGS: Final = 10
_ATTRIBUTES: Final = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})


@operations
@brief
@answering
def get_object_attributes(call: Call, request: Params) -> Params:
    info = _found(call, request)
    encryption.check_reader(request, info.attributes)
    asked = set(request["ObjectAttributes"])
    unknown = asked - _ATTRIBUTES
    if unknown or not asked:
        raise invalid_argument(
            "Invalid attribute name specified.", "x-amz-object-attributes", ",".join(sorted(unknown))
        )
    sums = checksums(info.attributes)
    parts = info.attributes.get("Parts")
    members: Params = {
        "ETag": info.etag,
        "Checksum": sums or None,
        "ObjectParts": _object_parts(request, parts) if parts else None,
        "StorageClass": kept.storage_class(info),
        "ObjectSize": info.size,
    }
    told = {name: value for name, value in members.items() if name in asked and value is not None}
    return {"LastModified": int(info.modified), **told, **_version(call, info)}


def _object_parts(request: Params, parts: list[Params]) -> Params:
    after, most = request.get("PartNumberMarker", 0), min(request.get("MaxParts", 1000), 1000)
    page = list(enumerate(parts, start=1))[after : after + most]
    result: Params = {
        "TotalPartsCount": len(parts),
        "PartNumberMarker": after,
        "MaxParts": most,
        "IsTruncated": after + most < len(parts),
        "NextPartNumberMarker": page[-1][0] if page else after,
    }
    # S3 lists parts only where they have checksums.
    if any(checksums(part) for part in parts):
        result["Parts"] = [{"PartNumber": number, **part} for number, part in page]
    return result


def _found(call: Call, request: Params) -> ObjectInfo:
    info = call.services.objects.head(request["Bucket"], request["Key"], versioning.asked(request))
    return versioning.readable(info)


def _version(call: Call, info: ObjectInfo) -> Params:
    return versioning.told(call.services.objects.buckets.get(info.bucket), info)


@operations
@brief
@answering
def get_object_tagging(call: Call, request: Params) -> Params:
    info = _found(call, request)
    return {"TagSet": kept.as_tag_set(info.tags), **_version(call, info)}


@operations
@answering
def put_object_tagging(call: Call, request: Params) -> Params:
    tags = kept.tags_of_set(request["Tagging"]["TagSet"], limit=_MOST_TAGS)
    return _tagged(call, request, tags, "ObjectTagging:Put")


@operations
@answering
def delete_object_tagging(call: Call, request: Params) -> Params:
    return _tagged(call, request, {}, "ObjectTagging:Delete")


def _tagged(call: Call, request: Params, tags: Mapping[str, str], event: str) -> Params:
    def change(info: ObjectInfo) -> Record:
        return replace(versioning.readable(info).record, tags=tags)

    objects = call.services.objects
    tell = notifications.said(call, objects.buckets.get(request["Bucket"]), event)
    info = objects.amend(request["Bucket"], request["Key"], versioning.asked(request), change, tell=tell)
    return _version(call, info)
