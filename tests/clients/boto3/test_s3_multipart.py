"""Uploads in parts as boto3 and its transfer manager see them."""

import hashlib
import io
import os
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from .refusals import refused

MIB = 1024 * 1024
BIG = os.urandom(5 * MIB)
LAST = b"the end"


def begin(s3: Any, box: str, **more: Any) -> dict[str, str]:
    upload = s3.create_multipart_upload(Bucket=box, Key="dir/ü", **more)
    return {name: upload[name] for name in ("Bucket", "Key", "UploadId")}


def send(s3: Any, upload: dict[str, str], *bodies: bytes) -> list[dict[str, Any]]:
    return [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, start=1)
    ]


def test_parts_become_an_object(s3: Any, box: str) -> None:
    upload = begin(s3, box, ContentType="x/y", Metadata={"a": "b"})
    parts = send(s3, upload, BIG, LAST)
    assert "Contents" not in s3.list_objects_v2(Bucket=box)
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    md5s = hashlib.md5(BIG).digest() + hashlib.md5(LAST).digest()
    assert done["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-2"'
    assert done["Location"].endswith(f"/{box}/dir/ü") or "%C3%BC" in done["Location"]
    got = s3.get_object(Bucket=box, Key="dir/ü")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (BIG + LAST, "x/y", {"a": "b"})
    second = s3.get_object(Bucket=box, Key="dir/ü", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (LAST, 2)
    again = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert again["ETag"] == done["ETag"]


@pytest.mark.parametrize(
    ("algorithm", "kind"), [("CRC32", "COMPOSITE"), ("SHA256", "COMPOSITE"), ("CRC32", "FULL_OBJECT")]
)
def test_checksums(s3: Any, box: str, algorithm: str, kind: str) -> None:
    upload = begin(s3, box, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    member = f"Checksum{algorithm}"
    parts = []
    for number, body in enumerate((BIG, LAST), start=1):
        answer = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm)
        parts.append({"PartNumber": number, "ETag": answer["ETag"], member: answer[member]})
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, ChecksumType=kind)
    assert done["ChecksumType"] == kind
    assert done[member].endswith("-2") == (kind == "COMPOSITE")
    got = s3.get_object(Bucket=box, Key="dir/ü", ChecksumMode="ENABLED")
    # Reading it all makes boto3 verify what it can.
    assert (got["Body"].read(), got[member]) == (BIG + LAST, done[member])
    told = s3.get_object_attributes(Bucket=box, Key="dir/ü", ObjectAttributes=["ObjectParts", "Checksum"])
    assert [part["Size"] for part in told["ObjectParts"]["Parts"]] == [len(BIG), len(LAST)]
    assert told["Checksum"]["ChecksumType"] == kind


def test_completions_that_are_refused(s3: Any, box: str) -> None:
    upload = begin(s3, box)
    one, two, three = send(s3, upload, BIG, LAST, LAST)
    for parts, code in (
        ([two, one], "InvalidPartOrder"),
        ([one, {**two, "ETag": '"x"'}], "InvalidPart"),
        ([one, two, three], "EntityTooSmall"),
        ([], "MalformedXML"),
    ):
        assert refused(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts}) == (code, 400)
    missing = {**upload, "UploadId": "none", "MultipartUpload": {"Parts": [one]}}
    assert refused(s3.complete_multipart_upload, **missing) == ("NoSuchUpload", 404)
    s3.put_object(Bucket=box, Key=upload["Key"], Body=b"there")
    conditional = {"MultipartUpload": {"Parts": [one, two]}, "IfNoneMatch": "*"}
    assert refused(s3.complete_multipart_upload, **upload, **conditional) == ("PreconditionFailed", 412)


def test_a_part_can_be_sent_again(s3: Any, box: str) -> None:
    upload = begin(s3, box)
    send(s3, upload, b"first")
    parts = send(s3, upload, b"second")
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=box, Key=upload["Key"])["Body"].read() == b"second"


def test_an_upload_can_be_given_up(s3: Any, box: str) -> None:
    upload = begin(s3, box)
    send(s3, upload, BIG)
    listed = s3.list_multipart_uploads(Bucket=box)
    assert [(entry["Key"], entry["UploadId"]) for entry in listed["Uploads"]] == [("dir/ü", upload["UploadId"])]
    s3.abort_multipart_upload(**upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=box)
    assert refused(s3.upload_part, **upload, PartNumber=1, Body=b"") == ("NoSuchUpload", 404)
    assert refused(s3.abort_multipart_upload, **upload) == ("NoSuchUpload", 404)


def test_parts_are_listed_in_pages(s3: Any, box: str) -> None:
    upload = begin(s3, box)
    send(s3, upload, b"1", b"22", b"333")
    pages = list(s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 2}))
    assert [[part["Size"] for part in page["Parts"]] for page in pages] == [[1, 2], [3]]
    assert refused(s3.upload_part, **upload, PartNumber=10_001, Body=b"") == ("InvalidArgument", 400)


def test_uploads_are_listed_in_pages(s3: Any, box: str) -> None:
    for key in ("a", "a", "b/1", "b/2", "c"):
        s3.create_multipart_upload(Bucket=box, Key=key)
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=box, PaginationConfig={"PageSize": 2})
    assert [entry["Key"] for page in pages for entry in page["Uploads"]] == ["a", "a", "b/1", "b/2", "c"]
    folded = s3.list_multipart_uploads(Bucket=box, Delimiter="/")
    assert [entry["Prefix"] for entry in folded["CommonPrefixes"]] == ["b/"]
    # A bucket is empty as long as no upload is complete.
    s3.delete_bucket(Bucket=box)


def test_parts_are_copied_from_objects(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="source", Body=BIG)
    upload = begin(s3, box)
    parts = []
    for number, more in ((1, {}), (2, {"CopySourceRange": "bytes=10-19"})):
        source = {"Bucket": box, "Key": "source"}
        copied = s3.upload_part_copy(**upload, PartNumber=number, CopySource=source, **more)["CopyPartResult"]
        parts.append({"PartNumber": number, "ETag": copied["ETag"]})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=box, Key=upload["Key"])["Body"].read() == BIG + BIG[10:20]


def test_the_transfer_manager_copies_in_parts(s3: Any, box: str) -> None:
    data = os.urandom(12 * MIB)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(data), box, "source", Config=config)
    s3.copy({"Bucket": box, "Key": "source"}, box, "copy", Config=config)
    back = io.BytesIO()
    s3.download_fileobj(box, "copy", back, Config=config)
    assert back.getvalue() == data
    assert s3.head_object(Bucket=box, Key="copy")["ETag"].endswith('-3"')
