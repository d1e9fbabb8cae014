"""Objects as boto3 sees them: bytes, what is said of them, and everything a client may get wrong."""

import base64
import hashlib
import io
import os
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from .refusals import refused

KIB = 1024
BODIES = {"nothing": b"", "little": b"hello", "more": os.urandom(300 * KIB)}


@pytest.fixture(params=BODIES.values(), ids=BODIES.keys())
def body(request: pytest.FixtureRequest) -> bytes:
    """Bytes of each kind: none, few (kept in a record), many (kept in a file)."""
    return bytes(request.param)


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def test_bytes_and_their_etag(s3: Any, box: str, body: bytes) -> None:
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    assert s3.put_object(Bucket=box, Key="k", Body=body)["ETag"] == etag
    got = s3.get_object(Bucket=box, Key="k")
    assert (got["Body"].read(), got["ETag"], got["ContentLength"]) == (body, etag, len(body))
    assert got["ContentType"] == "binary/octet-stream"
    assert datetime.now(UTC) - got["LastModified"] < timedelta(minutes=1)


def test_a_file_object_is_read_to_its_end(s3: Any, box: str, body: bytes) -> None:
    s3.put_object(Bucket=box, Key="k", Body=io.BytesIO(body))
    assert s3.get_object(Bucket=box, Key="k")["Body"].read() == body


def test_what_is_said_of_an_object(s3: Any, box: str) -> None:
    said = {
        "CacheControl": "max-age=5",
        "ContentDisposition": 'attachment; filename="a.csv"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "text/csv; charset=utf-8",
        "Metadata": {"project": "housing", "empty": ""},
        "StorageClass": "STANDARD_IA",
        "WebsiteRedirectLocation": "/elsewhere",
    }
    s3.put_object(Bucket=box, Key="k", Body=b"x", Expires=datetime(2030, 1, 2, tzinfo=UTC), **said)
    for got in (s3.get_object(Bucket=box, Key="k"), s3.head_object(Bucket=box, Key="k")):
        assert {name: got[name] for name in said} == said
        assert got["ExpiresString"] == "Wed, 02 Jan 2030 00:00:00 GMT"


@pytest.mark.parametrize("key", ["a b+c&d=e", "ü/ñ/😀", "a//b", "/lead", "trail/", "..", "a/../b", "%41", "x" * 1024])
def test_keys_are_any_text(s3: Any, box: str, key: str) -> None:
    s3.put_object(Bucket=box, Key=key, Body=b"x", ContentType="a/b")
    assert s3.get_object(Bucket=box, Key=key)["Body"].read() == b"x"
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=box)["Contents"]] == [key]
    s3.delete_object(Bucket=box, Key=key)
    assert refused(s3.get_object, Bucket=box, Key=key) == ("NoSuchKey", 404)


def test_a_missing_key_is_told_in_full_or_not_at_all(s3: Any, box: str) -> None:
    with pytest.raises(s3.exceptions.NoSuchKey, match="The specified key does not exist") as caught:
        s3.get_object(Bucket=box, Key="none")
    assert caught.value.response["Error"]["Key"] == "none"
    assert refused(s3.head_object, Bucket=box, Key="none") == ("404", 404)
    assert refused(s3.get_object, Bucket=f"{box}-none", Key="k") == ("NoSuchBucket", 404)
    assert refused(s3.put_object, Bucket=f"{box}-none", Key="k", Body=b"x" * 9999) == ("NoSuchBucket", 404)
    assert s3.delete_object(Bucket=box, Key="none")["ResponseMetadata"]["HTTPStatusCode"] == 204


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=3-", slice(3, None)),
        ("bytes=-2", slice(-2, None)),
        ("bytes=1-99999999", slice(1, None)),
    ],
)
@pytest.mark.parametrize("body", list(BODIES.values())[1:], ids=["little", "more"], indirect=True)
def test_ranges(s3: Any, box: str, body: bytes, text: str, piece: slice) -> None:
    s3.put_object(Bucket=box, Key="k", Body=body)
    got = s3.get_object(Bucket=box, Key="k", Range=text)
    start, stop, _ = piece.indices(len(body))
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert (got["Body"].read(), got["ContentRange"]) == (body[piece], f"bytes {start}-{stop - 1}/{len(body)}")


