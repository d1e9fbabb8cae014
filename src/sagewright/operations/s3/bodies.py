"""Bytes in and out: a request's body into content, an object's bytes into an answer, a copy's source."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from sagewright.dataplane.objects.buckets import Bucket
from sagewright.dataplane.objects.values import Content, Opened, Pin
from sagewright.operations.call import Call, FileSlice, Params
from sagewright.operations.s3.conditions import Conditions
from sagewright.operations.s3.copy_source import copy_source as parsed_source
from sagewright.operations.s3.encryption import check_reader
from sagewright.operations.s3.integrity import Declared
from sagewright.operations.s3.ranges import Span
from sagewright.operations.s3.refusals import entity_too_large, expect_owner, invalid_argument, invalid_request
from sagewright.operations.s3.versioning import asked
from sagewright.resources.record import Key

LARGEST = 5 << 30
"""Bytes of one put, part or copy."""


async def received(
    call: Call, request: Params, home: Key, *, also: str | None = None
) -> tuple[Content, dict[str, str]]:
    """The body as content for the record at `home`, and its checksums. Nothing is kept of a body that is not what was
    declared.

    `also` names a checksum to compute in any case.
    """
    declared = Declared(call, request, also=also)
    length = declared.length or 0
    if length > LARGEST:
        raise entity_too_large(length, LARGEST)
    body, contents = request.get("Body", b""), call.services.objects.contents
    if isinstance(body, bytes):
        content = contents.of_bytes(body, home, watchers=declared.watchers)
        trailers: Mapping[str, str] = {}
    else:
        content = await contents.receive(body, home, watchers=declared.watchers, limit=LARGEST)
        trailers = getattr(body, "trailers", {})
    try:
        return content, declared.check(content, trailers)
    except BaseException:
        contents.discard(content)
        raise


async def bucket_of(call: Call, request: Params) -> Bucket:
    """The bucket of a request that runs on the event loop."""
    buckets, name = call.services.objects.buckets, request["Bucket"]
    return buckets.get(name) if call.store.local else await asyncio.to_thread(buckets.get, name)


class PinnedSlice(FileSlice):
    """A piece of a blob that stays on the disk until the answer has been sent."""

    __slots__ = ("pin",)
    pin: Pin | None


def sent(opened: Opened, span: Span) -> bytes | FileSlice:
    """These bytes of an object, to answer with."""
    if opened.path is None:
        return opened.info.data[span.start : span.start + span.length]
    piece = PinnedSlice(opened.path, span.start, span.length)
    object.__setattr__(piece, "pin", opened.pin)
    return piece


def copy_source(call: Call, request: Params) -> Opened:
    """What a copy copies from, once its conditions hold. The address is `bucket/key`, URL-encoded."""
    text = request["CopySource"]
    bucket, key, version = parsed_source(text)
    if not bucket or not key or bucket.startswith("arn:"):
        raise invalid_argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey", _HEADER, text
        )
    expect_owner(call, request, "ExpectedSourceBucketOwner", bucket)
    wanted = None if version is None else asked({"VersionId": version})
    opened = call.services.objects.open(bucket, key, wanted)
    if opened.info.marker:
        raise invalid_request(
            "The source of a copy request may not specifically refer to a delete marker by version id."
        )
    check_reader(request, opened.info.attributes, "CopySource")
    Conditions.of_source(request).check_source(opened.info)
    return opened


_HEADER = "x-amz-copy-source"


def check_copy_size(size: int) -> None:
    """Raises InvalidRequest for more than one copy may carry."""
    if size > LARGEST:
        raise invalid_request(
            f"The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST}"
        )
