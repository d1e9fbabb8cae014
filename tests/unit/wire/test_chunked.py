"""The aws-chunked decoder, against the worked examples of S3's documentation and against botocore's own writer."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.base.errors import AwsError
from sagewright.wire import chunked, sigv4
from sagewright.wire.chunked import SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, ChunkedDecoder, Seed
from sagewright.wire.http import Request

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html: 65 KiB of the letter a, in three chunks.
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SCOPE = "20130524/us-east-1/s3/aws4_request"
STAMP = "20130524T000000Z"
KEY = sigv4.signing_key(SECRET, "20130524", "us-east-1", "s3")
DATA = b"a" * 66_560
SEED = Seed(KEY, SCOPE, STAMP, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
CHUNKS = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
TRAILER_SEED = Seed(KEY, SCOPE, STAMP, "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e")
TRAILER_CHUNKS = (
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
)
TRAILER = (
    b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"
)


def framed(signatures: tuple[str, ...], trailer: bytes = b"") -> bytes:
    pieces = (DATA[:65_536], DATA[65_536:], b"")
    out = b""
    for piece, signature in zip(pieces, signatures, strict=True):
        out += f"{len(piece):x};chunk-signature={signature}\r\n".encode()
        out += piece + b"\r\n" if piece else trailer + b"\r\n"
    return out


def run(decoder: ChunkedDecoder, body: bytes, step: int) -> bytes:
    out = b"".join(b"".join(decoder.feed(body[i : i + step])) for i in range(0, len(body), step))
    decoder.finish()
    return out


@pytest.mark.parametrize("step", [1, 17, 8192, 1_000_000])
def test_signed_chunks_of_the_documentation(step: int) -> None:
    assert run(ChunkedDecoder(SIGNED, seed=SEED, decoded_length=66_560), framed(CHUNKS), step) == DATA


@pytest.mark.parametrize("step", [13, 1_000_000])
def test_signed_trailers_of_the_documentation(step: int) -> None:
    decoder = ChunkedDecoder(SIGNED_TRAILER, seed=TRAILER_SEED, announced=["x-amz-checksum-crc32c"])
    assert run(decoder, framed(TRAILER_CHUNKS, TRAILER), step) == DATA
    assert decoder.trailers == {"x-amz-checksum-crc32c": "sOO8/Q=="}


@given(data=st.binary(max_size=40), times=st.sampled_from([1, 1000]), step=st.sampled_from([1, 7, 5000, 10**6]))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_what_botocore_writes(data: bytes, times: int, step: int) -> None:
    data *= times
    body = AwsChunkedWrapper(
        io.BytesIO(data), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32", chunk_size=8192
    ).read()
    decoder = ChunkedDecoder(UNSIGNED_TRAILER, decoded_length=len(data), announced=["x-amz-checksum-crc32"])
    assert run(decoder, body, step) == data
    assert list(decoder.trailers) == ["x-amz-checksum-crc32"]


@pytest.mark.parametrize("missing", [2, 4])
def test_a_missing_last_line_end_is_forgiven(missing: int) -> None:
    decoder = ChunkedDecoder(SIGNED_TRAILER, seed=TRAILER_SEED, announced=["x-amz-checksum-crc32c"])
    assert run(decoder, framed(TRAILER_CHUNKS, TRAILER)[:-missing], 1000) == DATA


def changed() -> Iterator[tuple[str, bytes, str]]:
    good = framed(TRAILER_CHUNKS, TRAILER)
    yield "data", good.replace(b"aaab", b"aaaa").replace(b"aaaa", b"aaba", 1), "SignatureDoesNotMatch"
    yield "signature", good.replace(TRAILER_CHUNKS[1].encode(), b"0" * 64), "SignatureDoesNotMatch"
    yield "no signature", good.replace(b";chunk-signature=" + TRAILER_CHUNKS[0].encode(), b""), "SignatureDoesNotMatch"
    yield "trailer", good.replace(b"sOO8/Q==", b"sOO8/R=="), "SignatureDoesNotMatch"
    yield "unsigned trailer", good[: good.index(b"x-amz-trailer")] + b"\r\n", "SignatureDoesNotMatch"
    yield "other trailer", good.replace(b"x-amz-checksum-crc32c", b"x-amz-checksum-sha256"), "MalformedTrailerError"
    yield "no trailer", framed(TRAILER_CHUNKS), "MalformedTrailerError"
    yield "cut in trailer", good[:-12], "SignatureDoesNotMatch"
    yield "cut before trailer", good[: good.index(b"x-amz-trailer")], "SignatureDoesNotMatch"
    yield "cut in data", good[:5000], "IncompleteBody"
    yield "last chunk dropped", good[: good.index(b"\r\n0;")], "IncompleteBody"
    yield "more", good + b"x", "MalformedTrailerError"
    yield "size", b"xyz" + good, "InvalidChunkSizeError"
    yield "negative size", b"-1;chunk-signature=0\r\n", "InvalidChunkSizeError"
    yield "endless line", b"1" * 20_000, "InvalidChunkSizeError"


CHANGED = tuple(changed())


@pytest.mark.parametrize(("body", "code"), [row[1:] for row in CHANGED], ids=[row[0] for row in CHANGED])
def test_a_changed_body_is_refused(body: bytes, code: str) -> None:
    decoder = ChunkedDecoder(SIGNED_TRAILER, seed=TRAILER_SEED, announced=["x-amz-checksum-crc32c"])
    with pytest.raises(AwsError) as caught:
        run(decoder, body, 4096)
    assert caught.value.code == code


def test_only_the_last_chunk_may_be_small() -> None:
    with pytest.raises(AwsError) as caught:
        ChunkedDecoder(UNSIGNED_TRAILER).feed(b"3\r\nabc\r\n3\r\nabc\r\n")
    assert caught.value.code == "InvalidChunkSizeError"


@pytest.mark.parametrize("length", [2, 4])
def test_the_announced_length_counts(length: int) -> None:
    with pytest.raises(AwsError) as caught:
        run(ChunkedDecoder(UNSIGNED_TRAILER, decoded_length=length), b"3\r\nabc\r\n0\r\n\r\n", 100)
    assert caught.value.code == "IncompleteBody"


@given(body=st.binary(max_size=60) | st.text("0123456789abc;:=\r\n", max_size=60).map(str.encode))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_body_breaks_it(body: bytes) -> None:
    with contextlib.suppress(AwsError):
        run(ChunkedDecoder(UNSIGNED_TRAILER), body, 7)


def test_the_decoder_of_a_request() -> None:
    headers = {
        "host": "h",
        "x-amz-content-sha256": UNSIGNED_TRAILER,
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-decoded-content-length": "3",
    }
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK/{SCOPE}&X-Amz-Date={STAMP}&X-Amz-Expires=60"
    query += "&X-Amz-SignedHeaders=host;x-amz-content-sha256&X-Amz-Signature=00"
    request = Request("PUT", "/b/k", query, headers)
    signature = sigv4.read(request)
    assert signature is not None
    assert signature.streams
    decoder = chunked.decoder(request, signature, SECRET)
    assert run(decoder, b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n", 5) == b"abc"
    with pytest.raises(AwsError, match="Content-Length"):
        chunked.decoder(Request("PUT", "/b/k", query, {"x-amz-content-sha256": SIGNED}), signature, SECRET)


def test_without_authentication_the_framing_still_comes_off() -> None:
    headers = {"x-amz-content-sha256": SIGNED, "x-amz-decoded-content-length": "66560"}
    decoder = chunked.decoder(Request("PUT", "/b/k", "", headers), None, None)
    assert run(decoder, framed(("0" * 64,) * 3), 1000) == DATA


def test_signed_chunks_want_a_seed() -> None:
    with pytest.raises(ValueError, match="seed"):
        ChunkedDecoder(SIGNED)
