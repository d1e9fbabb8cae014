"""What other clients send than boto3 over http: chunks with trailers, hosts with a bucket in them, nonsense."""

import base64
import zlib
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest

WEB = urllib3.PoolManager()
DATA = bytes(range(256)) * 700


class Declared(S3SigV4Auth):  # type: ignore[misc]
    """Signs what the request says of its payload, as clients do that send it in chunks."""

    def payload(self, request: Any) -> str:
        return str(request.headers["X-Payload"])


def send(
    s3: Any, method: str, path: str, body: bytes = b"", payload: str = "UNSIGNED-PAYLOAD", **headers: str
) -> urllib3.BaseHTTPResponse:
    """One signed request, without anything that boto3 would do to it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    endpoint = s3.meta.endpoint_url
    request = AWSRequest(method, endpoint + path, headers={**named, "X-Payload": payload})
    credentials = boto3.Session().get_credentials().get_frozen_credentials()
    Declared(credentials, "s3", "us-east-1").add_auth(request)
    return WEB.request(method, endpoint + path, body=body, headers=dict(request.headers.items()), retries=False)


def chunked(data: bytes, *trailers: str, size: int = 70_000) -> bytes:
    """`aws-chunked`: sizes in hexadecimal, then the trailers."""
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return body + b"0\r\n" + "".join(f"{trailer}\r\n" for trailer in trailers).encode() + b"\r\n"


def put_chunked(s3: Any, path: str, body: bytes, **headers: str) -> urllib3.BaseHTTPResponse:
    return send(
        s3,
        "PUT",
        path,
        body,
        payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        Content_Encoding="aws-chunked",
        X_Amz_Decoded_Content_Length=str(len(DATA)),
        X_Amz_Trailer="x-amz-checksum-crc32",
        **headers,
    )


def test_chunks_with_a_checksum_behind_them(s3: Any, box: str) -> None:
    crc = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
    answer = put_chunked(s3, f"/{box}/chunked", chunked(DATA, f"x-amz-checksum-crc32:{crc}"))
    assert (answer.status, answer.headers["x-amz-checksum-crc32"]) == (200, crc)
    got = s3.get_object(Bucket=box, Key="chunked", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["ChecksumCRC32"]) == (DATA, crc)
    assert "ContentEncoding" not in got


@pytest.mark.parametrize(
    "body",
    [
        chunked(DATA, "x-amz-checksum-crc32:AAAAAA=="),
        chunked(DATA),
        chunked(DATA[:-1], "x-amz-checksum-crc32:AAAAAA=="),
        b"nonsense",
    ],
    ids=["wrong sum", "no sum", "too short", "no chunks"],
)
def test_chunks_that_are_not_what_they_say(s3: Any, box: str, body: bytes) -> None:
    assert put_chunked(s3, f"/{box}/refused", body).status == 400
    assert s3.list_objects_v2(Bucket=box, Prefix="refused")["KeyCount"] == 0


def test_a_body_that_is_not_what_was_signed(s3: Any, box: str) -> None:
    for body in (b"other", DATA):
        answer = send(s3, "PUT", f"/{box}/unsigned", body, payload="0" * 64)
        assert (answer.status, b"<Code>XAmzContentSHA256Mismatch</Code>" in answer.data) == (400, True)
    assert s3.list_objects_v2(Bucket=box, Prefix="unsigned")["KeyCount"] == 0


def test_the_bucket_in_the_host_name(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="a/b c", Body=b"x")
    port = urlsplit(s3.meta.endpoint_url).port
    for host in (f"{box}.s3.us-east-1.amazonaws.com", f"{box}.localhost:{port}"):
        answer = send(s3, "GET", "/a/b%20c", Host=host)
        assert (answer.status, answer.data) == (200, b"x")
        assert b"<Key>a/b c</Key>" in send(s3, "GET", "/?list-type=2", Host=host).data


def test_errors_are_documents(s3: Any, box: str) -> None:
    answer = send(s3, "GET", f"/{box}/none%3C%26")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/xml"
    assert b"<Code>NoSuchKey</Code>" in answer.data
    assert b"<Key>none&lt;&amp;</Key>" in answer.data
    head = send(s3, "HEAD", f"/{box}/none")
    assert (head.status, head.data) == (404, b"")


def test_documents_have_their_names(s3: Any, box: str) -> None:
    space = b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    for path, root in (
        ("/", b"<ListAllMyBucketsResult "),
        (f"/{box}?list-type=2", b"<ListBucketResult "),
        (f"/{box}?location", b"<LocationConstraint "),
        (f"/{box}?uploads", b"<ListMultipartUploadsResult "),
        (f"/{box}?versioning", b"<VersioningConfiguration "),
    ):
        assert root + space in send(s3, "GET", path).data


@pytest.mark.parametrize("body", [b"", b"no xml", b"<Delete>", b"<Other/>", b"<Delete><Object/></Delete>"])
def test_documents_that_say_nothing(s3: Any, box: str, body: bytes) -> None:
    answer = send(s3, "POST", f"/{box}?delete", body)
    assert answer.status == 400
    assert b"<Code>MalformedXML</Code>" in answer.data or b"<Code>InvalidArgument</Code>" in answer.data


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "?max-keys=many", {}),
        ("GET", "?max-keys=99999999999999999999", {}),
        ("GET", "?list-type=2&continuation-token=%FF", {}),
        ("GET", "/%FF", {}),
        ("GET", "/k?partNumber=x", {}),
        ("GET", "/k", {"If_Modified_Since": "yesterday"}),
        ("PUT", "/k", {"Expires": "never"}),
        ("PUT", "/k", {"Content_MD5": "x"}),
        ("PUT", "/k?partNumber=1&uploadId=%00", {}),
        ("PUT", "/k", {"X_Amz_Copy_Source": "%"}),
        ("PUT", "/k", {"X_Amz_Storage_Class": "ü".encode().decode("latin-1")}),
        ("POST", "/k?uploadId=none", {}),
        ("DELETE", "/k?uploadId=none", {}),
        ("PATCH", "/k", {}),
    ],
)
def test_nothing_that_a_client_sends_is_our_fault(
    s3: Any, box: str, method: str, path: str, headers: dict[str, str]
) -> None:
    assert send(s3, method, f"/{box}{path}", **headers).status < 500
