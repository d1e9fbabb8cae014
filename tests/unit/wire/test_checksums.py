"""Checksums against published check values, and the folding CRC against the plain one."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.wire.checksums import ALGORITHMS, Checksum, FoldedCrc, composite

# The check values of https://reveng.sourceforge.io/crc-catalogue/all.htm, for the ASCII digits 1 to 9.
CHECK = {"CRC32": "cbf43926", "CRC32C": "e3069283", "CRC64NVME": "ae8b14860a799888"}
PLAIN = {
    "CRC32C": FoldedCrc(0x82F63B78, 4),
    "CRC64NVME": FoldedCrc(0x9A6C9329AC4BC9B5, 8),
    "CRC32": FoldedCrc(0xEDB88320, 4),
}


@pytest.mark.parametrize("name", CHECK)
def test_published_check_values(name: str) -> None:
    checksum = Checksum(name)
    checksum.update(b"12345")
    checksum.update(b"6789")
    assert checksum.digest().hex() == CHECK[name]
    assert PLAIN[name].advance(b"123456789", 0) == int(CHECK[name], 16)


@given(data=st.binary(max_size=300), times=st.sampled_from([1, 7, 500]), cut=st.integers(0, 200_000))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_folding_is_zlib_s_crc32(data: bytes, times: int, cut: int) -> None:
    data *= times
    crc = PLAIN["CRC32"]
    assert crc.advance(data[cut:], crc.advance(data[:cut], 0)) == zlib.crc32(data)


@pytest.mark.parametrize("name", ["CRC32C", "CRC64NVME"])
@pytest.mark.parametrize("size", [0, 63, 64, 65, 127, 129, 65_535, 65_536, 65_537, 200_001])
def test_folding_is_the_byte_by_byte_crc(name: str, size: int) -> None:
    data = bytes(i * 7 + (i >> 8) & 0xFF for i in range(size))
    crc = PLAIN[name]
    register = crc._mask
    for byte in data:
        register = crc._table[(register ^ byte) & 0xFF] ^ (register >> 8)
    assert crc.advance(data, 0) == register ^ crc._mask


@pytest.mark.parametrize("name", ALGORITHMS)
def test_pieces_do_not_matter(name: str) -> None:
    whole, pieces = Checksum(name), Checksum(name)
    whole.update(b"a" * 1000)
    for _ in range(10):
        pieces.update(b"a" * 100)
    assert whole.digest_b64 == pieces.digest_b64


def test_composite_counts_its_parts() -> None:
    parts = []
    for data in (b"one", b"two"):
        part = Checksum("SHA256")
        part.update(data)
        parts.append(part.digest_b64)
    assert composite("SHA256", parts).endswith("=-2")


def test_an_unknown_name() -> None:
    with pytest.raises(ValueError, match="XXHASH64"):
        Checksum("XXHASH64")
