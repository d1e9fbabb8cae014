"""S3's habits: which operation a URI asks for, presigned headers in the query, documents with roots of their own."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.wire.http import Request
from sagewright.wire.model import service
from sagewright.wire.protocols import protocol

MODEL = service("s3")
S3 = protocol(MODEL)


@pytest.mark.parametrize(
    ("line", "headers", "expected"),
    [
        ("GET /", "", "ListBuckets"),
        ("GET /?x-id=ListBuckets", "", "ListBuckets"),
        ("GET /b", "", "ListObjects"),
        ("GET /b/", "", "ListObjects"),
        ("GET /b?prefix=a/", "", "ListObjects"),
        ("GET /b?list-type=2&prefix=a", "", "ListObjectsV2"),
        ("GET /b?list-type=1", "", "ListObjects"),
        ("GET /b?location", "", "GetBucketLocation"),
        ("GET /b?location=", "", "GetBucketLocation"),
        ("GET /b?uploads", "", "ListMultipartUploads"),
        ("GET /b?versions", "", "ListObjectVersions"),
        ("GET /b?lifecycle", "", "GetBucketLifecycleConfiguration"),
        ("GET /b?notification", "", "GetBucketNotificationConfiguration"),
        ("GET /b?analytics", "", "ListBucketAnalyticsConfigurations"),
        ("GET /b?analytics&id=1", "", "GetBucketAnalyticsConfiguration"),
        ("PUT /b", "", "CreateBucket"),
        ("PUT /b?policy", "", "PutBucketPolicy"),
        ("POST /b?delete", "", "DeleteObjects"),
        ("HEAD /b", "", "HeadBucket"),
        ("DELETE /b", "", "DeleteBucket"),
        ("GET /b/k", "", "GetObject"),
        ("GET /b//", "", "GetObject"),
        ("GET /b/k/", "", "GetObject"),
        ("GET /b/a/b/c?x-id=GetObject&versionId=1", "", "GetObject"),
        ("GET /b/k?acl", "", "GetObjectAcl"),
        ("GET /b/k?uploadId=1", "", "ListParts"),
        ("GET /b/k?attributes", "x-amz-object-attributes", "GetObjectAttributes"),
        ("HEAD /b/k", "", "HeadObject"),
        ("PUT /b/k", "", "PutObject"),
        ("PUT /b/k", "x-amz-copy-source", "CopyObject"),
        ("PUT /b/k?x-amz-copy-source=%2Fb%2Fo", "", "CopyObject"),
        ("PUT /b/k?partNumber=1&uploadId=u", "", "UploadPart"),
        ("PUT /b/k?partNumber=1&uploadId=u", "x-amz-copy-source", "UploadPartCopy"),
        ("PUT /b/k?tagging", "", "PutObjectTagging"),
        ("POST /b/k?uploads", "", "CreateMultipartUpload"),
        ("POST /b/k?uploadId=u", "", "CompleteMultipartUpload"),
        ("DELETE /b/k", "", "DeleteObject"),
        ("DELETE /b/k?uploadId=u", "", "AbortMultipartUpload"),
        ("POST /WriteGetObjectResponse", "x-amz-request-route", "WriteGetObjectResponse"),
    ],
)
def test_operations(line: str, headers: str, expected: str) -> None:
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    request = Request(method, path, query, {headers: "x"} if headers else {})
    assert S3.operation_name(request, MODEL) == expected


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/b/k", "k"),
        ("/b/a%2Fb/c", "a/b/c"),
        ("/b//k", "/k"),
        ("/b/k/", "k/"),
        ("/b/a+b%20c%C3%A9", "a+b cé"),
        ("/b/../x", "../x"),
    ],
)
def test_keys_are_taken_as_they_are(path: str, key: str) -> None:
    found = S3.parse(Request("GET", path), MODEL.operation_model("GetObject"))
    assert (found["Bucket"], found["Key"]) == ("b", key)


def test_headers_metadata_and_body() -> None:
    body = object()
    headers = {
        "content-type": "text/csv",
        "x-amz-meta-a": "1",
        "x-amz-meta-b-c": "2",
        "x-amz-checksum-crc32": "AAAAAA==",
        "expires": "Wed, 21 Oct 2026 07:28:00 GMT",
    }
    found = S3.parse(Request("PUT", "/b/k", "", headers, body), MODEL.operation_model("PutObject"))
    assert found["Body"] is body
    assert found["Metadata"] == {"a": "1", "b-c": "2"}
    assert (found["ContentType"], found["ChecksumCRC32"], found["Expires"]) == ("text/csv", "AAAAAA==", 1792567680.0)


def test_a_list_of_objects() -> None:
    result = {"Name": "b", "Contents": [{"Key": "a&b", "LastModified": 1.7e9, "ETag": '"e"', "Size": 1}], "KeyCount": 1}
    response = S3.serialize(result, MODEL.operation_model("ListObjectsV2"), "id")
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<Contents><Key>a&amp;b</Key><LastModified>2023-11-14T22:13:20.000Z</LastModified>"
        b"<ETag>&quot;e&quot;</ETag><Size>1</Size></Contents><Name>b</Name><KeyCount>1</KeyCount></ListBucketResult>"
    )
    assert response.headers["Content-Type"] == "application/xml"
    assert response.headers["x-amz-request-id"] == "id"


@pytest.mark.parametrize(("region", "inside"), [(None, b"></L"), ("eu-west-1", b">eu-west-1</L")])
def test_a_bucket_s_region(region: str | None, inside: bytes) -> None:
    response = S3.serialize({"LocationConstraint": region}, MODEL.operation_model("GetBucketLocation"), "id")
    assert isinstance(response.body, bytes)
    assert inside in response.body


def test_answers_without_a_document() -> None:
    put = S3.serialize({"ETag": '"e"', "VersionId": None}, MODEL.operation_model("PutObject"), "id")
    assert (put.status, put.body, put.headers["ETag"]) == (200, b"", '"e"')
    assert "x-amz-version-id" not in put.headers
    assert S3.serialize({}, MODEL.operation_model("DeleteObject"), "id").status == 204


def test_a_streaming_body_goes_out_untouched() -> None:
    body: Any = object()  # only its identity matters
    result = {"Body": body, "ContentType": "text/csv", "ContentLength": 3, "Metadata": {"a": "1"}, "LastModified": 0}
    response = S3.serialize(result, MODEL.operation_model("GetObject"), "id")
    assert response.body is body
    assert response.headers["Content-Type"] == "text/csv"
    assert response.headers["x-amz-meta-a"] == "1"
    assert response.headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_an_attribute_and_its_namespace() -> None:
    grants = [{"Grantee": {"Type": "CanonicalUser", "ID": "i"}, "Permission": "READ"}]
    response = S3.serialize({"Grants": grants}, MODEL.operation_model("GetBucketAcl"), "id")
    assert isinstance(response.body, bytes)
    assert b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">' in response.body
