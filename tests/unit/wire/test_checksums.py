"""Checksums against published check values, in pieces and put together."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.wire.checksums import ALGORITHMS, Checksum, combined, composite

# The check values of https://reveng.sourceforge.io/crc-catalogue/all.htm, for the ASCII digits 1 to 9; xxHash's are
# those of its own test vectors for no input at all.
CHECK = {"CRC32": "cbf43926", "CRC32C": "e3069283", "CRC64NVME": "ae8b14860a799888"}
EMPTY = {
    "XXHASH64": "ef46db3751d8e999",
    "XXHASH3": "2d06800538d394c2",
    "XXHASH128": "99aa06d3014798d86001c324468d497f",
}


@pytest.mark.parametrize("name", CHECK)
def test_published_check_values(name: str) -> None:
    checksum = Checksum(name)
    checksum.update(b"12345")
    checksum.update(b"6789")
    assert checksum.digest().hex() == CHECK[name]


@pytest.mark.parametrize("name", EMPTY)
def test_published_values_of_nothing(name: str) -> None:
    assert Checksum(name).digest().hex() == EMPTY[name]


@pytest.mark.parametrize("name", CHECK)
@given(data=st.binary(max_size=300), cut=st.integers(0, 300))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_the_crc_of_parts_is_that_of_the_whole(name: str, data: bytes, cut: int) -> None:
    whole, parts = Checksum(name), []
    whole.update(data)
    for piece in (data[:cut], data[cut:]):
        part = Checksum(name)
        part.update(piece)
        parts.append((part.digest_b64, len(piece)))
    assert combined(name, parts) == whole.digest_b64


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
    with pytest.raises(ValueError, match="MD4"):
        Checksum("MD4")
