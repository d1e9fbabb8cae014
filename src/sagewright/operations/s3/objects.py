"""Objects: put, get, head, copy, delete; their attributes, tags and access list."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.values import ObjectInfo, Opened
from sagewright.operations.call import Call, Params
from sagewright.operations.s3 import attributes as kept
from sagewright.operations.s3.bodies import check_copy_size, copy_source, received, sent
from sagewright.operations.s3.buckets import access_list
from sagewright.operations.s3.conditions import Conditions, delete_check, write_check
from sagewright.operations.s3.integrity import ALGORITHMS, check_algorithm, checksums, member
from sagewright.operations.s3.ranges import Span, wanted
from sagewright.operations.s3.refusals import (
    answering,
    answering_stream,
    invalid_argument,
    invalid_request,
    malformed_xml,
)
from sagewright.operations.table import Operations, brief
from sagewright.wire.checksums import Checksum

operations = Operations()

_MOST_DELETED = 1000
_MOST_TAGS = 10


@operations
@answering_stream
async def put_object(call: Call, request: Params) -> Params:
    kept.check_key(request["Key"])
    kept.refuse_unbuilt(request)
    attributes, tags = kept.of_write(request), kept.tags_of_header(request.get("Tagging"))
    check = write_check(request)
    content, sums = await received(call, request)
    if sums:
        attributes |= {**sums, "ChecksumType": "FULL_OBJECT"}
    info = await asyncio.to_thread(
        call.services.objects.put,
        request["Bucket"],
        request["Key"],
        content,
        attributes=attributes,
        tags=tags,
        check=check,
    )
    return {"ETag": f'"{info.etag}"', **checksums(attributes), **_encryption(attributes)}


def _encryption(attributes: Mapping[str, Any]) -> Params:
    return {name: attributes[name] for name in ("ServerSideEncryption", "SSEKMSKeyId") if name in attributes}


@operations
@brief
@answering
def get_object(call: Call, request: Params) -> Params:
    kept.check_version(request)
    opened = call.services.objects.open(request["Bucket"], request["Key"])
    span, result = _read(request, opened.info)
    return {**result, "Body": sent(opened, span)}


@operations
@brief
@answering
def head_object(call: Call, request: Params) -> Params:
    kept.check_version(request)
    return _read(request, call.services.objects.head(request["Bucket"], request["Key"]))[1]


def _read(request: Params, info: ObjectInfo) -> tuple[Span, Params]:
    """Which bytes are asked for, and what is said of them."""
    Conditions.of_read(request).check_read(info)
    span = wanted(request, info)
    result = {**kept.described(info), "ContentLength": span.length}
    if span.partial:
        result |= {"__status__": 206, "ContentRange": span.content_range}
    parts = info.attributes.get("Parts")
    if span.part is not None and parts:
        result["PartsCount"] = len(parts)
    if request.get("ChecksumMode") == "ENABLED":
        # A piece has no checksum of its own, unless it came as a part with one.
        if span.part is not None and parts:
            result |= {**checksums(parts[span.part - 1]), "ChecksumType": info.attributes.get("ChecksumType")}
        elif span.length == span.size:
            result |= checksums(info.attributes)
    result |= {name: request[f"Response{name}"] for name in _OVERRIDES if f"Response{name}" in request}
    return span, {name: value for name, value in result.items() if value is not None}


_OVERRIDES = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
)


@operations
@answering
def copy_object(call: Call, request: Params) -> Params:
    kept.check_key(request["Key"])
    kept.refuse_unbuilt(request)
    check = write_check(request)
    call.services.objects.buckets.get(request["Bucket"])
    opened = copy_source(call, request)
    attributes, tags = _copied(request, opened)
    objects = call.services.objects
    computed = _recomputed(request, opened)
    content = objects.content_of(opened, watchers=list(computed.values()))
    sums: Params = {member(name): checksum.digest_b64 for name, checksum in computed.items()}
    sums = {**sums, "ChecksumType": "FULL_OBJECT"} if sums else checksums(opened.info.attributes)
    attributes |= sums
    info = objects.put(request["Bucket"], request["Key"], content, attributes=attributes, tags=tags, check=check)
    copied = {"ETag": f'"{info.etag}"', "LastModified": int(info.modified), **sums}
    return {"CopyObjectResult": copied, **_encryption(attributes)}


def _copied(request: Params, opened: Opened) -> tuple[dict[str, Any], dict[str, str]]:
    """Attributes and tags of the copy: the source's, or the request's."""
    source = opened.info
    check_copy_size(source.size)
    replace = _directive(request, "MetadataDirective", "x-amz-metadata-directive")
    retag = _directive(request, "TaggingDirective", "x-amz-tagging-directive")
    changes = ("StorageClass", "WebsiteRedirectLocation", "ServerSideEncryption", "SSEKMSKeyId", "ChecksumAlgorithm")
    same = (source.bucket, source.key) == (request["Bucket"], request["Key"])
    if same and not replace and not any(name in request for name in changes):
        raise invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
    attributes = (
        kept.of_write(request) if replace else {**kept.of_source(source.attributes), **kept.of_storage(request)}
    )
    return attributes, kept.tags_of_header(request.get("Tagging")) if retag else dict(source.tags)


def _directive(request: Params, name: str, header: str) -> bool:
    """Whether a directive says REPLACE."""
    value = request.get(name, "COPY")
    if value not in ("COPY", "REPLACE"):
        raise invalid_argument(f"Unknown {name.replace('Directive', ' directive').lower()}.", header, value)
    return bool(value == "REPLACE")


def _recomputed(request: Params, opened: Opened) -> dict[str, Checksum]:
    """The checksum that has to be computed anew: one that is asked for, or one that was made of parts."""
    held = opened.info.attributes
    asked = request.get("ChecksumAlgorithm")
    if asked is not None:
        return {} if member(check_algorithm(asked)) in held and _whole(held) else {asked: Checksum(asked)}
    if _whole(held):
        return {}
    return {name: Checksum(name) for name in ALGORITHMS if member(name) in held}


def _whole(attributes: Mapping[str, Any]) -> bool:
    kind: str = attributes.get("ChecksumType", "FULL_OBJECT")
    return kind == "FULL_OBJECT"


@operations
@answering
def delete_object(call: Call, request: Params) -> Params:
    kept.check_version(request)
    check = delete_check(request, etag="IfMatch", modified="IfMatchLastModifiedTime", size="IfMatchSize")
    call.services.objects.delete(request["Bucket"], request["Key"], check=check)
    return {}


@operations
@answering
def delete_objects(call: Call, request: Params) -> Params:
    entries = request["Delete"].get("Objects") or []
    if not 1 <= len(entries) <= _MOST_DELETED:
        raise malformed_xml()
    objects, bucket = call.services.objects, request["Bucket"]
    deleted: list[Params] = []
    errors: list[Params] = []
    plain: list[str] = []
    for entry in entries:
        try:
            kept.check_version(entry)
            check = delete_check(entry, etag="ETag", modified="LastModifiedTime", size="Size")
            if check is None:
                plain.append(entry["Key"])
            else:
                objects.delete(bucket, entry["Key"], check=check)
        except AwsError as error:
            errors.append({**_named(entry), "Code": error.code, "Message": error.message})
        else:
            deleted.append(_named(entry))
    objects.delete_many(bucket, plain)
    result: Params = {} if request["Delete"].get("Quiet") else {"Deleted": deleted}
    return {**result, "Errors": errors} if errors else result


def _named(entry: Params) -> Params:
    return {name: entry[name] for name in ("Key", "VersionId") if name in entry}


@operations
@brief
@answering
def get_object_attributes(call: Call, request: Params) -> Params:
    kept.check_version(request)
    info = call.services.objects.head(request["Bucket"], request["Key"])
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
    return {"LastModified": int(info.modified), **told}


_ATTRIBUTES = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})


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


@operations
@brief
@answering
def get_object_tagging(call: Call, request: Params) -> Params:
    kept.check_version(request)
    info = call.services.objects.head(request["Bucket"], request["Key"])
    return {"TagSet": kept.as_tag_set(info.tags)}


@operations
@answering
def put_object_tagging(call: Call, request: Params) -> Params:
    kept.check_version(request)
    tags = kept.tags_of_set(request["Tagging"]["TagSet"], limit=_MOST_TAGS)
    call.services.objects.set_tags(request["Bucket"], request["Key"], tags)
    return {}


@operations
@answering
def delete_object_tagging(call: Call, request: Params) -> Params:
    kept.check_version(request)
    call.services.objects.set_tags(request["Bucket"], request["Key"], {})
    return {}


@operations
@brief
@answering
def get_object_acl(call: Call, request: Params) -> Params:
    kept.check_version(request)
    call.services.objects.head(request["Bucket"], request["Key"])
    return access_list(call.services.objects.account)
