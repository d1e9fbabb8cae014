"""Remote: signed requests to the endpoint that a bucket is passed through to, streamed both ways.

urllib3 keeps the connections (botocore brings it along); what is signed is ours. See docs/adr/0016.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element

import urllib3
from urllib3.exceptions import HTTPError

from sagewright.base.clock import Clock
from sagewright.base.errors import Terminal, Transient
from sagewright.dataplane.objects.upstreams import Upstream
from sagewright.wire import chunking, sigv4
from sagewright.wire.chunked import Seed
from sagewright.wire.http import Request
from sagewright.wire.protocols.xml_body import load, local

PIECE: Final = 256 * 1024
_CONNECT, _READ = 5.0, 60.0
"""Seconds."""
_AT_ONCE: Final = 32


class UpstreamAway(Transient):
    """The endpoint does not answer, or says itself that it cannot."""

    def __init__(self, upstream: Upstream, why: str) -> None:
        super().__init__(f"The endpoint {upstream.endpoint}, where bucket {upstream.bucket} is kept, {why}. Try again.")


class UpstreamRefused(Terminal):
    """The endpoint says no, for a reason that is ours: the keys, the bucket's name, or what it cannot do."""

    def __init__(self, upstream: Upstream, why: str) -> None:
        super().__init__(
            f"The endpoint {upstream.endpoint}, where bucket {upstream.bucket} is kept, refused: {why}. "
            "`sagewright bucket attach` says where it is, and with which keys."
        )


@dataclass(frozen=True, slots=True)
class Body:
    """A body that is not in memory."""

    pieces: Iterable[bytes]
    length: int
    sha256: str | None = None
    """Its digest in hexadecimal; None to sign it chunk by chunk."""
    trailer: str | None = None
    """The name of a checksum's header that is known at the end, and is then called for; `width` bytes long."""
    width: int = 0
    value: Any = None
    """Called at the end: the trailer's value."""


