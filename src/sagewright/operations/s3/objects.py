"""Objects: put, get, head, copy."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sagewright.dataplane.objects.buckets import Bucket
from sagewright.dataplane.objects.values import ObjectInfo, Opened
from sagewright.operations.call import Call, Params
from sagewright.operations.s3 import attributes as kept
from sagewright.operations.s3 import encryption, lifecycles, locks, notifications, versioning
from sagewright.operations.s3.bodies import bucket_of, check_copy_size, copy_source, received, sent
from sagewright.operations.s3.conditions import Conditions, write_check
from sagewright.operations.s3.integrity import check_algorithm, check_signed_for_lock, checksums, member
from sagewright.operations.s3.ranges import Span, wanted
from sagewright.operations.s3.refusals import answering, answering_stream, invalid_argument, invalid_request
from sagewright.operations.s3.writing import said
from sagewright.operations.table import Operations, brief
from sagewright.wire.checksums import ALGORITHMS, Checksum

operations = Operations()


@operations
@answering_stream
async def put_object(call: Call, request: Params) -> Params:
    kept.check_key(request["Key"])
    kept.refuse_unbuilt(request)
    bucket, objects = await bucket_of(call, request), call.services.objects
    entry = said(call, request, bucket, kept.of_write(request))
    tags, check = kept.tags_of_header(request.get("Tagging")), write_check(request)
    check_signed_for_lock(call, request)
    content, sums = await received(call, request, objects.home(request["Bucket"], request["Key"]))
    attributes = {**entry.attributes, **sums, "ChecksumType": "FULL_OBJECT"} if sums else entry.attributes
    info = await asyncio.to_thread(
        objects.put,
        request["Bucket"],
        request["Key"],
        content,
        attributes=attributes,
        tags=tags,
        kept=entry.kept,
        check=check,
        tell=notifications.created(call, bucket),
    )
    return {"ETag": f'"{info.etag}"', **checksums(attributes), **written(bucket, info)}


def written(bucket: Bucket, info: ObjectInfo) -> Params:
    """What every writer is told of its new version."""
    return {**encryption.told(info.attributes), **versioning.told(bucket, info), **lifecycles.told(bucket, info)}


@operations
@brief
@answering
def get_object(call: Call, request: Params) -> Params:
    opened = call.services.objects.open(request["Bucket"], request["Key"], versioning.asked(request))
    span, result = _read(call, request, opened.info)
    return {**result, "Body": sent(opened, span)}


@operations
@brief
@answering
def head_object(call: Call, request: Params) -> Params:
    info = call.services.objects.head(request["Bucket"], request["Key"], versioning.asked(request))
    return _read(call, request, info)[1]


def _read(call: Call, request: Params, info: ObjectInfo) -> tuple[Span, Params]:
    """Which bytes are asked for, and what is said of them."""
    versioning.readable(info)
    encryption.check_reader(request, info.attributes)
    Conditions.of_read(request).check_read(info)
    span = wanted(request, info)
    bucket = call.services.objects.buckets.get(info.bucket)
    result = {**kept.described(info), **written(bucket, info), **locks.told(info), "ContentLength": span.length}
    if span.partial:
        result |= {"__status__": 206, "ContentRange": span.content_range}
    parts = info.attributes.get("Parts")
    if span.part is not None and parts:
        result["PartsCount"] = len(parts)
    if request.get("ChecksumMode", "").upper() == "ENABLED":
        # A piece has no checksum of its own, unless it came as a part with one.
        if span.part is not None and parts:
            result |= {**checksums(parts[span.part - 1]), "ChecksumType": info.attributes.get("ChecksumType")}
        elif span.length == span.size:
            result |= checksums(info.attributes)
    result |= _overridden(request)
    return span, {name: value for name, value in result.items() if value is not None}


def _overridden(request: Params) -> Params:
    """What the reader wants said instead of what was kept. Raises InvalidArgument for what no header can say."""
    found = {name: request[f"Response{name}"] for name in _OVERRIDES if f"Response{name}" in request}
    for name, value in found.items():
        if isinstance(value, str) and any(character in value for character in "\r\n\0"):
            header = "response-" + _OVERRIDES[name]
            raise invalid_argument("A header's value must be one line, without control characters.", header, value)
    return found


_OVERRIDES = {
    "CacheControl": "cache-control",
    "ContentDisposition": "content-disposition",
    "ContentEncoding": "content-encoding",
    "ContentLanguage": "content-language",
    "ContentType": "content-type",
    "Expires": "expires",
}


@operations
@answering
def copy_object(call: Call, request: Params) -> Params:
    kept.check_key(request["Key"])
    kept.refuse_unbuilt(request)
    check, objects = write_check(request), call.services.objects
    bucket = objects.buckets.get(request["Bucket"])
    opened = copy_source(call, request)
    content, tags = copied_content(request, opened)
    entry = said(call, request, bucket, content)
    computed = _recomputed(request, opened)
    copy = objects.contents.of_object(
        opened, objects.home(request["Bucket"], request["Key"]), watchers=list(computed.values())
    )
    sums: Params = {member(name): checksum.digest_b64 for name, checksum in computed.items()}
    sums = {**sums, "ChecksumType": "FULL_OBJECT"} if sums else checksums(opened.info.attributes)
    info = objects.put(
        request["Bucket"],
        request["Key"],
        copy,
        attributes={**entry.attributes, **sums},
        tags=tags,
        kept=entry.kept,
        check=check,
        tell=notifications.created(call, bucket),
    )
    copied = {"ETag": f'"{info.etag}"', "LastModified": int(info.modified), **sums}
    return {"CopyObjectResult": copied, **copied_from(call, opened), **written(bucket, info)}


def copied_from(call: Call, opened: Opened) -> Params:
    """The source's version, as the answer to a copy names it."""
    told = versioning.told(call.services.objects.buckets.get(opened.info.bucket), opened.info)
    return {"CopySourceVersionId": told["VersionId"]} if told else {}


def copied_content(request: Params, opened: Opened) -> tuple[dict[str, Any], dict[str, str]]:
    """Attributes and tags of the copy: the source's, or the request's."""
    source = opened.info
    check_copy_size(source.size)
    replace = _directive(request, "MetadataDirective", "x-amz-metadata-directive")
    retag = _directive(request, "TaggingDirective", "x-amz-tagging-directive")
    same = (source.bucket, source.key) == (request["Bucket"], request["Key"])
    # A version that is named may be copied over the current one: that is how one goes back.
    if same and not replace and not any(name in request for name in _CHANGES) and "?" not in request["CopySource"]:
        raise invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
    attributes = kept.of_write(request) if replace else kept.of_source(source.attributes)
    return attributes, kept.tags_of_header(request.get("Tagging")) if retag else dict(source.tags)


_CHANGES = (
    "StorageClass",
    "WebsiteRedirectLocation",
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "SSECustomerAlgorithm",
    "ChecksumAlgorithm",
)


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