def test_ranges_outside(s3: Any, box: str, body: bytes) -> None:
    s3.put_object(Bucket=box, Key="k", Body=body)
    assert refused(s3.get_object, Bucket=box, Key="k", Range=f"bytes={len(body)}-") == ("InvalidRange", 416)
    assert s3.get_object(Bucket=box, Key="k", Range="nonsense")["Body"].read() == body


def test_conditional_reads(s3: Any, box: str) -> None:
    put = s3.put_object(Bucket=box, Key="k", Body=b"x")
    later, sooner = datetime.now(UTC) + timedelta(hours=1), datetime(2020, 1, 1, tzinfo=UTC)
    name = {"Bucket": box, "Key": "k"}
    assert s3.get_object(**name, IfMatch=put["ETag"], IfUnmodifiedSince=later)["Body"].read() == b"x"
    assert refused(s3.get_object, **name, IfNoneMatch=put["ETag"]) == ("304", 304)
    assert refused(s3.head_object, **name, IfModifiedSince=later) == ("304", 304)
    assert refused(s3.get_object, **name, IfMatch='"x"') == ("PreconditionFailed", 412)
    assert refused(s3.head_object, **name, IfUnmodifiedSince=sooner) == ("412", 412)


def test_conditional_writes(s3: Any, box: str) -> None:
    name = {"Bucket": box, "Key": "lock"}
    etag = s3.put_object(**name, Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused(s3.put_object, **name, Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    s3.put_object(**name, Body=b"3", IfMatch=etag)
    assert refused(s3.put_object, **name, Body=b"4", IfMatch=etag) == ("PreconditionFailed", 412)
    assert refused(s3.put_object, Bucket=box, Key="none", Body=b"", IfMatch=etag) == ("NoSuchKey", 404)
    assert s3.get_object(**name)["Body"].read() == b"3"


def test_of_many_that_want_a_lock_one_gets_it(s3: Any, box: str) -> None:
    def take(owner: int) -> bool:
        try:
            s3.put_object(Bucket=box, Key="state.tflock", Body=str(owner), IfNoneMatch="*")
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [owner for owner, taken in enumerate(pool.map(take, range(24))) if taken]
    assert [int(s3.get_object(Bucket=box, Key="state.tflock")["Body"].read())] == won


def crc(data: bytes, polynomial: int, width: int) -> str:
    """A CRC by the book: bit-reversed, ones before and after."""
    ones = (1 << 8 * width) - 1
    table = []
    for byte in range(256):
        entry = byte
        for _ in range(8):
            entry = entry >> 1 ^ (polynomial if entry & 1 else 0)
        table.append(entry)
    value = ones
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 255]
    return base64.b64encode((value ^ ones).to_bytes(width, "big")).decode()


CHECKSUMS: dict[str, Callable[[bytes], str]] = {
    "CRC32": crc32,
    "CRC32C": lambda data: crc(data, 0x82F63B78, 4),
    "CRC64NVME": lambda data: crc(data, 0x9A6C9329AC4BC9B5, 8),
    "SHA1": lambda data: base64.b64encode(hashlib.sha1(data).digest()).decode(),
    "SHA256": lambda data: base64.b64encode(hashlib.sha256(data).digest()).decode(),
}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_checksums(s3: Any, box: str, body: bytes, algorithm: str) -> None:
    member, value = f"Checksum{algorithm}", CHECKSUMS[algorithm](body)
    assert s3.put_object(Bucket=box, Key="k", Body=body, **{member: value})[member] == value
    got = s3.get_object(Bucket=box, Key="k", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got[member], got["ChecksumType"]) == (body, value, "FULL_OBJECT")
    wrong = {member: CHECKSUMS[algorithm](body + b"x")}
    assert refused(s3.put_object, Bucket=box, Key="k", Body=body, **wrong) == ("BadDigest", 400)


def test_what_arrives_changed_is_not_stored(s3: Any, box: str, body: bytes) -> None:
    name = {"Bucket": box, "Key": "k", "Body": body}
    assert refused(s3.put_object, **name, ChecksumCRC32=crc32(body + b"x")) == ("BadDigest", 400)
    md5 = base64.b64encode(hashlib.md5(body + b"x").digest()).decode()
    assert refused(s3.put_object, **name, ContentMD5=md5) == ("BadDigest", 400)
    assert refused(s3.put_object, **name, ContentMD5="nonsense") == ("InvalidDigest", 400)
    assert refused(s3.put_object, **name, ChecksumSHA256="nonsense") == ("InvalidRequest", 400)
    assert s3.list_objects_v2(Bucket=box)["KeyCount"] == 0


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"Metadata": {"a": "x" * 2100}}, "MetadataTooLarge"),
        ({"Key": "x" * 1025}, "KeyTooLongError"),
        ({"ACL": "public-read"}, "AccessControlListNotSupported"),
        ({"Tagging": "&".join(f"k{i}=v" for i in range(11))}, "BadRequest"),
    ],
)
def test_puts_that_are_refused(s3: Any, box: str, more: dict[str, Any], code: str) -> None:
    assert refused(s3.put_object, **{"Bucket": box, "Key": "k", "Body": b"x", **more}) == (code, 400)


