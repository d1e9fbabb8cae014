"""Bodies in S3's `aws-chunked` encoding, made: for requests of our own whose digest is not known when they begin.

Each chunk is signed, and the body is nothing until its last one has come: whoever stops before leaves no object behind.
Formats as in `chunked`.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from sagewright.wire.chunked import SIGNED, SIGNED_TRAILER, Seed

CHUNK: Final = 256 * 1024
"""Bytes of every chunk but the last one with data."""

_EMPTY: Final = hashlib.sha256(b"").hexdigest()
_SIGNATURE: Final = ";chunk-signature="
_TRAILER_SIGNATURE: Final = "x-amz-trailer-signature:"
_HEX: Final = 64


def mode(trailer: str | None) -> str:
    """What `x-amz-content-sha256` says, with a trailing header of that name or without."""
    return SIGNED if trailer is None else SIGNED_TRAILER


def encoded_length(length: int, trailer: str | None = None, width: int = 0) -> int:
    """The bytes that a body of `length` comes to; `width` is the length of the trailing header's value."""
    full, rest = divmod(length, CHUNK)
    framed = full * (_framed(CHUNK) + CHUNK + 2) + (_framed(rest) + rest + 2 if rest else 0)
    behind = 0 if trailer is None else len(trailer) + 1 + width + 2 + len(_TRAILER_SIGNATURE) + _HEX + 2
    return framed + _framed(0) + behind + 2


def _framed(size: int) -> int:
    return len(f"{size:x}") + len(_SIGNATURE) + _HEX + 2


class ChunkedEncoder:
    """Gives each chunk its frame and its signature, which is chained to the one before."""

    def __init__(self, seed: Seed) -> None:
        self._seed = seed
        self._previous = seed.signature

    def chunk(self, data: bytes) -> bytes:
        """A chunk of exactly `CHUNK` bytes, or of fewer if it is the last."""
        return self._head(data) + data + b"\r\n"

    def end(self, trailer: str | None = None, value: str = "") -> bytes:
        """What closes the body."""
        head = self._head(b"")
        if trailer is None:
            return head + b"\r\n"
        digest = hashlib.sha256(f"{trailer}:{value}\n".encode()).hexdigest()
        signature = self._sign("AWS4-HMAC-SHA256-TRAILER", self._previous, digest)
        return head + f"{trailer}:{value}\r\n{_TRAILER_SIGNATURE}{signature}\r\n\r\n".encode()

    def _head(self, data: bytes) -> bytes:
        digest = hashlib.sha256(data).hexdigest()
        self._previous = self._sign("AWS4-HMAC-SHA256-PAYLOAD", self._previous, _EMPTY, digest)
        return f"{len(data):x}{_SIGNATURE}{self._previous}\r\n".encode()

    def _sign(self, kind: str, *parts: str) -> str:
        text = "\n".join((kind, self._seed.stamp, self._seed.scope, *parts))
        return hmac.digest(self._seed.key, text.encode(), "sha256").hex()
