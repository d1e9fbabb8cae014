"""What buckets tell of their objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sagewright.dataplane.objects.base import Objects
from sagewright.dataplane.objects.expiry import sweep
from sagewright.dataplane.objects.notices import swept

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def telling(ask: Ask) -> str:
    told: dict[str, Any] = {"EventBridgeConfiguration": {}}
    ask("put_bucket_notification_configuration", Bucket="bucket", NotificationConfiguration=told)
    return "bucket"


def test_nothing_is_told_unasked(ask: Ask, heard: Any) -> None:
    ask("put_object", Bucket="bucket", Key="k", Body=b"x")
    assert heard.all == []


def test_a_put_is_told_in_full(ask: Ask, heard: Any, telling: str) -> None:
    etag = ask("put_object", Bucket=telling, Key="a/b c", Body=b"hello")["ETag"].strip('"')
    (event,) = heard.all
    assert (event.source, event.detail_type) == ("aws.s3", "Object Created")
    assert event.resources == ["arn:aws:s3:::bucket"]
    sequencer = event.detail["object"].pop("sequencer")
    assert len(sequencer) == 16
    assert event.detail == {
        "version": "0",
        "bucket": {"name": "bucket"},
        "object": {"key": "a/b c", "size": 5, "etag": etag},
        "request-id": "id",
        "requester": "123456789012",
        "reason": "put_object",
    }


def test_copies_uploads_tags_and_deletes(ask: Ask, heard: Any, telling: str) -> None:
    ask("put_object", Bucket=telling, Key="k", Body=b"hello")
    ask("copy_object", Bucket=telling, Key="copy", CopySource="bucket/k")
    upload = ask("create_multipart_upload", Bucket=telling, Key="parts")["UploadId"]
    named = {"Bucket": telling, "Key": "parts", "UploadId": upload}
    etag = ask("upload_part", **named, PartNumber=1, Body=b"x")["ETag"]
    ask("complete_multipart_upload", **named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    ask("put_object_tagging", Bucket=telling, Key="k", Tagging={"TagSet": []})
    ask("delete_object", Bucket=telling, Key="k")
    ask("delete_object", Bucket=telling, Key="k")
    ask("delete_objects", Bucket=telling, Delete={"Objects": [{"Key": "copy"}, {"Key": "none"}]})
    assert [(event.detail_type, event.detail["object"]["key"]) for event in heard.all] == [
        ("Object Created", "k"),
        ("Object Created", "copy"),
        ("Object Created", "parts"),
        ("Object Tags Added", "k"),
        ("Object Deleted", "k"),
        ("Object Deleted", "copy"),
    ]
    assert heard.all[-1].detail["deletion-type"] == "Permanently Deleted"


def test_a_delete_marker_is_told_as_one(ask: Ask, heard: Any, telling: str) -> None:
    ask("put_bucket_versioning", Bucket=telling, VersioningConfiguration={"Status": "Enabled"})
    version = ask("put_object", Bucket=telling, Key="k", Body=b"x")["VersionId"]
    marker = ask("delete_object", Bucket=telling, Key="k")["VersionId"]
    ask("delete_object", Bucket=telling, Key="k", VersionId=version)
    told = [(event.detail["object"]["version-id"], event.detail.get("deletion-type")) for event in heard.all]
    assert told == [(version, None), (marker, "Delete Marker Created"), (version, "Permanently Deleted")]


def test_what_a_rule_removes_is_told(ask: Ask, heard: Any, objects: Objects, telling: str, clock: Any) -> None:
    ask("put_object", Bucket=telling, Key="k", Body=b"x")
    rule = {"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}
    ask("put_bucket_lifecycle_configuration", Bucket=telling, LifecycleConfiguration={"Rules": [rule]})
    clock.time += 3 * 86_400
    bucket = objects.buckets.get(telling)
    sweep(
        objects,
        bucket,
        now=clock.time,
        locked=lambda _: False,
        told=lambda of, info, action, what: swept(heard, of, info, action, what, clock.time),
    )
    assert heard.all[-1].detail["reason"] == "Lifecycle Expiration"
    assert heard.all[-1].detail["requester"] == "s3.amazonaws.com"