def test_copies(s3: Any, box: str, body: bytes) -> None:
    s3.put_object(Bucket=box, Key="a +ü", Body=body, ContentType="x/y", Metadata={"m": "1"}, Tagging="t=u")
    source = {"Bucket": box, "Key": "a +ü"}
    etag = s3.copy_object(Bucket=box, Key="kept", CopySource=source)["CopyObjectResult"]["ETag"]
    got = s3.get_object(Bucket=box, Key="kept")
    assert (got["Body"].read(), got["ETag"], got["Metadata"], got["ContentType"]) == (body, etag, {"m": "1"}, "x/y")
    assert s3.get_object_tagging(Bucket=box, Key="kept")["TagSet"] == [{"Key": "t", "Value": "u"}]
    s3.copy_object(
        Bucket=box, Key="new", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"}, ContentType="z/z"
    )
    s3.delete_object(**source)
    got = s3.get_object(Bucket=box, Key="new")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (body, {"n": "2"}, "z/z")


def test_copies_that_are_refused(s3: Any, box: str) -> None:
    etag = s3.put_object(Bucket=box, Key="k", Body=b"x")["ETag"]
    own = {"Bucket": box, "Key": "k", "CopySource": f"{box}/k"}
    other = {**own, "Key": "other"}
    assert refused(s3.copy_object, **own) == ("InvalidRequest", 400)
    assert refused(s3.copy_object, **other, CopySourceIfNoneMatch=etag) == ("PreconditionFailed", 412)
    assert refused(s3.copy_object, **{**other, "CopySource": f"{box}/none"}) == ("NoSuchKey", 404)
    assert refused(s3.copy_object, **{**other, "CopySource": f"{box}-none/k"}) == ("NoSuchBucket", 404)
    s3.copy_object(**own, MetadataDirective="REPLACE", Metadata={"changed": "yes"})
    assert s3.head_object(Bucket=box, Key="k")["Metadata"] == {"changed": "yes"}


def test_deleting_many(s3: Any, box: str) -> None:
    keys = ["a", "b/ü", "c&<>"]
    for key in keys:
        s3.put_object(Bucket=box, Key=key, Body=b"x")
    entries = [{"Key": key} for key in [*keys, "none"]]
    result = s3.delete_objects(Bucket=box, Delete={"Objects": entries})
    assert [entry["Key"] for entry in result["Deleted"]] == [*keys, "none"]
    assert s3.list_objects_v2(Bucket=box)["KeyCount"] == 0
    assert "Deleted" not in s3.delete_objects(Bucket=box, Delete={"Objects": entries, "Quiet": True})
    too_many = {"Objects": [{"Key": str(i)} for i in range(1001)]}
    assert refused(s3.delete_objects, Bucket=box, Delete=too_many) == ("MalformedXML", 400)


