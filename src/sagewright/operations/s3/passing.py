"""Pass-through: requests about objects of a bucket that is kept elsewhere go there, signed anew, streamed both ways.

Who may is decided here, by our policies; what the answer is, there. Nothing of ours is between the two but the
signature, so whatever the endpoint can do with objects works.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote, urlencode

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.attached import error_code, headers_of
from sagewright.dataplane.objects.remote import PIECE, Body, Remote, Reply, UpstreamRefused, file_body
from sagewright.dataplane.objects.upstreams import Upstream
from sagewright.operations.access.needs import deletion
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.bodies import copy_source
from sagewright.operations.s3.objects import copied_content
from sagewright.operations.s3.ranges import copy_range
from sagewright.operations.s3.refusals import (
    access_denied,
    expect_owner,
    hiding,
    in_s3_words,
    no_such_key,
    not_built,
)
from sagewright.wire.checksums import ALGORITHMS
from sagewright.wire.http import Request, Response
from sagewright.wire.protocols.routing import query_flags

_FORWARDED: Final = frozenset(
    {
        "AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject",
        "DeleteObjectTagging", "DeleteObjects", "GetObject", "GetObjectAcl", "GetObjectAttributes",
        "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging", "HeadObject", "ListMultipartUploads",
        "ListObjectVersions", "ListObjects", "ListObjectsV2", "ListParts", "PutObject", "PutObjectAcl",
        "PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging", "UploadPart", "UploadPartCopy",
    }
)  # fmt: skip
_LOCAL: Final = frozenset(
    {
        "CreateBucket", "DeleteBucketCors", "DeleteBucketPolicy", "DeleteBucketTagging", "DeletePublicAccessBlock",
        "GetBucketCors", "GetBucketLocation", "GetBucketPolicy", "GetBucketPolicyStatus", "GetBucketTagging",
        "GetPublicAccessBlock", "HeadBucket", "PutBucketCors", "PutBucketPolicy", "PutBucketTagging",
        "PutPublicAccessBlock",
    }
)  # fmt: skip
"""What says who may reach the bucket here."""

_SENT: Final = re.compile(
    r"(?!x-amz-(?:date|content-sha256|security-token|decoded-content-length|trailer|te|expected-bucket-owner|"
    r"source-expected-bucket-owner|user-agent)$)"
    r"(?:x-amz-.*|content-(?:type|md5|disposition|language|encoding)|cache-control|expires|range|if-.*)"
)
"""The headers that are about the object."""
_SIGNING: Final = re.compile(r"X-Amz-[A-Za-z-]+|AWSAccessKeyId|Signature|Expires|x-id")
"""The parameters that are about the request's signature, or about nothing."""
_GIVEN_BACK: Final = re.compile(
    r"(?!x-amz-request-id$)(?:x-amz-.*|content-.*|etag|last-modified|cache-control|expires|accept-ranges|location)"
)
_SMALL: Final = 1 << 20
"""Bytes of a body that is read whole before it is sent on."""
_PATIENCE: Final = 60.0
"""Seconds that a client may send nothing."""
_OF_KEYS: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed"}
)
_OF_COPIES: Final = re.compile(r"x-amz-(?:copy-source.*|(?:metadata|tagging)-directive|tagging|meta-.*)")
_OF_MARKERS: Final = ("x-amz-delete-marker", "x-amz-version-id")
_NAMES: Final = ("Name", "Bucket", "BucketName")
T = TypeVar("T")


async def passed(call: Call, request: Params, http: Request, body: Any) -> Response | Params | None:
    """The endpoint's answer, or members of one; None for what is answered here.

    `http` is the request in path style, `body` its bytes or the stream that checks itself.
    """
    upstream = call.services.objects.upstreams.of(request.get("Bucket", ""))
    if upstream is None or call.operation in _LOCAL:
        return None
    if call.operation not in _FORWARDED:
        raise not_built(
            f"keep settings of a bucket that is passed through ({call.operation}): set them at {upstream.endpoint}"
        )
    with hiding(call, request), in_s3_words():
        expect_owner(call, request)
        if call.operation == "DeleteObjects":
            _check_deletions(call, request)
        if "CopySource" in request:
            brought = await _copied(call, request, http, upstream)
            if not isinstance(brought, Request):
                return brought
            http = brought
        reply = await _sent(call, request, http, upstream, body)
        return await _answer(call, request, upstream, reply, http.method)


