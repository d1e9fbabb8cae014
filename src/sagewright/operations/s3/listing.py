"""Listings of a bucket's objects: version 1, version 2, and with all their versions."""

from __future__ import annotations

import base64
import binascii

from sagewright.dataplane.objects.base import Place, place_of, place_past
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.attributes import storage_class
from sagewright.operations.s3.folding import Encoded, Folded, common_prefix, fold, page_size, past
from sagewright.operations.s3.owners import owner
from sagewright.operations.s3.refusals import answering, invalid_argument
from sagewright.operations.table import Operations

operations = Operations()


def _page(call: Call, request: Params, *, after: str | None, shown: str | None, limit: int) -> Folded[ObjectInfo]:
    objects, bucket, prefix = call.services.objects, request["Bucket"], request.get("Prefix", "")
    objects.buckets.get(bucket)
    if shown is not None:
        # The page before ended in this common prefix: go on behind it.
        after = past(shown)
    return fold(
        lambda place, size: objects.page(bucket, prefix=prefix, after=place, limit=size),
        key_of=lambda info: info.key,
        place_of=lambda info: info.key,
        place_past=past,
        prefix=prefix,
        delimiter=request.get("Delimiter", ""),
        after=after,
        shown=shown,
        limit=limit,
    )


def _entry(info: ObjectInfo, encoded: Encoded, owned: Params | None) -> Params:
    entry: Params = {
        "Key": encoded(info.key),
        "LastModified": int(info.modified),
        "ETag": f'"{info.etag}"',
        "Size": info.size,
        "StorageClass": storage_class(info),
    }
    algorithms = [name.removeprefix("Checksum") for name in info.attributes if name.startswith("Checksum")]
    if "Type" in algorithms:
        entry["ChecksumType"] = info.attributes["ChecksumType"]
        entry["ChecksumAlgorithm"] = [name for name in algorithms if name != "Type"]
    if owned is not None:
        entry["Owner"] = owned
    return entry


def _answer(request: Params, page: Folded[ObjectInfo], encoded: Encoded, limit: int, owned: Params | None) -> Params:
    """What both versions of the listing say alike."""
    result: Params = {
        "Name": request["Bucket"],
        "Prefix": encoded(request.get("Prefix", "")),
        **encoded.echo(request, "Delimiter"),
        "MaxKeys": limit,
        "IsTruncated": page.truncated,
    }
    if page.entries:
        result["Contents"] = [_entry(info, encoded, owned) for info in page.entries]
    if page.prefixes:
        result["CommonPrefixes"] = encoded.prefixes(page.prefixes)
    return result


@operations
@answering
def list_objects_v2(call: Call, request: Params) -> Params:
    encoded, limit = Encoded(request), page_size(request.get("MaxKeys", 1000), "max-keys")
    token = request.get("ContinuationToken")
    after, shown = _read_token(token) if token is not None else (request.get("StartAfter"), None)
    page = _page(call, request, after=after, shown=shown, limit=limit)
    owned = owner(call.services.objects.account) if request.get("FetchOwner") else None
    result = _answer(request, page, encoded, limit, owned)
    result |= {"KeyCount": len(page), **encoded.echo(request, "StartAfter")}
    if token is not None:
        result["ContinuationToken"] = token
    if page.truncated:
        result["NextContinuationToken"] = _token(page)
    return result


def _token(page: Folded[ObjectInfo]) -> str:
    """Where a page ended: a key, or a common prefix."""
    kind = "p" if page.prefixes and page.prefixes[-1] == page.last else "k"
    return base64.urlsafe_b64encode(f"{kind}{page.last}".encode()).decode()


def _read_token(token: str) -> tuple[str | None, str | None]:
    """(the key to go on behind, the common prefix to go on behind): one of the two."""
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        text = ""
    if text[:1] not in ("p", "k"):
        raise invalid_argument("The continuation token provided is incorrect", "continuation-token", token)
    return (text[1:], None) if text[0] == "k" else (None, text[1:])


def _shown(marker: str, request: Params) -> str | None:
    """The common prefix that a marker is, when it is one: the page before ended in it."""
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
    return marker if common_prefix(marker, prefix, delimiter) == marker else None


@operations
@answering
def list_objects(call: Call, request: Params) -> Params:
    encoded, limit = Encoded(request), page_size(request.get("MaxKeys", 1000), "max-keys")
    marker, delimiter = request.get("Marker", ""), request.get("Delimiter", "")
    page = _page(call, request, after=marker or None, shown=_shown(marker, request), limit=limit)
    result = _answer(request, page, encoded, limit, owner(call.services.objects.account))
    result["Marker"] = encoded(marker)
    if page.truncated and delimiter:
        # Without a delimiter the last key serves, and S3 leaves this out.
        result["NextMarker"] = encoded(page.last)
    return result


@operations
@answering
def list_object_versions(call: Call, request: Params) -> Params:
    encoded, limit = Encoded(request), page_size(request.get("MaxKeys", 1000), "max-keys")
    marker, version = request.get("KeyMarker", ""), request.get("VersionIdMarker", "")
    if version and not marker:
        raise invalid_argument("A version-id marker cannot be specified without a key marker.", "version-id-marker", "")
    page = _versions(call, request, marker, version, limit)
    owned = owner(call.services.objects.account)
    result: Params = {
        "Name": request["Bucket"],
        "Prefix": encoded(request.get("Prefix", "")),
        **encoded.echo(request, "Delimiter"),
        "MaxKeys": limit,
        "IsTruncated": page.truncated,
        "KeyMarker": encoded(marker),
        "VersionIdMarker": version,
    }
    before = marker if version else None
    versions: list[Params] = []
    markers: list[Params] = []
    for info in page.entries:
        named = {"VersionId": info.version, "IsLatest": info.key != before}
        before = info.key
        if info.marker:
            when = {"Key": encoded(info.key), "LastModified": int(info.modified), "Owner": owned}
            markers.append({**when, **named})
        else:
            versions.append({**_entry(info, encoded, owned), **named})
    if versions:
        result["Versions"] = versions
    if markers:
        result["DeleteMarkers"] = markers
    if page.prefixes:
        result["CommonPrefixes"] = encoded.prefixes(page.prefixes)
    if page.truncated:
        result["NextKeyMarker"] = encoded(page.last)
        if page.entries and page.entries[-1].key == page.last:
            result["NextVersionIdMarker"] = page.entries[-1].version
    return result


def _versions(call: Call, request: Params, marker: str, version: str, limit: int) -> Folded[ObjectInfo]:
    objects, bucket, prefix = call.services.objects, request["Bucket"], request.get("Prefix", "")
    objects.buckets.get(bucket)
    shown = _shown(marker, request) if marker and not version else None
    after: Place | None = None
    if shown is not None:
        after = place_past(past(shown))
    elif marker:
        after = objects.place(bucket, marker, version) if version else place_past(marker)
    return fold(
        lambda place, size: objects.version_page(bucket, prefix=prefix, after=place, limit=size),
        key_of=lambda info: info.key,
        place_of=place_of,
        place_past=lambda common: place_past(past(common)),
        prefix=prefix,
        delimiter=request.get("Delimiter", ""),
        after=after,
        shown=shown,
        limit=limit,
    )
