"""Objects that come in parts."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.uploads import Part, Upload
from sagewright.dataplane.objects.values import NoSuchObject, NoSuchUpload, ObjectInfo
from sagewright.operations.call import Call, Params
from sagewright.operations.s3 import attributes as kept
from sagewright.operations.s3 import encryption, integrity, notifications
from sagewright.operations.s3.bodies import check_copy_size, copy_source, received
from sagewright.operations.s3.conditions import write_check
from sagewright.operations.s3.folding import Encoded, fold, page_size, past
from sagewright.operations.s3.objects import copied_from, written
from sagewright.operations.s3.owners import owner
from sagewright.operations.s3.ranges import copy_range
from sagewright.operations.s3.refusals import (
    answering,
    answering_stream,
    invalid_argument,
    invalid_request,
    malformed_xml,
)
from sagewright.operations.s3.writing import said
from sagewright.operations.table import Operations
from sagewright.wire.checksums import Checksum, combined, composite

operations = Operations()

_SMALLEST = 5 << 20
"""Bytes of every part but the last."""
_MOST_PARTS = 10_000


@operations
@answering
def create_multipart_upload(call: Call, request: Params) -> Params:
    kept.check_key(request["Key"])
    kept.refuse_unbuilt(request)
    bucket = call.services.objects.buckets.get(request["Bucket"])
    entry = said(call, request, bucket, kept.of_write(request))
    tags = kept.tags_of_header(request.get("Tagging"))
    sums: Params = {}
    algorithm, kind = request.get("ChecksumAlgorithm"), request.get("ChecksumType")
    if algorithm is not None:
        integrity.check_algorithm(algorithm)
        kind = integrity.check_type(algorithm, kind or integrity.default_type(algorithm))
        sums = {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
    elif kind is not None:
        raise invalid_request(
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
        )
    upload = call.services.objects.begin_upload(
        request["Bucket"], request["Key"], attributes={**entry.attributes, **sums}, tags=tags, kept=entry.kept
    )
    return {
        "Bucket": upload.bucket,
        "Key": upload.key,
        "UploadId": upload.id,
        **sums,
        **encryption.told(upload.attributes),
    }


def _upload(call: Call, request: Params) -> Upload:
    objects = call.services.objects
    objects.buckets.get(request["Bucket"])
    return objects.uploads.get(request["Bucket"], request["Key"], request["UploadId"])


def _number(request: Params) -> int:
    number = request["PartNumber"]
    if not 1 <= number <= _MOST_PARTS:
        raise invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", number)
    return int(number)


@operations
@answering_stream
async def upload_part(call: Call, request: Params) -> Params:
    kept.refuse_unbuilt(request)
    number = _number(request)
    upload, uploads = await asyncio.to_thread(_upload, call, request), call.services.objects.uploads
    encryption.check_reader(request, upload.attributes)
    content, sums = await received(
        call, request, uploads.home(upload, number), also=upload.attributes.get("ChecksumAlgorithm")
    )
    part = await asyncio.to_thread(uploads.put_part, upload, number, content, attributes=sums)
    return {"ETag": f'"{part.etag}"', **sums, **encryption.told(upload.attributes)}


@operations
@answering
def upload_part_copy(call: Call, request: Params) -> Params:
    kept.refuse_unbuilt(request)
    number = _number(request)
    upload = _upload(call, request)
    encryption.check_reader(request, upload.attributes)
    opened = copy_source(call, request)
    start, length = 0, opened.info.size
    if "CopySourceRange" in request:
        span = copy_range(request["CopySourceRange"], opened.info.size)
        start, length = span.start, span.length
    check_copy_size(length)
    algorithm = upload.attributes.get("ChecksumAlgorithm")
    computed = {algorithm: Checksum(algorithm)} if algorithm else {}
    objects = call.services.objects
    content = objects.contents.of_object(
        opened,
        objects.uploads.home(upload, number),
        offset=start,
        length=length,
        watchers=list(computed.values()),
    )
    sums = {integrity.member(name): checksum.digest_b64 for name, checksum in computed.items()}
    part = objects.uploads.put_part(upload, number, content, attributes=sums)
    copied = {"ETag": f'"{part.etag}"', "LastModified": int(part.modified), **sums}
    return {"CopyPartResult": copied, **copied_from(call, opened), **encryption.told(upload.attributes)}


@operations
@answering
def complete_multipart_upload(call: Call, request: Params) -> Params:
    check = write_check(request)
    wanted = (request.get("MultipartUpload") or {}).get("Parts") or []
    if not wanted:
        raise malformed_xml()
    try:
        upload = _upload(call, request)
    except NoSuchUpload:
        info = _completed(call, request)
        if info is None:
            raise
        return _joined(call, info)
    objects = call.services.objects
    parts = _chosen(wanted, {part.number: part for part in objects.uploads.parts(upload)})
    size = sum(part.size for part in parts)
    if request.get("MpuObjectSize", size) != size:
        raise invalid_request("The provided 'x-amz-mp-object-size' header value does not match what was computed.")
    algorithm = upload.attributes.get("ChecksumAlgorithm")
    sums = _whole_checksum(request, upload, algorithm, parts) if algorithm else {}
    attributes = {name: value for name, value in upload.attributes.items() if name != "ChecksumAlgorithm"}
    attributes |= {**sums, "Parts": [_kept(part, algorithm) for part in parts], "UploadId": upload.id}
    etag = integrity.composite_etag([part.etag for part in parts])
    tell = notifications.created(call, objects.buckets.get(upload.bucket))
    info = objects.complete_upload(upload, parts, etag=etag, attributes=attributes, check=check, tell=tell)
    return _joined(call, info)


def _completed(call: Call, request: Params) -> ObjectInfo | None:
    """The object that this upload became: a client that lost the answer asks again."""
    try:
        info = call.services.objects.head(request["Bucket"], request["Key"])
    except NoSuchObject:
        return None
    return info if info.attributes.get("UploadId") == request["UploadId"] else None


def _joined(call: Call, info: ObjectInfo) -> Params:
    return {
        "Location": f"{call.host}/{info.bucket}/{info.key}",
        "Bucket": info.bucket,
        "Key": info.key,
        "ETag": f'"{info.etag}"',
        **integrity.checksums(info.attributes),
        **written(call.services.objects.buckets.get(info.bucket), info),
    }


def _kept(part: Part, algorithm: str | None) -> Params:
    """What the object remembers of a part."""
    sums = {integrity.member(algorithm): part.attributes[integrity.member(algorithm)]} if algorithm else {}
    return {"Size": part.size, **sums}


def _chosen(wanted: Sequence[Params], there: Mapping[int, Part]) -> list[Part]:
    """The parts that a completion names. Raises InvalidPartOrder, InvalidPart and EntityTooSmall."""
    numbers = [entry.get("PartNumber", 0) for entry in wanted]
    if any(later <= earlier for earlier, later in itertools.pairwise(numbers)):
        raise AwsError(
            "InvalidPartOrder",
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
        )
    parts = [_matching(entry, there.get(number)) for entry, number in zip(wanted, numbers, strict=True)]
    for part in parts[:-1]:
        if part.size < _SMALLEST:
            raise AwsError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                fields={
                    "ProposedSize": part.size,
                    "MinSizeAllowed": _SMALLEST,
                    "PartNumber": part.number,
                    "ETag": part.etag,
                },
            )
    return parts


def _matching(entry: Params, part: Part | None) -> Part:
    """The part, if it is what the entry says it is."""
    sums = {name: value for name, value in integrity.checksums(entry).items() if name != "ChecksumType"}
    if (
        part is None
        or entry.get("ETag", "").strip('"') != part.etag
        or any(part.attributes.get(name, value) != value for name, value in sums.items())
    ):
        raise AwsError(
            "InvalidPart",
            "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
            "specified entity tag may not match the part's entity tag.",
            fields={"PartNumber": entry.get("PartNumber", 0), "ETag": entry.get("ETag", "").strip('"')},
        )
    return part


def _whole_checksum(request: Params, upload: Upload, algorithm: str, parts: Sequence[Part]) -> dict[str, Any]:
    """The object's checksum from its parts'. Raises BadDigest when the request expects another."""
    name, kind = integrity.member(algorithm), upload.attributes["ChecksumType"]
    if request.get("ChecksumType", kind) != kind:
        raise invalid_request(
            f"The upload was created using the {kind} checksum mode. The complete request must use the same checksum "
            "mode."
        )
    digests = [part.attributes[name] for part in parts]
    if kind == "COMPOSITE":
        value = composite(algorithm, digests)
    else:
        value = combined(algorithm, zip(digests, (part.size for part in parts), strict=True))
    expected = request.get(name, value)
    # Some clients send a composite checksum without the number of parts behind it.
    if expected not in (value, value.partition("-")[0]):
        raise AwsError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
    return {name: value, "ChecksumType": kind}


@operations
@answering
def abort_multipart_upload(call: Call, request: Params) -> Params:
    call.services.objects.uploads.abort(_upload(call, request))
    return {}


@operations
@answering
def list_parts(call: Call, request: Params) -> Params:
    upload = _upload(call, request)
    limit, after = page_size(request.get("MaxParts", 1000), "max-parts"), request.get("PartNumberMarker", 0)
    found = call.services.objects.uploads.parts(upload, after=after, limit=limit + 1)
    page = found[:limit]
    owned = owner(call.services.objects.account)
    sums = {
        name: upload.attributes[name] for name in ("ChecksumAlgorithm", "ChecksumType") if name in upload.attributes
    }
    result: Params = {
        "Bucket": upload.bucket,
        "Key": upload.key,
        "UploadId": upload.id,
        "PartNumberMarker": after,
        "NextPartNumberMarker": page[-1].number if page else after,
        "MaxParts": limit,
        "IsTruncated": len(found) > limit,
        "Initiator": owned,
        "Owner": owned,
        "StorageClass": upload.attributes.get("StorageClass", "STANDARD"),
        **sums,
    }
    if page:
        result["Parts"] = [_listed(part) for part in page]
    return result


def _listed(part: Part) -> Params:
    return {
        "PartNumber": part.number,
        "LastModified": int(part.modified),
        "ETag": f'"{part.etag}"',
        "Size": part.size,
        **integrity.checksums(part.attributes),
    }


@operations
@answering
def list_multipart_uploads(call: Call, request: Params) -> Params:
    encoded, limit = Encoded(request), page_size(request.get("MaxUploads", 1000), "max-uploads")
    bucket, prefix = request["Bucket"], request.get("Prefix", "")
    objects = call.services.objects
    objects.buckets.get(bucket)
    marker, id_marker = request.get("KeyMarker"), request.get("UploadIdMarker") or None
    place = (marker, id_marker) if marker else None
    page = fold(
        lambda place, size: objects.uploads.page(
            bucket,
            prefix=prefix,
            after_key=place[0] if place else None,
            after_id=place[1] if place else None,
            limit=size,
        ),
        key_of=lambda upload: upload.key,
        place_of=lambda upload: (upload.key, upload.id),
        place_past=lambda common: (past(common), None),
        prefix=prefix,
        delimiter=request.get("Delimiter", ""),
        after=place,
        shown=None,
        limit=limit,
    )
    result: Params = {
        "Bucket": bucket,
        "KeyMarker": encoded(marker or ""),
        "UploadIdMarker": id_marker or "",
        **encoded.echo(request, "Prefix", "Delimiter"),
        "MaxUploads": limit,
        "IsTruncated": page.truncated,
    }
    owned = owner(objects.account)
    if page.entries:
        result["Uploads"] = [_begun(upload, encoded, owned) for upload in page.entries]
    if page.prefixes:
        result["CommonPrefixes"] = encoded.prefixes(page.prefixes)
    if page.truncated:
        last = page.entries[-1] if page.entries and page.entries[-1].key == page.last else None
        result |= {"NextKeyMarker": encoded(page.last), "NextUploadIdMarker": last.id if last else ""}
    return result


def _begun(upload: Upload, encoded: Encoded, owned: Params) -> Params:
    members = {
        name: upload.attributes[name] for name in ("ChecksumAlgorithm", "ChecksumType") if name in upload.attributes
    }
    return {
        "Key": encoded(upload.key),
        "UploadId": upload.id,
        "Initiated": int(upload.created),
        "Initiator": owned,
        "Owner": owned,
        "StorageClass": upload.attributes.get("StorageClass", "STANDARD"),
        **members,
    }
