"""Hashes that partitions are told by, as Iceberg's specification gives them."""

from __future__ import annotations

import datetime
import decimal

import pytest

from sagewright_container.athena.iceberg_transforms import bucket_of, hashed, murmur3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (34, 2017239379),
        ("iceberg", 1210000089),
        (datetime.date(2017, 11, 16), -653330422),
        (decimal.Decimal("14.20"), -500754589),
        (datetime.datetime(2017, 11, 16, 22, 31, 8, tzinfo=datetime.UTC), -2047944441),
        (b"\x00\x01\x02\x03", -188683207),
    ],
)
def test_values_have_the_hash_of_the_specification(value: object, expected: int) -> None:
    assert murmur3(hashed(value)) == expected % (1 << 32)
    assert 0 <= bucket_of(value, 16) < 16
