"""Bodies that clients pack."""

from __future__ import annotations

import gzip

import pytest

from sagewright.base.errors import AwsError
from sagewright.edge.steps.receive import unpacked


def test_what_is_packed_is_unpacked() -> None:
    assert unpacked(gzip.compress(b"a" * 100_000)) == b"a" * 100_000


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{}", "SerializationException"),
        (gzip.compress(b"a" * 1000)[:-4], "SerializationException"),
        (b"", "SerializationException"),
        (gzip.compress(bytes(9 << 20)), "RequestEntityTooLargeException"),
    ],
)
def test_what_is_not_or_is_too_much_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        unpacked(body)
    assert caught.value.code == code
