"""Bodies in signed chunks, made as they are read."""

import pytest

from sagewright.base.errors import AwsError
from sagewright.wire.chunked import ChunkedDecoder, Seed
from sagewright.wire.chunking import CHUNK, ChunkedEncoder, encoded_length, mode
from sagewright.wire.sigv4 import signing_key

SEED = Seed(signing_key("secret", "20260101", "r", "s3"), "20260101/r/s3/aws4_request", "20260101T000000Z", "0" * 64)
TRAILER = "x-amz-checksum-crc32"


def encoded(data: bytes, trailer: str | None = None, value: str = "") -> bytes:
    encoder = ChunkedEncoder(SEED)
    chunks = [encoder.chunk(data[at : at + CHUNK]) for at in range(0, len(data), CHUNK)]
    return b"".join([*chunks, encoder.end(trailer, value)])


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
@pytest.mark.parametrize("trailer", [None, TRAILER])
def test_what_is_made_is_read_and_as_long_as_was_said(size: int, trailer: str | None) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    body = encoded(data[:size], trailer, "AAAAAA==" if trailer else "")
    assert len(body) == encoded_length(size, trailer, 8 if trailer else 0)
    decoder = ChunkedDecoder(mode(trailer), seed=SEED, decoded_length=size, announced=[trailer] if trailer else [])
    assert b"".join(decoder.feed(body)) == data[:size]
    assert decoder.finish() == ({trailer: "AAAAAA=="} if trailer else {})


def test_a_body_without_its_end_is_none() -> None:
    decoder = ChunkedDecoder(mode(None), seed=SEED, decoded_length=CHUNK)
    decoder.feed(ChunkedEncoder(SEED).chunk(b"x" * CHUNK))
    with pytest.raises(AwsError, match="terminated unexpectedly"):
        decoder.finish()
