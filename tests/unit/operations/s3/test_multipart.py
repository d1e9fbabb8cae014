"""Uploads in parts through S3's functions."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.wire.checksums import Checksum

Ask = Callable[..., dict[str, Any]]

BIG = os.urandom(5 << 20)
LAST = b"the end"


def checksum(algorithm: str, data: bytes) -> str:
    total = Checksum(algorithm)
    total.update(data)
    return total.digest_b64


def refused(ask: Ask, name: str, **request: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        ask(name, **request)
    assert 400 <= caught.value.status < 500
    return caught.value


def begin(ask: Ask, **more: Any) -> dict[str, Any]:
    upload = ask("create_multipart_upload", Bucket="bucket", Key="k", **more)
    return {name: upload[name] for name in ("Bucket", "Key", "UploadId")}


def upload_parts(ask: Ask, upload: dict[str, Any], *bodies: bytes) -> list[dict[str, Any]]:
    parts = []
    for number, body in enumerate(bodies, start=1):
        answer = ask("upload_part", **upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, **answer})
    return parts


def test_parts_become_an_object(ask: Ask, folder: Path) -> None:
    upload = begin(ask, ContentType="x/y", Metadata={"a": "b"}, Tagging="t=u")
    parts = upload_parts(ask, upload, BIG, LAST)
    done = ask("complete_multipart_upload", **upload, MultipartUpload={"Parts": parts})
    md5s = b"".join(hashlib.md5(body).digest() for body in (BIG, LAST))
    etag = f'"{hashlib.md5(md5s).hexdigest()}-2"'
    assert done == {"Location": "http://host/bucket/k", "Bucket": "bucket", "Key": "k", "ETag": etag}
    got = ask("get_object", Bucket="bucket", Key="k")
    assert got["Body"] == BIG + LAST
    assert (got["ETag"], got["ContentType"], got["Metadata"], got["TagCount"]) == (etag, "x/y", {"a": "b"}, 1)
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1
    # A client that lost the answer asks again.
    assert ask("complete_multipart_upload", **upload, MultipartUpload={"Parts": parts}) == done
    second = ask("get_object", Bucket="bucket", Key="k", PartNumber=2)
    assert (second["Body"], second["PartsCount"], second["__status__"]) == (LAST, 2, 206)
    error = refused(ask, "get_object", Bucket="bucket", Key="k", PartNumber=3)
    assert (error.code, error.status) == ("InvalidPartNumber", 416)
    error = refused(ask, "get_object", Bucket="bucket", Key="k", PartNumber=1, Range="bytes=0-1")
    assert error.code == "InvalidRequest"


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("CRC32", "COMPOSITE"),
        ("SHA256", "COMPOSITE"),
        ("CRC32", "FULL_OBJECT"),
        ("CRC32C", "FULL_OBJECT"),
        ("CRC64NVME", "FULL_OBJECT"),
    ],
)
def test_checksums_of_parts_and_of_the_whole(ask: Ask, algorithm: str, kind: str) -> None:
    member = f"Checksum{algorithm}"
    upload = begin(ask, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    parts = upload_parts(ask, upload, BIG, LAST)
    assert parts[1][member] == checksum(algorithm, LAST)
    if kind == "FULL_OBJECT":
        expected = checksum(algorithm, BIG + LAST)
    else:
        digests = b"".join(base64.b64decode(part[member]) for part in parts)
        expected = f"{checksum(algorithm, digests)}-2"
    wrong = {member: checksum(algorithm, b"other"), "MultipartUpload": {"Parts": parts}}
    assert refused(ask, "complete_multipart_upload", **upload, **wrong).code == "BadDigest"
    done = ask("complete_multipart_upload", **upload, **{**wrong, member: expected})
    assert (done[member], done["ChecksumType"]) == (expected, kind)
    got = ask("get_object", Bucket="bucket", Key="k", ChecksumMode="ENABLED")
    assert (got[member], got["ChecksumType"]) == (expected, kind)
    part = ask("head_object", Bucket="bucket", Key="k", ChecksumMode="ENABLED", PartNumber=2)
    assert part[member] == checksum(algorithm, LAST)
    told = ask("get_object_attributes", Bucket="bucket", Key="k", ObjectAttributes=["ObjectParts"], MaxParts=1)
    assert told["ObjectParts"]["Parts"] == [{"PartNumber": 1, "Size": len(BIG), member: parts[0][member]}]
    assert (told["ObjectParts"]["TotalPartsCount"], told["ObjectParts"]["IsTruncated"]) == (2, True)
    # A copy is one piece: so is its checksum.
    copied = ask("copy_object", Bucket="bucket", Key="copy", CopySource="bucket/k")["CopyObjectResult"]
    assert (copied[member], copied["ChecksumType"]) == (checksum(algorithm, BIG + LAST), "FULL_OBJECT")
    assert copied["ETag"] == f'"{hashlib.md5(BIG + LAST).hexdigest()}"'


def test_completions_that_cannot_be(ask: Ask) -> None:
    upload = begin(ask, ChecksumAlgorithm="CRC32")
    one, two, three = upload_parts(ask, upload, BIG, LAST, LAST)
    for parts, code in (
        ([], "MalformedXML"),
        ([two, one], "InvalidPartOrder"),
        ([one, one], "InvalidPartOrder"),
        ([one, {**two, "ETag": '"x"'}], "InvalidPart"),
        ([one, {**two, "ChecksumCRC32": one["ChecksumCRC32"]}], "InvalidPart"),
        ([one, {"PartNumber": 9, "ETag": two["ETag"]}], "InvalidPart"),
        ([one, two, three], "EntityTooSmall"),
    ):
        error = refused(ask, "complete_multipart_upload", **upload, MultipartUpload={"Parts": parts})
        assert error.code == code
    good = {"MultipartUpload": {"Parts": [one, two]}}
    assert refused(ask, "complete_multipart_upload", **upload, **good, MpuObjectSize=1).code == "InvalidRequest"
    ask("put_object", Bucket="bucket", Key="k", Body=b"")
    assert refused(ask, "complete_multipart_upload", **upload, **good, IfNoneMatch="*").status == 412
    assert refused(ask, "complete_multipart_upload", **{**upload, "UploadId": "x"}, **good).code == "NoSuchUpload"
    # Nothing of that has ended the upload.
    ask("complete_multipart_upload", **upload, **good)


def test_parts_that_cannot_be(ask: Ask) -> None:
    upload = begin(ask)
    for number in (0, 10_001):
        assert refused(ask, "upload_part", **upload, PartNumber=number, Body=b"").code == "InvalidArgument"
    wrong = {"PartNumber": 1, "Body": b"x", "ChecksumCRC32": checksum("CRC32", b"y")}
    assert refused(ask, "upload_part", **upload, **wrong).code == "BadDigest"
    missing = {**upload, "UploadId": "x", "PartNumber": 1, "Body": b""}
    assert refused(ask, "upload_part", **missing).code == "NoSuchUpload"
    assert refused(ask, "upload_part", **{**missing, "Bucket": "none"}).code == "NoSuchBucket"
    assert "Parts" not in ask("list_parts", **upload)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"}, "InvalidRequest"),
        ({"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"}, "InvalidRequest"),
        ({"ChecksumType": "COMPOSITE"}, "InvalidRequest"),
        ({"Bucket": "none"}, "NoSuchBucket"),
    ],
)
def test_uploads_that_cannot_be(ask: Ask, more: dict[str, Any], code: str) -> None:
    error = refused(ask, "create_multipart_upload", **{"Bucket": "bucket", "Key": "k", **more})
    assert error.code == code


def test_aborting(ask: Ask, folder: Path) -> None:
    upload = begin(ask)
    upload_parts(ask, upload, BIG)
    assert ask("abort_multipart_upload", **upload) == {}
    assert refused(ask, "abort_multipart_upload", **upload).code == "NoSuchUpload"
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_parts_copied_from_objects(ask: Ask) -> None:
    ask("put_object", Bucket="bucket", Key="source", Body=BIG)
    upload = begin(ask, ChecksumAlgorithm="CRC32")
    request = {**upload, "CopySource": "bucket/source"}
    one = ask("upload_part_copy", **request, PartNumber=1)["CopyPartResult"]
    two = ask("upload_part_copy", **request, PartNumber=2, CopySourceRange="bytes=10-19")["CopyPartResult"]
    assert one["ETag"] == f'"{hashlib.md5(BIG).hexdigest()}"'
    assert two["ChecksumCRC32"] == checksum("CRC32", BIG[10:20])
    parts = [{"PartNumber": 1, "ETag": one["ETag"]}, {"PartNumber": 2, "ETag": two["ETag"]}]
    ask("complete_multipart_upload", **upload, MultipartUpload={"Parts": parts})
    assert ask("get_object", Bucket="bucket", Key="k")["Body"] == BIG + BIG[10:20]
    for text in ("bytes=0-", "bytes=-5", f"bytes=0-{len(BIG)}", "bytes=5-1", "x"):
        fresh = {**begin(ask), "CopySource": "bucket/source", "PartNumber": 1}
        assert refused(ask, "upload_part_copy", **fresh, CopySourceRange=text).code == "InvalidArgument"


def test_listing_parts(ask: Ask) -> None:
    upload = begin(ask)
    upload_parts(ask, upload, b"1", b"22", b"333")
    first = ask("list_parts", **upload, MaxParts=2)
    assert [(part["PartNumber"], part["Size"]) for part in first["Parts"]] == [(1, 1), (2, 2)]
    assert (first["IsTruncated"], first["NextPartNumberMarker"]) == (True, 2)
    rest = ask("list_parts", **upload, PartNumberMarker=2)
    assert ([part["PartNumber"] for part in rest["Parts"]], rest["IsTruncated"]) == ([3], False)
    assert refused(ask, "list_parts", **{**upload, "UploadId": "x"}).code == "NoSuchUpload"


def test_listing_uploads(ask: Ask, clock: Any) -> None:
    ids = []
    for key in ("a", "a", "b/1", "b/2", "c"):
        clock.time += 1
        ids.append(ask("create_multipart_upload", Bucket="bucket", Key=key)["UploadId"])
    whole = ask("list_multipart_uploads", Bucket="bucket")
    assert [upload["UploadId"] for upload in whole["Uploads"]] == ids
    folded = ask("list_multipart_uploads", Bucket="bucket", Delimiter="/")
    assert [upload["Key"] for upload in folded["Uploads"]] == ["a", "a", "c"]
    assert folded["CommonPrefixes"] == [{"Prefix": "b/"}]
    found: list[str] = []
    request: dict[str, Any] = {"Bucket": "bucket", "MaxUploads": 1}
    while True:
        page = ask("list_multipart_uploads", **request)
        found += [upload["UploadId"] for upload in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        request |= {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert found == ids
    begun = ask("list_multipart_uploads", Bucket="bucket", KeyMarker="a", Prefix="c")
    assert [upload["Key"] for upload in begun["Uploads"]] == ["c"]