def _check_deletions(call: Call, request: Params) -> None:
    """All keys or none: the document goes on as it is. Raises AccessDenied."""
    for entry in request["Delete"].get("Objects") or []:
        refused = call.services.gate.refusal(call, request, deletion(request, entry))
        if refused is not None:
            raise refused


# There.


async def _sent(call: Call, request: Params, http: Request, upstream: Upstream, body: Any) -> Reply:
    headers = {name: value for name, value in http.headers.items() if _SENT.fullmatch(name)}
    query = []
    for name, value in query_flags(http.query).items():
        if name.startswith("x-amz-"):  # a header, where presigners put it
            if _SENT.fullmatch(name):
                headers.setdefault(name, value)
        elif not _SIGNING.fullmatch(name):
            query.append((name, value))
    codings = [each.strip() for each in headers.pop("content-encoding", "").split(",")]
    if coding := ",".join(each for each in codings if each and each != "aws-chunked"):
        headers["content-encoding"] = coding
    remote, key = call.services.objects.remote, request.get("Key", "")
    carried = await _carried(http, body, headers)
    return await _in_pool(
        remote,
        lambda: remote.send(upstream, http.method, key, query=sorted(query), headers=headers, body=carried),
    )


async def _in_pool(remote: Remote, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(remote.pool, work)


async def _carried(http: Request, body: Any, headers: dict[str, str]) -> bytes | Body:
    """The body to send, and in `headers` the checksum that came behind it, where that is known already."""
    if body is None or isinstance(body, bytes):
        return body or b""
    declared = http.headers.get("x-amz-decoded-content-length") or http.headers.get("content-length")
    trailer = _trailer(http)
    if declared is None or not declared.isdigit() or int(declared) <= _SMALL:
        data = bytearray()
        async for piece in body:
            data += piece
            if len(data) > _SMALL and declared is None:
                raise AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", status=411)
        _check_length(declared, len(data))
        if trailer is not None:
            headers[trailer] = body.trailers[trailer]
        return bytes(data)
    return _streamed(body, int(declared), trailer)


def _check_length(declared: str | None, length: int) -> None:
    if declared is not None and declared.isdigit() and int(declared) != length:
        raise AwsError(
            "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header."
        )


def _trailer(http: Request) -> str | None:
    """The header of the checksum that comes behind the body."""
    names = [name.strip().lower() for name in http.headers.get("x-amz-trailer", "").split(",")]
    return next((name for name in names if name.startswith("x-amz-checksum-")), None)


def _streamed(body: Any, length: int, trailer: str | None) -> Body:
    loop = asyncio.get_running_loop()
    pieces = aiter(body)

    async def batch() -> bytes:
        held = bytearray()
        async for piece in pieces:
            held += piece
            if len(held) >= PIECE:
                break
        return bytes(held)

    def pulled() -> Iterator[bytes]:
        """Called in a worker, which waits for the loop to have read on."""
        while piece := _awaited(asyncio.run_coroutine_threadsafe(batch(), loop)):
            yield piece

    if trailer is None:
        return Body(pulled(), length)
    width = -(-ALGORITHMS[trailer.removeprefix("x-amz-checksum-").upper()] // 3) * 4
    return Body(pulled(), length, trailer=trailer, width=width, value=lambda: body.trailers[trailer])


def _awaited(reading: Future[bytes]) -> bytes:
    try:
        return reading.result(_PATIENCE)
    except TimeoutError:
        reading.cancel()
        raise AwsError(
            "RequestTimeout",
            "Your socket connection to the server was not read from or written to within the timeout period.",
        ) from None


# And back.


async def _answer(call: Call, request: Params, upstream: Upstream, reply: Reply, method: str) -> Response:
    headers = {name: value for name, value in reply.headers.items() if _GIVEN_BACK.fullmatch(name)}
    headers["x-amz-request-id"] = call.request_id
    remote = call.services.objects.remote
    if reply.status in (200, 206) and call.operation == "GetObject":
        return Response(reply.status, headers, _pieces(remote, reply))
    content = await _in_pool(remote, lambda: _whole(reply))
    if reply.status >= 300:
        _check_answer(request, upstream, reply, content)
    if method == "HEAD":
        return Response(reply.status, headers, b"")
    headers.pop("content-length", None)
    return Response(reply.status, headers, _renamed(content, upstream.bucket, request["Bucket"]))


def _whole(reply: Reply) -> bytes:
    with reply:
        return reply.read()


async def _pieces(remote: Remote, reply: Reply) -> AsyncIterator[bytes]:
    try:
        while piece := await _in_pool(remote, lambda: reply.read(PIECE)):
            yield piece
    finally:
        reply.abandon()


def _check_answer(request: Params, upstream: Upstream, reply: Reply, content: bytes) -> None:
    """Raises for answers that are about us, not about the client's request."""
    code = error_code(content)
    if code in _OF_KEYS:
        raise access_denied(f": {UpstreamRefused(upstream, code)}")
    if code == "NoSuchBucket" or (300 <= reply.status < 400 and reply.status != 304):
        raise UpstreamRefused(upstream, code or str(reply.status))
    if reply.status == 404 and code in ("", "NoSuchKey") and "Key" in request:
        told = {name: value for name, value in reply.headers.items() if name in _OF_MARKERS}
        raise no_such_key(request["Key"], headers=told)


def _renamed(content: bytes, there: str, here: str) -> bytes:
    """A document with the bucket's name as it is here."""
    if there == here:
        return content
    for name in _NAMES:
        content = content.replace(f"<{name}>{there}</{name}>".encode(), f"<{name}>{here}</{name}>".encode())
    return content


# Copies.


async def _copied(call: Call, request: Params, http: Request, upstream: Upstream) -> Request | Response | Params:
    """The request to copy there, if source and target are both there; else what came of bringing the source."""
    path, _, version = request["CopySource"].partition("?")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    source = call.services.objects.upstreams.of(bucket)
    if source is None or not source.beside(upstream):
        reply = await _in_pool(call.services.objects.remote, lambda: _brought(call, request, http, upstream))
        if reply.status >= 300:
            return await _answer(call, request, upstream, reply, "PUT")
        reply.close()
        member = "CopyObjectResult" if call.operation == "CopyObject" else "CopyPartResult"
        told: Params = {member: {"ETag": reply.headers["etag"], "LastModified": int(call.now)}}
        version = reply.headers.get("x-amz-version-id", "")
        return {**told, "VersionId": version} if version else told
    expect_owner(call, request, "ExpectedSourceBucketOwner", bucket)
    named = quote(f"{source.bucket}/{key}", safe="/~") + (f"?{version}" if version else "")
    return replace(http, headers={**http.headers, "x-amz-copy-source": named})


def _brought(call: Call, request: Params, http: Request, upstream: Upstream) -> Reply:
    """Put what another bucket holds. Blocks."""
    opened = copy_source(call, request)
    headers = {
        name: value
        for name, value in http.headers.items()
        if name.startswith("x-amz-") and _SENT.fullmatch(name) and not _OF_COPIES.fullmatch(name)
    }
    query: list[tuple[str, str]] = []
    start, length = 0, opened.info.size
    if call.operation == "CopyObject":
        attributes, tags = copied_content(request, opened)
        headers |= headers_of(attributes)
        if tags:
            headers["x-amz-tagging"] = urlencode(tags, quote_via=quote)
    else:
        query = [("partNumber", str(request["PartNumber"])), ("uploadId", request["UploadId"])]
        if "CopySourceRange" in request:
            span = copy_range(request["CopySourceRange"], length)
            start, length = span.start, span.length
    send = call.services.objects.remote.send
    if opened.path is None:
        body = opened.info.data[start : start + length]
        return send(upstream, "PUT", request["Key"], query=query, headers=headers, body=body)
    with opened.path.open("rb") as file:
        body_of_file = file_body(file.fileno(), start, length)
        return send(upstream, "PUT", request["Key"], query=query, headers=headers, body=body_of_file)