def test_tags(s3: Any, box: str) -> None:
    name = {"Bucket": box, "Key": "k"}
    s3.put_object(**name, Body=b"x", Tagging="a=1&b=%20%C3%BC")
    assert s3.get_object_tagging(**name)["TagSet"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": " ü"}]
    assert s3.head_object(**name)["TagCount"] == 2
    s3.put_object_tagging(**name, Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert s3.get_object_tagging(**name)["TagSet"] == [{"Key": "c", "Value": "3"}]
    s3.delete_object_tagging(**name)
    assert s3.get_object_tagging(**name)["TagSet"] == []


def test_attributes_and_access_list(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"hello")
    asked = ["ETag", "ObjectSize", "StorageClass", "Checksum", "ObjectParts"]
    told = s3.get_object_attributes(Bucket=box, Key="k", ObjectAttributes=asked)
    assert (told["ETag"], told["ObjectSize"], told["StorageClass"]) == (
        hashlib.md5(b"hello").hexdigest(),
        5,
        "STANDARD",
    )
    assert told["Checksum"] == {"ChecksumCRC32": crc32(b"hello"), "ChecksumType": "FULL_OBJECT"}
    assert "ObjectParts" not in told
    assert s3.get_object_acl(Bucket=box, Key="k")["Grants"][0]["Permission"] == "FULL_CONTROL"


def test_versions_there_is_one(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"x")
    assert s3.get_object(Bucket=box, Key="k", VersionId="null")["Body"].read() == b"x"
    assert refused(s3.get_object, Bucket=box, Key="k", VersionId="other") == ("NoSuchVersion", 404)


def test_an_answers_headers_can_be_chosen(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"x")
    got = s3.get_object(Bucket=box, Key="k", ResponseContentType="a/b", ResponseContentDisposition="attachment")
    assert (got["ContentType"], got["ContentDisposition"]) == ("a/b", "attachment")


def test_a_reader_keeps_the_bytes_it_began(s3: Any, box: str) -> None:
    first, second = os.urandom(8 * KIB * KIB), os.urandom(8 * KIB * KIB)
    s3.put_object(Bucket=box, Key="k", Body=first)
    stream = s3.get_object(Bucket=box, Key="k")["Body"]
    begun = stream.read(1000)
    s3.put_object(Bucket=box, Key="k", Body=second)
    s3.delete_object(Bucket=box, Key="k")
    assert begun + stream.read() == first


def test_files_up_and_down(s3: Any, box: str, tmp_path: Path) -> None:
    source, target = tmp_path / "up", tmp_path / "down"
    source.write_bytes(os.urandom(20 * KIB * KIB))
    s3.upload_file(str(source), box, "file", ExtraArgs={"Metadata": {"a": "b"}})
    s3.download_file(box, "file", str(target))
    assert target.read_bytes() == source.read_bytes()
    assert s3.head_object(Bucket=box, Key="file")["Metadata"] == {"a": "b"}


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_addresses(box: str, version: str) -> None:
    s3 = boto3.client("s3", config=Config(signature_version=version))
    name = {"Bucket": box, "Key": "a b+ü"}
    # No content type: older signatures cover the one that urllib would add.
    web = urllib3.PoolManager()
    put = s3.generate_presigned_url("put_object", Params=name)
    assert web.request("PUT", put, body=b"signed").status == 200
    url = s3.generate_presigned_url("get_object", Params={**name, "ResponseContentType": "a/b"})
    got = web.request("GET", url)
    assert (got.data, got.headers["content-type"]) == (b"signed", "a/b")
    assert web.request("GET", url.replace("a%20b", "other")).status == 403


def test_a_body_without_an_end_in_sight(s3: Any, box: str, server: Any, eventually: Callable[..., Any]) -> None:
    """A client that sends in pieces, and goes away in the middle."""
    url = s3.generate_presigned_url("put_object", Params={"Bucket": box, "Key": "k"})

    def pieces() -> Iterator[bytes]:
        yield b"x" * KIB * KIB
        raise ConnectionAbortedError

    request = urllib.request.Request(url, data=pieces(), method="PUT", headers={"Content-Length": str(2 * KIB * KIB)})
    with pytest.raises((ConnectionAbortedError, urllib.error.URLError)):
        urllib.request.urlopen(request)
    assert s3.list_objects_v2(Bucket=box)["KeyCount"] == 0
    doubtful = server.data / "objects" / "doubt"
    eventually(lambda: not list(doubtful.iterdir()))
