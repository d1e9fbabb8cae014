"""What buckets tell of their objects."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.base import Objects
from sagewright.dataplane.objects.expiry import sweep
from sagewright.dataplane.objects.notices import records, swept
from sagewright.resources.event import DELIVERY
from sagewright.store.base import Query, Store

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
        "reason": "PutObject",
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
        tell=lambda of, info, action, what: records(heard, of, swept(of, info, action, what, clock.time)),
    )
    assert heard.all[-1].detail["reason"] == "Lifecycle Expiration"
    assert heard.all[-1].detail["requester"] == "s3.amazonaws.com"


# Queues and topics.

ARN = "arn:aws:sqs:us-east-1:123456789012:q"


def queue(*events: str, prefix: str | None = None, suffix: str | None = None, arn: str = ARN) -> dict[str, Any]:
    rules = [{"Name": name, "Value": value} for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
    filtered = {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}
    return {"QueueArn": arn, "Events": list(events), "Id": f"to-{arn.rpartition(':')[2]}", **filtered}


def put(ask: Ask, *queues: dict[str, Any], **more: Any) -> None:
    told = {"QueueConfigurations": list(queues)}
    ask(
        "put_bucket_notification_configuration",
        Bucket="bucket",
        NotificationConfiguration=told,
        SkipDestinationValidation=True,
        **more,
    )


@pytest.fixture
def sent(store: Store) -> Callable[[], list[tuple[str, dict[str, Any]]]]:
    """(name of the target, the one record of its message) of every delivery in the store."""

    def read() -> list[tuple[str, dict[str, Any]]]:
        found = store.list(Query("123456789012", "us-east-1", DELIVERY, parent=""), limit=100).records
        specs = sorted((record.created, record.spec["arn"], record.spec["body"]) for record in found)
        return [(arn.rpartition(":")[2], json.loads(body)["Records"][0]) for _, arn, body in specs]

    return read


def test_a_message_says_what_happened(ask: Ask, sent: Any) -> None:
    put(ask, queue("s3:ObjectCreated:*"))
    etag = ask("put_object", Bucket="bucket", Key="a b/ü+", Body=b"hello")["ETag"].strip('"')
    ((target, told),) = sent()
    assert (target, told["eventName"], told["eventVersion"]) == ("q", "ObjectCreated:Put", "2.1")
    assert (told["eventSource"], told["awsRegion"]) == ("aws:s3", "us-east-1")
    assert told["eventTime"] == "2023-11-14T22:13:20.500Z"
    assert told["userIdentity"] == {"principalId": "AWS:123456789012"}
    assert len(told["s3"]["object"].pop("sequencer")) == 16
    assert told["s3"] == {
        "s3SchemaVersion": "1.0",
        "configurationId": "to-q",
        "bucket": {
            "name": "bucket",
            "ownerIdentity": {"principalId": "123456789012"},
            "arn": "arn:aws:s3:::bucket",
        },
        "object": {"key": "a+b/%C3%BC%2B", "size": 5, "eTag": etag},
    }


def test_each_gets_what_it_asked_for(ask: Ask, sent: Any) -> None:
    put(
        ask,
        queue("s3:ObjectCreated:Put", prefix="in/", suffix=".csv", arn=f"{ARN}-puts"),
        queue("s3:ObjectRemoved:*", "s3:ObjectTagging:Put", arn=f"{ARN}-others"),
    )
    for key in ("in/a.csv", "in/a.txt", "out/a.csv"):
        ask("put_object", Bucket="bucket", Key=key, Body=b"")
    ask("copy_object", Bucket="bucket", Key="in/b.csv", CopySource="bucket/in/a.csv")
    tag = {"TagSet": [{"Key": "a", "Value": "b"}]}
    ask("put_object_tagging", Bucket="bucket", Key="in/a.csv", Tagging=tag)
    ask("delete_object_tagging", Bucket="bucket", Key="in/a.csv")
    ask("delete_objects", Bucket="bucket", Delete={"Objects": [{"Key": "in/a.txt"}, {"Key": "none"}]})
    told = sorted((target, each["eventName"], each["s3"]["object"]["key"]) for target, each in sent())
    assert told == [
        ("q-others", "ObjectRemoved:Delete", "in/a.txt"),
        ("q-others", "ObjectTagging:Put", "in/a.csv"),
        ("q-puts", "ObjectCreated:Put", "in/a.csv"),
    ]


def test_versions_markers_and_rules_have_names_of_their_own(ask: Ask, sent: Any, objects: Objects, clock: Any) -> None:
    ask("put_bucket_versioning", Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    put(ask, queue("s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"))
    version = ask("put_object", Bucket="bucket", Key="k", Body=b"x")["VersionId"]
    ask("delete_object", Bucket="bucket", Key="k")
    clock.time += 1
    ask("delete_object", Bucket="bucket", Key="k", VersionId=version)
    told = [(each["eventName"], each["s3"]["object"].get("versionId") == version) for _, each in sent()]
    assert told == [("ObjectRemoved:DeleteMarkerCreated", False), ("ObjectRemoved:Delete", True)]


def test_what_is_told_is_written_with_what_happened(ask: Ask, store: Store, monkeypatch: Any) -> None:
    put(ask, queue("s3:ObjectCreated:*"))
    commits: list[list[str]] = []
    write = store.write

    def watched(writes: Any) -> Any:
        commits.append([record.key.kind for _, record in writes])
        return write(writes)

    monkeypatch.setattr(store, "write", watched)
    ask("put_object", Bucket="bucket", Key="k", Body=b"x")
    assert commits == [["object", DELIVERY]]


@pytest.mark.parametrize(
    ("queues", "message"),
    [
        ([queue("s3:ObjectCreated:*"), queue("s3:ObjectCreated:Put", prefix="a")], "ambiguously"),
        ([queue("s3:ObjectCreated:*", prefix="a"), queue("s3:ObjectCreated:*", prefix="ab")], "ambiguously"),
        ([queue("s3:ObjectCreated:*", arn="arn:aws:sqs:eu-west-1:123456789012:q")], "region is not valid"),
        ([queue("s3:ObjectCreated:*", arn="arn:aws:sqs:us-east-1:999999999999:q")], "another account"),
        ([queue("s3:ObjectCreated:*", arn=f"{ARN}.fifo")], "standard SQS"),
        ([queue("s3:ObjectCreated:*", arn="arn:aws:sns:us-east-1:123456789012:q")], "standard SQS"),
        ([queue("s3:ObjectCreated:*", arn="q")], "could not be parsed"),
    ],
)
def test_configurations_that_cannot_be(ask: Ask, queues: list[Any], message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        put(ask, *queues)
    assert caught.value.code == "InvalidArgument"
    assert ask("get_bucket_notification_configuration", Bucket="bucket") == {}


def test_configurations_beside_each_other(ask: Ask) -> None:
    put(
        ask,
        queue("s3:ObjectCreated:Put", prefix="a/"),
        queue("s3:ObjectCreated:Copy", prefix="a/"),
        queue("s3:ObjectCreated:*", prefix="b/", suffix=".csv"),
        queue("s3:ObjectCreated:*", prefix="b/", suffix=".txt"),
    )
    assert len(ask("get_bucket_notification_configuration", Bucket="bucket")["QueueConfigurations"]) == 4
