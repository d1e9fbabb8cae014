"""Versions as boto3 sees them, and that they outlive a killed server."""

import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .refusals import refusal, refused

LARGE = os.urandom(300 * 1024)


@pytest.fixture
def versioned(s3: Any, box: str) -> str:
    """A bucket that versions."""
    s3.put_bucket_versioning(Bucket=box, VersioningConfiguration={"Status": "Enabled"})
    return box


def read(s3: Any, **which: Any) -> bytes:
    return bytes(s3.get_object(**which)["Body"].read())


def test_every_version_is_there_under_its_id(s3: Any, versioned: str) -> None:
    assert s3.get_bucket_versioning(Bucket=versioned)["Status"] == "Enabled"
    name = {"Bucket": versioned, "Key": "k"}
    bodies = {s3.put_object(**name, Body=body)["VersionId"]: body for body in (b"1", LARGE, b"3")}
    assert {version: read(s3, **name, VersionId=version) for version in bodies} == bodies
    newest = list(bodies)[-1]
    assert (s3.get_object(**name)["VersionId"], s3.head_object(**name)["VersionId"]) == (newest, newest)
    listed = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert [(entry["VersionId"], entry["IsLatest"]) for entry in listed] == [
        (version, version == newest) for version in reversed(bodies)
    ]
    assert s3.list_objects_v2(Bucket=versioned)["KeyCount"] == 1


def test_what_was_there_before_is_the_null_version(s3: Any, box: str) -> None:
    assert "VersionId" not in s3.put_object(Bucket=box, Key="k", Body=b"old")
    s3.put_bucket_versioning(Bucket=box, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_object(Bucket=box, Key="k")["VersionId"] == "null"
    s3.put_object(Bucket=box, Key="k", Body=b"new")
    assert read(s3, Bucket=box, Key="k", VersionId="null") == b"old"
    s3.put_bucket_versioning(Bucket=box, VersioningConfiguration={"Status": "Suspended"})
    assert s3.put_object(Bucket=box, Key="k", Body=b"again")["VersionId"] == "null"
    assert read(s3, Bucket=box, Key="k", VersionId="null") == b"again"
    assert len(s3.list_object_versions(Bucket=box)["Versions"]) == 2


def test_delete_markers(s3: Any, versioned: str) -> None:
    name = {"Bucket": versioned, "Key": "k"}
    kept = s3.put_object(**name, Body=b"1")["VersionId"]
    deleted = s3.delete_object(**name)
    assert deleted["DeleteMarker"] is True
    with pytest.raises(s3.exceptions.NoSuchKey) as caught:
        s3.get_object(**name)
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", deleted["VersionId"])
    assert refused(s3.get_object, **name, VersionId=deleted["VersionId"]) == ("MethodNotAllowed", 405)
    assert refused(s3.head_object, **name, VersionId=deleted["VersionId"]) == ("405", 405)
    listed = s3.list_object_versions(Bucket=versioned)
    assert [(entry["VersionId"], entry["IsLatest"]) for entry in listed["DeleteMarkers"]] == [
        (deleted["VersionId"], True)
    ]
    assert [(entry["VersionId"], entry["IsLatest"]) for entry in listed["Versions"]] == [(kept, False)]
    assert refused(s3.delete_bucket, Bucket=versioned) == ("BucketNotEmpty", 409)
    removed = s3.delete_object(**name, VersionId=deleted["VersionId"])
    assert (removed["VersionId"], removed["DeleteMarker"]) == (deleted["VersionId"], True)
    assert read(s3, **name) == b"1"


def test_a_version_that_is_removed_is_gone_and_the_one_before_current(s3: Any, versioned: str) -> None:
    name = {"Bucket": versioned, "Key": "k"}
    first, second = (s3.put_object(**name, Body=body)["VersionId"] for body in (LARGE, b"2"))
    assert s3.delete_object(**name, VersionId=second)["VersionId"] == second
    assert refused(s3.get_object, **name, VersionId=second) == ("NoSuchVersion", 404)
    assert refused(s3.head_object, **name, VersionId="nonsense") == ("404", 404)
    assert s3.get_object(**name)["VersionId"] == first
    assert read(s3, **name) == LARGE


def test_many_deleted_at_once(s3: Any, versioned: str) -> None:
    kept = s3.put_object(Bucket=versioned, Key="a", Body=b"1")["VersionId"]
    entries = [{"Key": "a"}, {"Key": "b"}]
    deleted = s3.delete_objects(Bucket=versioned, Delete={"Objects": entries})["Deleted"]
    assert [(entry["Key"], entry["DeleteMarker"]) for entry in deleted] == [("a", True), ("b", True)]
    markers = [{"Key": entry["Key"], "VersionId": entry["DeleteMarkerVersionId"]} for entry in deleted]
    gone = s3.delete_objects(Bucket=versioned, Delete={"Objects": [*markers, {"Key": "a", "VersionId": kept}]})
    assert [entry.get("DeleteMarker") for entry in gone["Deleted"]] == [True, True, None]
    s3.delete_bucket(Bucket=versioned)


def test_versions_are_listed_in_pages(s3: Any, versioned: str) -> None:
    for key in ("a/1", "a/2", "b", "c"):
        for body in (b"1", b"2", b"3"):
            s3.put_object(Bucket=versioned, Key=key, Body=body)
    s3.delete_object(Bucket=versioned, Key="b")
    paginator = s3.get_paginator("list_object_versions")
    for size in (1, 2, 5):
        pages = list(paginator.paginate(Bucket=versioned, PaginationConfig={"PageSize": size}))
        found = [entry for page in pages for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]]
        assert len({(entry["Key"], entry["VersionId"]) for entry in found}) == len(found) == 13
        latest = [entry["Key"] for entry in found if entry["IsLatest"]]
        assert sorted(latest) == ["a/1", "a/2", "b", "c"]
    folded = s3.list_object_versions(Bucket=versioned, Delimiter="/", Prefix="")
    assert [entry["Prefix"] for entry in folded["CommonPrefixes"]] == ["a/"]
    pages = list(paginator.paginate(Bucket=versioned, Delimiter="/", PaginationConfig={"PageSize": 1}))
    assert sum(len(page.get("CommonPrefixes", [])) for page in pages) == 1
    assert len(pages) == 8


