"""What S3 keeps of an object beside its bytes, and gives back with it. Tags too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.operations.call import Params
from sagewright.operations.s3.refusals import invalid_argument, not_built

_CONTENT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
)
"""Kept by a copy; the rest is said anew by every writer."""

_STORAGE = ("StorageClass", "WebsiteRedirectLocation")

_DEFAULT_TYPE = "binary/octet-stream"
_METADATA_LIMIT = 2048
_KEY_LIMIT = 1024
_CLASSES = frozenset(
    {
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "DEEP_ARCHIVE",
        "GLACIER_IR",
    }
)

_UNBUILT = {
    "WriteOffsetBytes": "append to objects",
    "ObjectLockEventHold": "hold versions until an event (ObjectLockEventHold)",
    "ObjectLockEventHoldDurationDays": "hold versions until an event (ObjectLockEventHold)",
    "ObjectLockEventHoldDurationYears": "hold versions until an event (ObjectLockEventHold)",
}


def check_key(key: str) -> None:
    """Raises KeyTooLongError for more than 1024 bytes of UTF-8."""
    size = len(key.encode())
    if size > _KEY_LIMIT:
        raise AwsError(
            "KeyTooLongError",
            "Your key is too long",
            fields={"Size": size, "MaxSizeAllowed": _KEY_LIMIT},
        )


def refuse_unbuilt(request: Params) -> None:
    """Raises NotImplemented for what would be silently lost."""
    for member, what in _UNBUILT.items():
        if member in request:
            raise not_built(what)


def of_write(request: Params) -> dict[str, Any]:
    """What a put, a copy that replaces, or the start of an upload says about its object."""
    return {"ContentType": _DEFAULT_TYPE, **_content(request)}


def of_storage(request: Params) -> dict[str, Any]:
    """What every writer says anew."""
    if request.get("StorageClass", "STANDARD") not in _CLASSES:
        raise AwsError(
            "InvalidStorageClass",
            "The storage class you specified is not valid",
            fields={"StorageClassRequested": request["StorageClass"]},
        )
    return {name: request[name] for name in _STORAGE if name in request}


def of_source(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What a copy takes over."""
    return {name: attributes[name] for name in _CONTENT if name in attributes}


def _content(request: Params) -> dict[str, Any]:
    kept = {name: request[name] for name in _CONTENT if name in request}
    metadata = kept.get("Metadata", {})
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > _METADATA_LIMIT:
        raise AwsError(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            fields={"Size": size, "MaxSizeAllowed": _METADATA_LIMIT},
        )
    if "ContentEncoding" in kept:
        # `aws-chunked` says how the request came, not what the object is.
        codings = [coding.strip() for coding in kept["ContentEncoding"].split(",")]
        kept["ContentEncoding"] = ",".join(coding for coding in codings if coding != "aws-chunked")
        if not kept["ContentEncoding"]:
            del kept["ContentEncoding"]
    return kept


def described(info: ObjectInfo) -> Params:
    """The members that GetObject and HeadObject answer with, whatever part of it is asked for; those about encryption,
    locks and versions are for others to add."""
    attributes = {name: info.attributes[name] for name in (*_CONTENT, *_STORAGE) if name in info.attributes}
    if attributes.get("StorageClass") == "STANDARD":
        del attributes["StorageClass"]
    members: Params = {
        "ContentType": _DEFAULT_TYPE,
        **attributes,
        "AcceptRanges": "bytes",
        "ETag": f'"{info.etag}"',
        "LastModified": int(info.modified),
    }
    if info.tags:
        members["TagCount"] = len(info.tags)
    return members


def storage_class(info: ObjectInfo) -> str:
    """The class it says it is in."""
    return str(info.attributes.get("StorageClass", "STANDARD"))


# Tags.


def tags_of_header(text: str | None) -> dict[str, str]:
    """`x-amz-tagging`: a query string."""
    pairs = parse_qsl(text or "", keep_blank_values=True)
    if len(dict(pairs)) != len(pairs):
        raise invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
            "name duplicates.",
            "x-amz-tagging",
            text,
        )
    return _checked(dict(pairs), limit=10)


def tags_of_set(tag_set: list[Params], *, limit: int) -> dict[str, str]:
    """The tags of a `Tagging` document."""
    tags = {tag["Key"]: tag["Value"] for tag in tag_set}
    if len(tags) != len(tag_set):
        raise AwsError("InvalidTag", "Cannot provide multiple Tags with the same key")
    return _checked(tags, limit=limit)


def _checked(tags: dict[str, str], *, limit: int) -> dict[str, str]:
    if len(tags) > limit:
        kind = "Object" if limit == 10 else "Bucket"
        raise AwsError("BadRequest", f"{kind} tags cannot be greater than {limit}")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128:
            raise AwsError("InvalidTag", "The TagKey you have provided is invalid", fields={"TagKey": key})
        if key.startswith("aws:"):
            raise AwsError("InvalidTag", "System tags cannot be added/updated by requester")
        if len(value) > 256:
            raise AwsError("InvalidTag", "The TagValue you have provided is invalid", fields={"TagValue": value})
    return tags


def as_tag_set(tags: Mapping[str, str]) -> list[Params]:
    """Tags as a document lists them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
