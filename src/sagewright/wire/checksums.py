"""S3's checksums, computed while a body passes, by `hashlib`, `zlib` and AWS's own `awscrt` (loaded when first needed).

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import hashlib
import importlib
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from functools import cache, reduce
from typing import Any, Final, Protocol

_CRCS: Final = ("CRC32", "CRC32C", "CRC64NVME")
_XXHASHES: Final = {"XXHASH64": "xxhash64", "XXHASH3": "xxhash3_64", "XXHASH128": "xxhash3_128"}
ALGORITHMS: Final[Mapping[str, int]] = {
    "CRC32": 4,
    "CRC32C": 4,
    "CRC64NVME": 8,
    "SHA1": 20,
    "SHA256": 32,
    "SHA512": 64,
    "MD5": 16,
    "XXHASH64": 8,
    "XXHASH3": 8,
    "XXHASH128": 16,
}
"""Names as S3 spells them, and the bytes of their digests."""


class _Digester(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class Checksum:
    """One running checksum. Not for use by two threads at once."""

    def __init__(self, algorithm: str) -> None:
        """`algorithm` is one of `ALGORITHMS`; raises `ValueError` otherwise."""
        self.algorithm = algorithm
        if algorithm not in ALGORITHMS:
            raise ValueError(f"no checksum is called {algorithm!r}")
        if algorithm in _CRCS:
            self._state: _Digester = _Crc(algorithm)
        elif algorithm in _XXHASHES:
            self._state = _XxHash(algorithm)
        else:
            self._state = hashlib.new(algorithm.lower(), usedforsecurity=False)

    def update(self, data: bytes) -> None:
        self._state.update(data)

    def digest(self) -> bytes:
        """The checksum of everything so far, most significant byte first."""
        return self._state.digest()

    @property
    def digest_b64(self) -> str:
        """The same as S3's headers carry it."""
        return b64encode(self.digest()).decode()


def composite(algorithm: str, parts: Iterable[str]) -> str:
    """A multipart object's checksum of type COMPOSITE: that of its parts' digests, and their number.

    `parts` are the parts' base64 checksums in order; the answer reads `<base64>-<parts>`.
    """
    whole = Checksum(algorithm)
    digests = [b64decode(part) for part in parts]
    for digest in digests:
        whole.update(digest)
    return f"{whole.digest_b64}-{len(digests)}"


def combined(algorithm: str, parts: Iterable[tuple[str, int]]) -> str:
    """The CRC of all bytes in base64, from the parts' CRCs (base64) and sizes, without reading a byte."""
    combine: Callable[[int, int, int], int] = getattr(_awscrt(), f"combine_{algorithm.lower()}")

    def joined(total: int, part: tuple[str, int]) -> int:
        return combine(total, int.from_bytes(b64decode(part[0]), "big"), part[1])

    return b64encode(reduce(joined, parts, 0).to_bytes(ALGORITHMS[algorithm], "big")).decode()


class _Crc:
    def __init__(self, algorithm: str) -> None:
        # zlib is at hand and as fast: most clients ask for CRC32, and load nothing by that.
        self._advance: Callable[[bytes, int], int] = (
            zlib.crc32 if algorithm == "CRC32" else getattr(_awscrt(), algorithm.lower())
        )
        self._width = ALGORITHMS[algorithm]
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._advance(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


class _XxHash:
    """awscrt's can be read once only; ours is asked again."""

    def __init__(self, algorithm: str) -> None:
        self._running: Any = getattr(_awscrt().XXHash, f"new_{_XXHASHES[algorithm]}")()
        self._done: bytes | None = None

    def update(self, data: bytes, /) -> None:
        if self._done is not None:
            raise ValueError("this checksum was read already: nothing can be added")
        self._running.update(data)

    def digest(self) -> bytes:
        if self._done is None:
            self._done = self._running.finalize()
        return self._done


@cache
def _awscrt() -> Any:
    return importlib.import_module("awscrt.checksums")
