"""Objects through S3's functions."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError

Ask = Callable[..., dict[str, Any]]
LARGE = os.urandom(200_000)


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def crc32(data: bytes) -> str:
    return b64(zlib.crc32(data).to_bytes(4, "big"))


def refused(ask: Ask, name: str, **request: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        ask(name, **request)
    assert 300 < caught.value.status < 500
    return caught.value


def put(ask: Ask, key: str = "k", body: bytes = b"hello", **more: Any) -> dict[str, Any]:
    return ask("put_object", Bucket="bucket", Key=key, Body=body, **more)


def get(ask: Ask, key: str = "k", **more: Any) -> dict[str, Any]:
    return ask("get_object", Bucket="bucket", Key=key, **more)


@pytest.mark.parametrize("body", [b"", b"hello", LARGE])
def test_put_and_get(ask: Ask, body: bytes) -> None:
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    assert put(ask, body=body, ContentType="text/plain", Metadata={"a": "b"}) == {"ETag": etag}
    assert get(ask) == {
        "Body": body,
        "ContentLength": len(body),
        "ContentType": "text/plain",
        "Metadata": {"a": "b"},
        "AcceptRanges": "bytes",
        "ETag": etag,
        "LastModified": 1_700_000_000,
    }
    head = ask("head_object", Bucket="bucket", Key="k")
    assert head == {name: value for name, value in get(ask).items() if name != "Body"}


def test_what_was_said_of_it_is_kept(ask: Ask) -> None:
    said: dict[str, Any] = {
        "CacheControl": "no-cache",
        "ContentDisposition": "inline",
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "Expires": 1_800_000_000.0,
        "WebsiteRedirectLocation": "/x",
        "StorageClass": "STANDARD_IA",
        "ServerSideEncryption": "AES256",
        "Tagging": "a=b&c=",
    }
    put(ask, **said)
    expected = {**said, "TagCount": 2}
    del expected["Tagging"]
    got = get(ask)
    assert {name: got[name] for name in expected} == expected
    put(ask, ContentEncoding="aws-chunked", StorageClass="STANDARD")
    assert not {"ContentEncoding", "StorageClass", "TagCount", "CacheControl"} & get(ask).keys()
    put(ask, ContentEncoding="aws-chunked, gzip")
    assert get(ask)["ContentEncoding"] == "gzip"


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=2-", slice(2, None)),
        ("bytes=-3", slice(-3, None)),
        ("bytes=-999999", slice(0, None)),
        ("bytes=5-999999", slice(5, None)),
    ],
)
@pytest.mark.parametrize("body", [b"0123456789", LARGE])
def test_ranges(ask: Ask, body: bytes, text: str, piece: slice) -> None:
    put(ask, body=body)
    got = get(ask, Range=text)
    start, stop, _ = piece.indices(len(body))
    assert got["Body"] == body[piece]
    assert got["__status__"] == 206
    assert got["ContentRange"] == f"bytes {start}-{stop - 1}/{len(body)}"
    head = ask("head_object", Bucket="bucket", Key="k", Range=text)
    assert (head["__status__"], head["ContentLength"]) == (206, len(body[piece]))


@pytest.mark.parametrize("text", ["bytes=5-2", "bytes=a-b", "bytes=-", "bytes=0-1,3-4", "lines=1-2"])
def test_what_is_no_range_is_ignored(ask: Ask, text: str) -> None:
    put(ask)
    got = get(ask, Range=text)
    assert got["Body"] == b"hello"
    assert "__status__" not in got


@pytest.mark.parametrize(("body", "text"), [(b"hello", "bytes=5-"), (b"hello", "bytes=-0"), (b"", "bytes=0-0")])
def test_ranges_outside(ask: Ask, body: bytes, text: str) -> None:
    put(ask, body=body)
    error = refused(ask, "get_object", Bucket="bucket", Key="k", Range=text)
    assert (error.code, error.status) == ("InvalidRange", 416)
    assert error.fields["ActualObjectSize"] == len(body)


def test_what_is_missing(ask: Ask) -> None:
    error = refused(ask, "get_object", Bucket="bucket", Key="a/b")
    assert (error.code, error.status, error.fields) == ("NoSuchKey", 404, {"Key": "a/b"})
    error = refused(ask, "put_object", Bucket="none", Key="k", Body=LARGE)
    assert (error.code, error.status, error.fields) == ("NoSuchBucket", 404, {"BucketName": "none"})
    error = refused(ask, "head_object", Bucket="bucket", Key="k", VersionId="x")
    assert (error.code, error.status) == ("NoSuchVersion", 404)
    assert ask("delete_object", Bucket="bucket", Key="k") == {}


def test_conditional_reads(ask: Ask) -> None:
    etag = put(ask)["ETag"]
    now = 1_700_000_000.0
    for held in (
        {"IfMatch": etag},
        {"IfMatch": f'"x", {etag}'},
        {"IfMatch": "*"},
        {"IfNoneMatch": '"x"'},
        {"IfModifiedSince": now - 1},
        {"IfUnmodifiedSince": now},
        {"IfMatch": etag, "IfUnmodifiedSince": now - 1},
        {"IfNoneMatch": '"x"', "IfModifiedSince": now},
    ):
        assert get(ask, **held)["Body"] == b"hello"
    for broken in ({"IfNoneMatch": etag}, {"IfModifiedSince": now}, {"IfNoneMatch": etag, "IfModifiedSince": now - 9}):
        error = refused(ask, "get_object", Bucket="bucket", Key="k", **broken)
        assert (error.status, error.headers["ETag"]) == (304, etag)
        assert error.headers["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    for broken in ({"IfMatch": '"x"'}, {"IfUnmodifiedSince": now - 1}, {"IfMatch": '"x"', "IfNoneMatch": etag}):
        error = refused(ask, "head_object", Bucket="bucket", Key="k", **broken)
        assert (error.code, error.status) == ("PreconditionFailed", 412)


def test_conditional_writes(ask: Ask) -> None:
    etag = put(ask, IfNoneMatch="*")["ETag"]
    error = refused(ask, "put_object", Bucket="bucket", Key="k", Body=b"", IfNoneMatch="*")
    assert (error.code, error.status, error.fields["Condition"]) == ("PreconditionFailed", 412, "If-None-Match")
    put(ask, body=b"two", IfMatch=etag)
    error = refused(ask, "put_object", Bucket="bucket", Key="k", Body=LARGE, IfMatch=etag)
    assert (error.code, error.fields["Condition"]) == ("PreconditionFailed", "If-Match")
    error = refused(ask, "put_object", Bucket="bucket", Key="none", Body=b"", IfMatch=etag)
    assert error.code == "NoSuchKey"
    error = refused(ask, "put_object", Bucket="bucket", Key="k", Body=b"", IfNoneMatch='"x"')
    assert error.code == "NotImplemented"
    assert get(ask)["Body"] == b"two"
    error = refused(ask, "delete_object", Bucket="bucket", Key="k", IfMatch=etag)
    assert error.status == 412
    assert ask("delete_object", Bucket="bucket", Key="k", IfMatchSize=3) == {}


@pytest.mark.parametrize("body", [b"hello", LARGE])
@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_come_back(ask: Ask, algorithm: str, body: bytes) -> None:
    # What the server computes for a trailer it must take in a header, and give back.
    header = f"x-amz-checksum-{algorithm.lower()}"
    error = refused(
        ask,
        "put_object",
        Bucket="bucket",
        Key="k",
        Body=body,
        headers={"x-amz-trailer": header},
        trailers={header: "AAAA"},
    )
    assert error.code == "BadDigest"
    known = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256}
    if algorithm == "CRC32":
        value = crc32(body)
    elif algorithm in known:
        value = b64(known[algorithm](body).digest())
    else:
        ask("put_object", Bucket="bucket", Key="first", Body=body)
        copied = ask("copy_object", Bucket="bucket", Key="k", CopySource="bucket/first", ChecksumAlgorithm=algorithm)
        value = copied["CopyObjectResult"][f"Checksum{algorithm}"]
    member = f"Checksum{algorithm}"
    assert put(ask, body=body, **{member: value})[member] == value
    put(ask, body=body, headers={"x-amz-trailer": header}, trailers={header: value})
    got = get(ask, ChecksumMode="ENABLED")
    assert (got[member], got["ChecksumType"], got["Body"]) == (value, "FULL_OBJECT", body)
    assert member not in get(ask)
    assert member not in get(ask, ChecksumMode="ENABLED", Range="bytes=0-1")
    attributes = ask("get_object_attributes", Bucket="bucket", Key="k", ObjectAttributes=["Checksum", "ETag"])
    assert attributes["Checksum"] == {member: value, "ChecksumType": "FULL_OBJECT"}
    assert attributes["ETag"] == hashlib.md5(body).hexdigest()


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"ChecksumCRC32": crc32(b"other")}, "BadDigest"),
        ({"ChecksumCRC32": "nonsense!"}, "InvalidRequest"),
        ({"ChecksumCRC32": b64(b"toolong")}, "InvalidRequest"),
        ({"ChecksumCRC32": crc32(b"hello"), "ChecksumSHA1": b64(b"0" * 20)}, "InvalidRequest"),
        ({"ChecksumXXHASH64": "AAAAAAAAAAA="}, "BadDigest"),
        ({"ChecksumAlgorithm": "CRC32"}, "InvalidRequest"),
        ({"headers": {"content-md5": b64(hashlib.md5(b"other").digest())}}, "BadDigest"),
        ({"headers": {"content-md5": "AAAA"}}, "InvalidDigest"),
        ({"headers": {"content-length": "99"}}, "IncompleteBody"),
        ({"headers": {"content-length": str(6 << 30)}}, "EntityTooLarge"),
        ({"headers": {"x-amz-trailer": "x-amz-checksum-crc32"}}, "MalformedTrailerError"),
        ({"Metadata": {"a": "x" * 2048}}, "MetadataTooLarge"),
        ({"Key": "ü" * 513}, "KeyTooLongError"),
        ({"Tagging": "a=1&a=2"}, "InvalidArgument"),
        ({"Tagging": "&".join(f"{i}=1" for i in range(11))}, "BadRequest"),
        ({"Tagging": f"{'k' * 129}=1"}, "InvalidTag"),
        ({"StorageClass": "COLD"}, "InvalidStorageClass"),
        ({"ACL": "public-read"}, "AccessControlListNotSupported"),
        ({"SSECustomerAlgorithm": "AES256"}, "InvalidArgument"),
        ({"WriteOffsetBytes": 1}, "NotImplemented"),
    ],
)
@pytest.mark.parametrize("body", [b"hello", LARGE])
def test_refused_puts_store_nothing(ask: Ask, folder: Path, body: bytes, request_: dict[str, Any], code: str) -> None:
    error = refused(ask, "put_object", **{"Bucket": "bucket", "Key": "k", "Body": body, **request_})
    assert error.code == code
    assert "KeyCount" in (listed := ask("list_objects_v2", Bucket="bucket"))
    assert listed["KeyCount"] == 0
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_another_owner_is_refused_and_a_missing_bucket_comes_first(ask: Ask) -> None:
    put(ask, ExpectedBucketOwner="123456789012")
    for name, more in (("get_object", {"Key": "k"}), ("head_bucket", {}), ("put_object", {"Key": "k", "Body": b""})):
        error = refused(ask, name, Bucket="bucket", ExpectedBucketOwner="210987654321", **more)
        assert (error.code, error.status) == ("AccessDenied", 403)
        error = refused(ask, name, Bucket="none", ExpectedBucketOwner="210987654321", **more)
        assert (error.code, error.status) == ("NoSuchBucket", 404)


@pytest.mark.parametrize("body", [b"hello", LARGE])
def test_copy_keeps_or_replaces_what_is_said(ask: Ask, body: bytes) -> None:
    put(ask, "a b+c", body, ContentType="x/y", Metadata={"m": "1"}, Tagging="t=u", ChecksumCRC32=crc32(body))
    ask("copy_object", Bucket="bucket", Key="kept", CopySource="/bucket/a+b%2Bc?versionId=null")
    got = get(ask, "kept", ChecksumMode="ENABLED")
    assert (got["Body"], got["ContentType"], got["Metadata"]) == (body, "x/y", {"m": "1"})
    assert (got["TagCount"], got["ChecksumCRC32"]) == (1, crc32(body))
    ask(
        "copy_object",
        Bucket="bucket",
        Key="new",
        CopySource="bucket/a%20b%2Bc",
        MetadataDirective="REPLACE",
        Metadata={"n": "2"},
        TaggingDirective="REPLACE",
        ChecksumAlgorithm="SHA256",
    )
    got = get(ask, "new", ChecksumMode="ENABLED")
    assert (got["Body"], got["ContentType"], got["Metadata"]) == (body, "binary/octet-stream", {"n": "2"})
    assert "TagCount" not in got
    assert got["ChecksumSHA256"] == b64(hashlib.sha256(body).digest())
    assert "ChecksumCRC32" not in got


def test_copying_onto_itself_must_change_something(ask: Ask) -> None:
    put(ask, body=LARGE)
    own = {"Bucket": "bucket", "Key": "k", "CopySource": "bucket/k"}
    error = refused(ask, "copy_object", **own)
    assert error.code == "InvalidRequest"
    assert "to itself" in error.message
    ask("copy_object", **own, MetadataDirective="REPLACE", Metadata={"x": "y"})
    assert get(ask)["Metadata"] == {"x": "y"}
    ask("copy_object", **own, StorageClass="STANDARD_IA")
    got = get(ask)
    assert (got["StorageClass"], got["Metadata"], got["Body"]) == ("STANDARD_IA", {"x": "y"}, LARGE)


def test_copies_that_cannot_be(ask: Ask) -> None:
    etag = put(ask)["ETag"]
    target = {"Bucket": "bucket", "Key": "copy"}
    for source, code in (
        ("bucket", "InvalidArgument"),
        ("bucket/", "InvalidArgument"),
        ("bucket/none", "NoSuchKey"),
        ("none/k", "NoSuchBucket"),
        ("bucket/k?versionId=x", "NoSuchVersion"),
    ):
        assert refused(ask, "copy_object", **target, CopySource=source).code == code
    for condition in (
        {"CopySourceIfMatch": '"x"'},
        {"CopySourceIfNoneMatch": etag},
        {"CopySourceIfModifiedSince": 1_700_000_001.0},
        {"CopySourceIfUnmodifiedSince": 1_600_000_000.0},
    ):
        assert refused(ask, "copy_object", **target, CopySource="bucket/k", **condition).status == 412
    error = refused(ask, "copy_object", **target, CopySource="bucket/k", MetadataDirective="MERGE")
    assert error.code == "InvalidArgument"
    error = refused(ask, "copy_object", Bucket="none", Key="k", CopySource="bucket/k")
    assert error.fields == {"BucketName": "none"}
    ask("copy_object", **target, CopySource="bucket/k", CopySourceIfMatch=etag)


def test_deleting_many(ask: Ask) -> None:
    for key in "abc":
        put(ask, key)
    entries = [{"Key": "a"}, {"Key": "none"}, {"Key": "b", "ETag": '"x"'}, {"Key": "c", "VersionId": "null"}]
    result = ask("delete_objects", Bucket="bucket", Delete={"Objects": entries})
    assert result["Deleted"] == [{"Key": "a"}, {"Key": "none"}, {"Key": "c", "VersionId": "null"}]
    assert [(error["Key"], error["Code"]) for error in result["Errors"]] == [("b", "PreconditionFailed")]
    assert ask("delete_objects", Bucket="bucket", Delete={"Objects": [{"Key": "b"}], "Quiet": True}) == {}
    assert "Contents" not in ask("list_objects_v2", Bucket="bucket")
    for entries in ([], [{"Key": str(i)} for i in range(1001)]):
        error = refused(ask, "delete_objects", Bucket="bucket", Delete={"Objects": entries})
        assert error.code == "MalformedXML"


def test_tags(ask: Ask, clock: Any) -> None:
    put(ask)
    name = {"Bucket": "bucket", "Key": "k"}
    clock.time += 60
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    ask("put_object_tagging", **name, Tagging={"TagSet": tags})
    assert ask("get_object_tagging", **name) == {"TagSet": tags}
    assert get(ask)["LastModified"] == 1_700_000_000
    double = refused(ask, "put_object_tagging", **name, Tagging={"TagSet": [tags[0], tags[0]]})
    assert double.code == "InvalidTag"
    ask("delete_object_tagging", **name)
    assert ask("get_object_tagging", **name) == {"TagSet": []}
    assert refused(ask, "get_object_tagging", Bucket="bucket", Key="x").code == "NoSuchKey"


def test_answers_can_be_overridden_and_owners_may_do_all(ask: Ask) -> None:
    put(ask)
    got = get(ask, ResponseContentType="a/b", ResponseExpires=1.0)
    assert (got["ContentType"], got["Expires"]) == ("a/b", 1.0)
    error = refused(ask, "get_object", Bucket="bucket", Key="k", ResponseContentType="a\r\nb")
    assert (error.code, error.fields["ArgumentName"]) == ("InvalidArgument", "response-content-type")
    acl = ask("get_object_acl", Bucket="bucket", Key="k")
    assert acl["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert len(acl["Owner"]["ID"]) == 64
