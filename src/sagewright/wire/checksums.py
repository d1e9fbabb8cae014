"""S3's checksums, computed while a body passes: CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5.

With `awscrt` installed (AWS's own library, optional) the CRCs run at memory speed. Without it CRC32 is zlib's and the
other two are computed by `FoldedCrc`, in pure Python at about 100 megabytes a second.
"""

from __future__ import annotations

import hashlib
import importlib
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final, Protocol

_CRCS: Final = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8}
_HASHES: Final = ("SHA1", "SHA256", "SHA512", "MD5")
ALGORITHMS: Final = (*_CRCS, *_HASHES)
"""Names as S3 spells them. Its newer xxHash family is not among them."""
_POLYNOMIALS: Final = {"CRC32C": 0x82F63B78, "CRC64NVME": 0x9A6C9329AC4BC9B5}  # reflected

_Advance = Callable[[bytes, int], int]
"""(data, checksum of what came before) → checksum of both."""


class _Digester(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class Checksum:
    """One running checksum. Not for use by two threads at once."""

    def __init__(self, algorithm: str) -> None:
        """`algorithm` is one of `ALGORITHMS`; raises `ValueError` otherwise."""
        self.algorithm = algorithm
        if algorithm in _CRCS:
            self._state: _Digester = _Crc(_advance(algorithm), _CRCS[algorithm])
        elif algorithm in _HASHES:
            self._state = hashlib.new(algorithm.lower(), usedforsecurity=False)
        else:
            raise ValueError(f"no checksum is called {algorithm!r}")

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


class _Crc:
    def __init__(self, advance: _Advance, width: int) -> None:
        self._advance = advance
        self._width = width
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._advance(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


@cache
def _advance(algorithm: str) -> _Advance:
    if algorithm == "CRC32":
        return zlib.crc32
    native = _native(algorithm)
    return native if native is not None else FoldedCrc(_POLYNOMIALS[algorithm], _CRCS[algorithm]).advance


def _native(algorithm: str) -> _Advance | None:
    try:
        library: Any = importlib.import_module("awscrt.checksums")
    except ImportError:
        return None
    function: _Advance | None = getattr(library, algorithm.lower(), None)
    return function


class FoldedCrc:
    """A reflected CRC without a loop over the bytes of a large block.

    CRCs are linear: the register after bytes A followed by B is that after B with the register after A xored onto
    B's first bytes. So the first half of a block is folded onto the second: each byte's register, `length` zero
    bytes later, is looked up for all bytes at once by `bytes.translate` (one table per byte of the register) and
    xored on as one big integer. Halving goes on until a few bytes are left for the usual table.
    """

    _BLOCK: Final = 65_536
    _SMALL: Final = 64

    def __init__(self, polynomial: int, width: int) -> None:
        self._width = width
        self._mask = (1 << 8 * width) - 1
        self._table = [_divide(byte, polynomial, 8) for byte in range(256)]
        # What a register holding one single bit becomes after one zero byte, then 2, 4, 8, …: linear maps.
        after = [self._zero_byte(1 << bit) for bit in range(8 * width)]
        self._planes: dict[int, list[bytes]] = {}
        length = 1
        while length < self._BLOCK:
            if length >= self._SMALL // 2:
                self._planes[length] = self._tables(after)
            after = [_apply(after, image) for image in after]
            length *= 2

    def advance(self, data: bytes, value: int) -> int:
        register = value ^ self._mask
        for start in range(0, len(data), self._BLOCK):
            register = self._block(data[start : start + self._BLOCK], register)
        return register ^ self._mask

    def _zero_byte(self, register: int) -> int:
        return self._table[register & 0xFF] ^ (register >> 8)

    def _tables(self, after: list[int]) -> list[bytes]:
        images = [_apply(after, byte) for byte in range(256)]
        return [bytes(image >> 8 * plane & 0xFF for image in images) for plane in range(self._width)]

    def _block(self, data: bytes, register: int) -> int:
        # Behind the bytes stand `width` more: the register as it will be when all bytes are gone.
        size = len(data) + self._width
        rest = int.from_bytes(data, "little") ^ register
        left = len(data)
        while left > self._SMALL:
            length = 1 << (left // 2).bit_length() - 1
            head = (rest & ((1 << 8 * length) - 1)).to_bytes(length, "little")
            rest >>= 8 * length
            for plane, registers in enumerate(self._planes[length]):
                rest ^= int.from_bytes(head.translate(registers), "little") << 8 * plane
            left -= length
            size -= length
        tail = rest.to_bytes(size, "little")
        table = self._table
        register = 0
        for byte in tail[:left]:
            register = table[(register ^ byte) & 0xFF] ^ (register >> 8)
        return register ^ int.from_bytes(tail[left:], "little")


def _divide(register: int, polynomial: int, bits: int) -> int:
    for _ in range(bits):
        register = register >> 1 ^ (polynomial if register & 1 else 0)
    return register


def _apply(after: list[int], register: int) -> int:
    """The image of a register under a linear map given by the images of its bits."""
    image = 0
    bit = 0
    while register:
        if register & 1:
            image ^= after[bit]
        register >>= 1
        bit += 1
    return image