def test_going_back_by_copying_an_old_version(s3: Any, versioned: str) -> None:
    name = {"Bucket": versioned, "Key": "k"}
    first = s3.put_object(**name, Body=LARGE, Metadata={"a": "1"}, Tagging="t=1")["VersionId"]
    s3.put_object(**name, Body=b"2")
    copied = s3.copy_object(**name, CopySource={**name, "VersionId": first})
    assert copied["CopySourceVersionId"] == first
    got = s3.get_object(**name)
    assert (got["VersionId"], got["Metadata"], got["TagCount"]) == (copied["VersionId"], {"a": "1"}, 1)
    assert got["Body"].read() == LARGE
    marker = s3.delete_object(**name)["VersionId"]
    source = {**name, "VersionId": marker}
    assert refused(s3.copy_object, Bucket=versioned, Key="other", CopySource=source) == ("InvalidRequest", 400)


def test_tags_and_attributes_of_one_version(s3: Any, versioned: str) -> None:
    name = {"Bucket": versioned, "Key": "k"}
    first = s3.put_object(**name, Body=b"1")["VersionId"]
    s3.put_object(**name, Body=b"22")
    tags = [{"Key": "a", "Value": "b"}]
    assert s3.put_object_tagging(**name, VersionId=first, Tagging={"TagSet": tags})["VersionId"] == first
    assert s3.get_object_tagging(**name, VersionId=first)["TagSet"] == tags
    assert s3.get_object_tagging(**name)["TagSet"] == []
    found = s3.get_object_attributes(**name, VersionId=first, ObjectAttributes=["ObjectSize", "ETag"])
    assert (found["ObjectSize"], found["VersionId"]) == (1, first)