class Reply:
    """An answer whose body is still on the wire. Read it to its end, or close it, or abandon it."""

    def __init__(self, upstream: Upstream, response: urllib3.BaseHTTPResponse) -> None:
        self._upstream, self._response = upstream, response
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    def read(self, size: int | None = None) -> bytes:
        """The next bytes, b"" at the end. Raises UpstreamAway when the connection breaks."""
        try:
            return self._response.read(size, decode_content=False)
        except (HTTPError, OSError) as error:
            raise UpstreamAway(self._upstream, "broke off its answer") from error

    def pieces(self) -> Iterator[bytes]:
        while piece := self.read(PIECE):
            yield piece

    def document(self) -> Element:
        """The body as XML."""
        with self:
            return load(self.read())

    def close(self) -> None:
        """Let go of it. What little is left is read, so that the connection can be used again."""
        with contextlib.suppress(UpstreamAway):
            self.read(PIECE)
        self.abandon()

    def abandon(self) -> None:
        """Let go of it at once, without waiting for anybody."""
        self._response.close()
        self._response.release_conn()

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Remote:
    """Sends requests. Any thread may; the threads of `pool` are for those who must not wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._http = urllib3.PoolManager(
            maxsize=_AT_ONCE,
            timeout=urllib3.Timeout(connect=_CONNECT, read=_READ),
            retries=False,
            ca_certs=os.environ.get("AWS_CA_BUNDLE"),
        )
        self.pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="upstream")

    def close(self) -> None:
        self.pool.shutdown()
        self._http.clear()

    def send(
        self,
        upstream: Upstream,
        method: str,
        key: str = "",
        *,
        query: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | Body = b"",
    ) -> Reply:
        """Send a request about a bucket or a key (not encoded); header names are lower-case.

        Raises UpstreamAway when nobody answers, or with a status of 500 and more. What `body` raises passes through.
        """
        path = quote(f"/{upstream.bucket}/{key}", safe="/~") if key else f"/{upstream.bucket}"
        spelled = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in query)
        host = upstream.endpoint.partition("://")[2]
        request = Request(method, path, spelled, {**(headers or {}), "host": host}, b"")
        signed, data = self._signed(upstream, request, body)
        target = f"{path}?{spelled}" if spelled else path
        try:
            # Not by the whole address, of which urllib3 would resolve `..`: keys are names.
            response = self._http.connection_from_url(upstream.endpoint).urlopen(
                method, target, body=data, headers=signed, preload_content=False, decode_content=False, redirect=False
            )
        except (HTTPError, OSError) as error:
            raise UpstreamAway(upstream, f"does not answer ({type(error).__name__})") from error
        reply = Reply(upstream, response)
        if reply.status >= 500:
            reply.close()
            raise UpstreamAway(upstream, f"answered {reply.status}")
        return reply

    def _signed(
        self, upstream: Upstream, request: Request, body: bytes | Body
    ) -> tuple[Mapping[str, str], bytes | Iterable[bytes]]:
        """All headers, and the body as it goes over the wire."""
        headers = dict(request.headers)
        payload = None
        if isinstance(body, bytes):
            request = replace(request, body=body)
            if body or request.method in ("PUT", "POST"):
                headers["content-length"] = str(len(body))
        elif body.sha256 is not None:
            payload = body.sha256
            headers["content-length"] = str(body.length)
        else:
            payload = chunking.mode(body.trailer)
            headers |= _chunked_headers(headers, body)
        now = self._clock.now()
        added = sigv4.sign(
            replace(request, headers=headers),
            access_key_id=upstream.access_key_id,
            secret_key=upstream.secret_access_key,
            region=upstream.region,
            service="s3",
            now=now,
            token=upstream.session_token,
            payload=payload,
        )
        signed = {**headers, **added, "accept-encoding": "identity"}
        if isinstance(body, bytes):
            return signed, body
        if body.sha256 is not None:
            return signed, body.pieces
        key = sigv4.signing_key(upstream.secret_access_key, added["x-amz-date"][:8], upstream.region, "s3")
        scope = f"{added['x-amz-date'][:8]}/{upstream.region}/s3/aws4_request"
        signature = added["authorization"].rpartition("Signature=")[2]
        return signed, _chunks(Seed(key, scope, added["x-amz-date"], signature), body)


def _chunked_headers(headers: Mapping[str, str], body: Body) -> dict[str, str]:
    coding = ",".join(filter(None, ("aws-chunked", headers.get("content-encoding"))))
    told = {
        "content-encoding": coding,
        "content-length": str(chunking.encoded_length(body.length, body.trailer, body.width)),
        "x-amz-decoded-content-length": str(body.length),
    }
    return told if body.trailer is None else {**told, "x-amz-trailer": body.trailer}


def _chunks(seed: Seed, body: Body) -> Iterator[bytes]:
    encoder = chunking.ChunkedEncoder(seed)
    held = bytearray()
    for piece in body.pieces:
        held += piece
        while len(held) >= chunking.CHUNK:
            yield encoder.chunk(bytes(held[: chunking.CHUNK]))
            del held[: chunking.CHUNK]
    if held:
        yield encoder.chunk(bytes(held))
    yield encoder.end(body.trailer, body.value() if body.trailer is not None else "")


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def file_body(descriptor: int, offset: int, length: int) -> Body:
    """A piece of a file as a body, hashed beforehand."""

    def pieces() -> Iterator[bytes]:
        position, end = offset, offset + length
        while position < end:
            piece = os.pread(descriptor, min(PIECE, end - position), position)
            if not piece:
                raise EOFError(f"the file ends {end - position} bytes early")
            position += len(piece)
            yield piece

    digest = hashlib.sha256()
    for piece in pieces():
        digest.update(piece)
    return Body(pieces(), length, digest.hexdigest())


def child(element: Element, name: str) -> str:
    """The text of a child element, whatever its namespace; '' without one."""
    return next((each.text or "" for each in element if local(each.tag) == name), "")


def decoded(text: str) -> str:
    """A key of a listing that was asked for with `encoding-type=url`."""
    return unquote(text.replace("+", "%20"))
