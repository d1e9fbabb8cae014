"""Bodies in S3's `aws-chunked` encoding, decoded without I/O and checked while they pass.

Formats: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html (signed chunks) and
…/sigv4-streaming-trailers.html (signed and unsigned trailers).

    body    = *(chunk) last-chunk [trailers] CRLF
    chunk   = hex-size [";chunk-signature=" 64hex] CRLF data CRLF
    trailer = name ":" value CRLF
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.wire.http import Request
from sagewright.wire.sigv4 import Signature, signing_key

SIGNED: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
MODES: Final = frozenset({SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER})

_SMALLEST: Final = 8192
"""Every chunk but the last must have so many bytes."""
_LONGEST_LINE: Final = 8192
_LONGEST_TRAILERS: Final = 16_384
_EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
_SIGNATURE: Final = b"chunk-signature="
_TRAILER_SIGNATURE: Final = "x-amz-trailer-signature"


@dataclass(frozen=True, slots=True)
class Seed:
    """What the chunks' signatures are chained to: the request's own signature and the key that made it."""

    key: bytes
    scope: str
    stamp: str
    signature: str


class _State(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()
    DONE = auto()


class ChunkedDecoder:
    """Feed it a body piece by piece; it gives the decoded bytes back.

    Bytes are given out before their chunk's signature is known: nothing may be kept for good before `finish()`
    has returned. All errors are `AwsError`; after one the decoder is of no more use.
    """

    def __init__(
        self,
        mode: str,
        *,
        seed: Seed | None = None,
        verify: bool = True,
        decoded_length: int | None = None,
        announced: Iterable[str] = (),
    ) -> None:
        """`mode` is one of `MODES`; the signed ones need a `seed`, unless `verify` is False, which only takes the
        framing off (a server without authentication). `decoded_length` is `x-amz-decoded-content-length`,
        `announced` the trailers that `x-amz-trailer` names (lower case)."""
        if mode not in MODES or (verify and seed is None and mode != UNSIGNED_TRAILER):
            raise ValueError(f"no decoder for {mode!r}" if mode not in MODES else "signed chunks need a seed")
        self.trailers: dict[str, str] = {}
        """The trailing headers, lower case, once `finish()` has returned."""
        self._seed = seed if verify and mode != UNSIGNED_TRAILER else None
        self._has_trailers = mode != SIGNED
        self._length = decoded_length
        self._announced = frozenset(announced)
        self._state = _State.SIZE
        self._pending = b""
        self._left = 0
        self._decoded = 0
        self._short = False
        self._hash = hashlib.sha256()
        self._expected = ""
        self._previous = seed.signature if seed else ""
        self._trailer_lines: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The decoded pieces that these bytes complete or continue, none of them empty."""
        out: list[bytes] = []
        data = self._pending + data if self._pending else data
        position = 0
        while True:
            if self._state is _State.DATA:
                piece = data[position : position + self._left]
                position += len(piece)
                if not piece:
                    break
                self._take(piece)
                out.append(piece)
                continue
            end = data.find(b"\r\n", position)
            if end < 0 or self._state is _State.DONE:
                break
            self._line(data[position:end])
            position = end + 2
        self._pending = data[position:]
        if self._state is _State.DONE:
            if self._pending:
                raise _malformed_trailer()
        elif self._state is not _State.DATA and len(self._pending) > _LONGEST_LINE:
            raise _bad_size()
        return out

    def finish(self) -> dict[str, str]:
        """Call when the body has ended: checks that it is whole, and gives the trailers."""
        if self._state is _State.TRAILERS:
            # Some clients leave the last line ends out: the transport says as well where the body ends.
            if self._pending:
                self._trailer(self._pending.removesuffix(b"\r"))
            self._trailer(b"")
        if self._state is not _State.DONE:
            raise _incomplete()
        if self._length is not None and self._decoded != self._length:
            raise _incomplete()
        missing = self._announced - self.trailers.keys()
        if missing:
            raise _malformed_trailer()
        return self.trailers

    def _take(self, piece: bytes) -> None:
        self._left -= len(piece)
        self._decoded += len(piece)
        if self._length is not None and self._decoded > self._length:
            raise _incomplete()
        if self._seed is not None:
            self._hash.update(piece)
        if self._left == 0:
            self._state = _State.DATA_END

    def _line(self, line: bytes) -> None:
        """One line of framing, without its line end."""
        match self._state:
            case _State.SIZE:
                self._size(line)
            case _State.DATA_END:
                if line:
                    raise _bad_size()
                self._check_chunk()
                self._state = _State.SIZE
            case _State.TRAILERS:
                self._trailer(line)

    def _size(self, line: bytes) -> None:
        digits, _, extension = line.partition(b";")
        try:
            size = int(digits, 16) if 0 < len(digits) <= 16 and digits.isalnum() else -1
        except ValueError:
            size = -1
        if size < 0:
            raise _bad_size()
        if self._seed is not None:
            if not extension.startswith(_SIGNATURE):
                raise _mismatch()
            self._expected = extension[len(_SIGNATURE) :].decode("latin-1").strip()
        if size == 0:
            self._check_chunk()
            self._state = _State.TRAILERS
            return
        if self._short:
            raise _bad_size()
        self._short = size < _SMALLEST
        self._left = size
        self._state = _State.DATA

    def _check_chunk(self) -> None:
        if self._seed is None:
            return
        seed = self._seed
        text = "\n".join(
            (
                "AWS4-HMAC-SHA256-PAYLOAD",
                seed.stamp,
                seed.scope,
                self._previous,
                _EMPTY_SHA256,
                self._hash.hexdigest(),
            )
        )
        self._compare(text, self._expected)
        self._previous = self._expected
        self._hash = hashlib.sha256()

    def _compare(self, text: str, given: str) -> None:
        assert self._seed is not None
        made = hmac.digest(self._seed.key, text.encode(), "sha256").hex()
        if not hmac.compare_digest(made.encode(), given.encode()):
            raise _mismatch()

    def _trailer(self, line: bytes) -> None:
        if not line:
            self._finish_trailers()
            self._state = _State.DONE
            return
        self._trailer_lines.append(line)
        if not self._has_trailers or sum(map(len, self._trailer_lines)) > _LONGEST_TRAILERS:
            raise _malformed_trailer()

    def _finish_trailers(self) -> None:
        found: dict[str, str] = {}
        for line in self._trailer_lines:
            name, colon, value = line.decode("latin-1").partition(":")
            # Some clients end a trailer with a newline of its own before the line end.
            name, value = name.strip().lower(), value.strip()
            if not colon or not name or name in found:
                raise _malformed_trailer()
            found[name] = value
        given = found.pop(_TRAILER_SIGNATURE, "")
        if self._announced and not found.keys() <= self._announced:
            raise _malformed_trailer()
        if self._seed is not None and (found or given):
            lines = "".join(f"{name}:{found[name]}\n" for name in sorted(found))
            digest = hashlib.sha256(lines.encode()).hexdigest()
            seed = self._seed
            text = "\n".join(("AWS4-HMAC-SHA256-TRAILER", seed.stamp, seed.scope, self._previous, digest))
            self._compare(text, given)
        self.trailers = found


