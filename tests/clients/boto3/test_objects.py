"""Objects through boto3: what notebooks, the SDKs and transfer managers do with S3."""

import io
import os
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1024 * 1024


def code(call: Callable[..., Any], **params: Any) -> str:
    """The code a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def test_an_object_comes_back_as_it_went(s3: Any, box: str) -> None:
    put = s3.put_object(Bucket=box, Key="dir/ä +b.txt", Body=b"hello", ContentType="text/plain", Metadata={"a": "1"})
    got = s3.get_object(Bucket=box, Key="dir/ä +b.txt")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"hello", "text/plain", {"a": "1"})
    assert got["ETag"] == put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert s3.head_object(Bucket=box, Key="dir/ä +b.txt")["ContentLength"] == 5


def test_a_part_of_an_object(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=box, Key="k", Range="bytes=2-4")
    assert (got["Body"].read(), got["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert s3.get_object(Bucket=box, Key="k", Range="bytes=-3")["Body"].read() == b"789"
    assert code(s3.get_object, Bucket=box, Key="k", Range="bytes=20-") == "InvalidRange"


def test_a_key_may_be_another_keys_folder(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="a", Body=b"file")
    s3.put_object(Bucket=box, Key="a/b", Body=b"below")
    assert s3.get_object(Bucket=box, Key="a")["Body"].read() == b"file"
    assert s3.get_object(Bucket=box, Key="a/b")["Body"].read() == b"below"


def test_lists_know_prefixes_delimiters_and_pages(s3: Any, box: str) -> None:
    for key in ("a/1", "a/2", "b/1", "c"):
        s3.put_object(Bucket=box, Key=key, Body=b"")
    found = s3.list_objects_v2(Bucket=box, Delimiter="/")
    assert [entry["Key"] for entry in found["Contents"]] == ["c"]
    assert [entry["Prefix"] for entry in found["CommonPrefixes"]] == ["a/", "b/"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=box, PaginationConfig={"PageSize": 3})
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == ["a/1", "a/2", "b/1", "c"]
    old = s3.list_objects(Bucket=box, Prefix="a/", MaxKeys=1)
    assert (old["IsTruncated"], [entry["Key"] for entry in old["Contents"]]) == (True, ["a/1"])


def test_a_large_object_travels_in_parts(s3: Any, box: str) -> None:
    content = os.urandom(12 * MIB)
    parts = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(content), box, "large", Config=parts)
    assert s3.head_object(Bucket=box, Key="large")["ETag"].endswith('-3"')
    back = io.BytesIO()
    s3.download_fileobj(box, "large", back, Config=parts)
    assert back.getvalue() == content


def test_an_upload_that_is_given_up_leaves_nothing(s3: Any, box: str) -> None:
    upload = s3.create_multipart_upload(Bucket=box, Key="k")["UploadId"]
    s3.upload_part(Bucket=box, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket=box, Key="k", UploadId=upload)
    assert code(s3.complete_multipart_upload, Bucket=box, Key="k", UploadId=upload) in (
        "NoSuchUpload",
        "MalformedXML",
    )
    assert s3.list_objects_v2(Bucket=box)["KeyCount"] == 0


def test_a_copy_keeps_or_replaces_what_is_said_of_it(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="from", Body=b"x", Metadata={"a": "1"})
    s3.copy_object(Bucket=box, Key="kept", CopySource={"Bucket": box, "Key": "from"})
    s3.copy_object(Bucket=box, Key="new", CopySource=f"{box}/from", MetadataDirective="REPLACE", Metadata={"b": "2"})
    assert s3.head_object(Bucket=box, Key="kept")["Metadata"] == {"a": "1"}
    assert s3.head_object(Bucket=box, Key="new")["Metadata"] == {"b": "2"}


def test_conditions_are_kept(s3: Any, box: str) -> None:
    tag = s3.put_object(Bucket=box, Key="k", Body=b"x", IfNoneMatch="*")["ETag"]
    assert code(s3.put_object, Bucket=box, Key="k", Body=b"y", IfNoneMatch="*") == "PreconditionFailed"
    assert code(s3.get_object, Bucket=box, Key="k", IfMatch='"other"') == "PreconditionFailed"
    assert code(s3.get_object, Bucket=box, Key="k", IfNoneMatch=tag) in ("304", "NotModified")


def test_many_objects_go_at_once(s3: Any, box: str) -> None:
    for number in range(3):
        s3.put_object(Bucket=box, Key=str(number), Body=b"")
    asked = {"Objects": [{"Key": "0"}, {"Key": "1"}, {"Key": "never was"}]}
    deleted = s3.delete_objects(Bucket=box, Delete=asked)["Deleted"]
    assert sorted(entry["Key"] for entry in deleted) == ["0", "1", "never was"]
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=box)["Contents"]] == ["2"]


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_signed_url_opens_an_object_without_keys(s3: Any, box: str, version: str) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"open")
    signer = boto3.client("s3", config=boto3.session.Config(signature_version=version))
    url = signer.generate_presigned_url("get_object", Params={"Bucket": box, "Key": "k"}, ExpiresIn=60)
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"open"


def test_buckets_are_listed_and_removed_when_empty(s3: Any, box: str) -> None:
    assert box in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    s3.put_object(Bucket=box, Key="k", Body=b"")
    assert code(s3.delete_bucket, Bucket=box) == "BucketNotEmpty"
    s3.delete_object(Bucket=box, Key="k")
    s3.delete_bucket(Bucket=box)
    assert code(s3.list_objects_v2, Bucket=box) == "NoSuchBucket"


def test_what_is_not_there(s3: Any, box: str) -> None:
    assert code(s3.get_object, Bucket=box, Key="k") == "NoSuchKey"
    assert code(s3.head_object, Bucket=box, Key="k") == "404"
    assert code(s3.head_bucket, Bucket="no-such-bucket-here") == "404"
    assert code(s3.head_bucket, Bucket=box, ExpectedBucketOwner="000000000000") == "403"