def test_an_upload_in_parts_is_a_version(s3: Any, versioned: str) -> None:
    name = {"Bucket": versioned, "Key": "k"}
    first = s3.put_object(**name, Body=b"1")["VersionId"]
    upload = s3.create_multipart_upload(**name)["UploadId"]
    part = s3.upload_part_copy(
        **name, UploadId=upload, PartNumber=1, CopySource={**name, "VersionId": first}, CopySourceRange="bytes=0-0"
    )
    assert part["CopySourceVersionId"] == first
    parts = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    done = s3.complete_multipart_upload(**name, UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(**name)["VersionId"] == done["VersionId"] != first
    assert read(s3, **name, VersionId=first) == b"1"


def test_conditions_do_not_see_what_a_marker_hides(s3: Any, versioned: str) -> None:
    name = {"Bucket": versioned, "Key": "k"}
    s3.put_object(**name, Body=b"1", IfNoneMatch="*")
    assert refused(s3.put_object, **name, Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    s3.delete_object(**name)
    s3.put_object(**name, Body=b"3", IfNoneMatch="*")


def test_the_resource_empties_a_versioned_bucket(s3: Any, versioned: str) -> None:
    for key in ("a", "a", "b/c"):
        s3.put_object(Bucket=versioned, Key=key, Body=b"x")
    bucket = boto3.resource("s3").Bucket(versioned)
    bucket.objects.all().delete()
    bucket.object_versions.all().delete()
    s3.delete_bucket(Bucket=versioned)


def test_what_versioning_does_not_do(s3: Any, box: str) -> None:
    status = {"Status": "Enabled", "MFADelete": "Enabled"}
    code, message = refusal(s3.put_bucket_versioning, Bucket=box, VersioningConfiguration=status, MFA="serial 123456")
    assert code == "NotImplemented"
    assert "MFADelete" in message
    assert "Status" not in s3.get_bucket_versioning(Bucket=box)
    assert refused(s3.put_bucket_versioning, Bucket=box, VersioningConfiguration={"Status": "On"}) == (
        "InvalidArgument",
        400,
    )


def test_versions_and_settings_outlive_a_killed_server(
    s3: Any, versioned: str, server: Any, eventually: Callable[..., Any]
) -> None:
    name = {"Bucket": versioned, "Key": "k"}
    bodies = {s3.put_object(**name, Body=body)["VersionId"]: body for body in (LARGE, b"2", LARGE + b"3")}
    marker = s3.delete_object(**name)["VersionId"]
    rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]
    s3.put_bucket_cors(Bucket=versioned, CORSConfiguration={"CORSRules": rules})
    server.process.kill()
    server.process.wait()
    server.start()
    assert {version: read(s3, **name, VersionId=version) for version in bodies} == bodies
    assert s3.list_object_versions(Bucket=versioned)["DeleteMarkers"][0]["VersionId"] == marker
    assert s3.get_bucket_cors(Bucket=versioned)["CORSRules"] == rules
    s3.delete_object(**name, VersionId=marker)
    assert hashlib.md5(read(s3, **name)).hexdigest() == hashlib.md5(LARGE + b"3").hexdigest()


def test_no_acknowledged_version_is_lost_when_the_server_is_killed_amid_writes(
    s3: Any, versioned: str, server: Any, eventually: Any
) -> None:
    client = boto3.client("s3", config=Config(retries={"max_attempts": 1}))
    told: dict[tuple[str, str], str] = {}
    enough = threading.Event()

    def write(writer: int) -> None:
        try:
            for number in range(1000):
                body = os.urandom(3000 + 9000 * (number % 3))
                key = f"k{number % 2}" if number % 5 else f"own-{writer}"
                if number % 7 == 6:
                    client.delete_object(Bucket=versioned, Key=key)
                    continue
                version = client.put_object(Bucket=versioned, Key=key, Body=body)["VersionId"]
                told[key, version] = hashlib.md5(body).hexdigest()
                if len(told) > 60:
                    enough.set()
        except (BotoCoreError, ClientError):
            return

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, number) for number in range(4)]
        assert enough.wait(300)
        server.process.kill()
        server.process.wait()
        for writer in writers:
            writer.result()
    server.start()
    for (key, version), digest in told.items():
        assert hashlib.md5(read(s3, Bucket=versioned, Key=key, VersionId=version)).hexdigest() == digest
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=versioned)
    listed = {(entry["Key"], entry["VersionId"]) for page in pages for entry in page.get("Versions", [])}
    assert told.keys() <= listed
    eventually(lambda: not list((server.data / "objects" / "doubt").iterdir()))