def decoder(request: Request, signature: Signature | None, secret_key: str | None) -> ChunkedDecoder:
    """The decoder for a request whose signature is verified and whose `x-amz-content-sha256` says that it streams.

    With no `secret_key` (a server without authentication) the chunks' signatures are not looked at.
    Raises `AwsError` (400, or 411 for a request without a decoded length).
    """
    mode = request.headers.get("x-amz-content-sha256", "")
    if mode not in MODES:
        raise AwsError("InvalidRequest", f"The payload form {mode[:80]} is not supported.")
    length = request.headers.get("x-amz-decoded-content-length", "")
    if not (length.isascii() and length.isdigit() and len(length) < 20):
        raise AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", status=411)
    seed = None
    if signature is not None and secret_key is not None and mode != UNSIGNED_TRAILER:
        key = signing_key(secret_key, signature.date, signature.region, signature.service)
        seed = Seed(key, signature.scope, signature.stamp, signature.signature)
    names = request.headers.get("x-amz-trailer", "").lower().split(",")
    announced = [name.strip() for name in names if name.strip()]
    return ChunkedDecoder(
        mode, seed=seed, verify=secret_key is not None, decoded_length=int(length), announced=announced
    )


def _bad_size() -> AwsError:
    return AwsError(
        "InvalidChunkSizeError",
        "Only the last chunk is allowed to have a size less than 8192 bytes, and sizes are hex.",
    )


def _incomplete() -> AwsError:
    return AwsError("IncompleteBody", "The request body terminated unexpectedly, or is not as long as its headers say.")


def _malformed_trailer() -> AwsError:
    return AwsError(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    )


def _mismatch() -> AwsError:
    return AwsError(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
        status=403,
    )
