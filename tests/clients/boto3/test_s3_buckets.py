"""Buckets as boto3 sees them: what SDKs, the CLI and Terraform ask before they trust one."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from .refusals import refusal, refused

REFUSED_SOON = Config(retries={"max_attempts": 1})


def test_a_bucket_is_there_until_it_is_deleted(s3: Any, unique: Callable[[str], str]) -> None:
    name = unique("life")
    assert refused(s3.head_bucket, Bucket=name) == ("404", 404)
    s3.create_bucket(Bucket=name)
    s3.get_waiter("bucket_exists").wait(Bucket=name, WaiterConfig={"MaxAttempts": 1})
    s3.delete_bucket(Bucket=name)
    s3.get_waiter("bucket_not_exists").wait(Bucket=name, WaiterConfig={"MaxAttempts": 1})
    assert refused(s3.delete_bucket, Bucket=name) == ("NoSuchBucket", 404)
    s3.create_bucket(Bucket=name)


def test_the_sdk_finds_a_bucket_by_its_creation_date(box: str) -> None:
    resource = boto3.resource("s3")
    assert resource.Bucket(box).creation_date is not None
    assert resource.Bucket(f"{box}-none").creation_date is None
    assert box in [bucket.name for bucket in resource.buckets.all()]


def test_buckets_are_listed_in_pages(s3: Any, unique: Callable[[str], str]) -> None:
    stem = unique("pages")
    names = [f"{stem}-{letter}" for letter in "abc"]
    for name in names:
        s3.create_bucket(Bucket=name)
    pages = list(s3.get_paginator("list_buckets").paginate(Prefix=stem, PaginationConfig={"PageSize": 2}))
    assert [[bucket["Name"] for bucket in page["Buckets"]] for page in pages] == [names[:2], names[2:]]
    assert pages[0]["Buckets"][0]["BucketRegion"] == "us-east-1"


def test_head_says_the_region(s3: Any, box: str) -> None:
    head = s3.head_bucket(Bucket=box)
    assert head["BucketRegion"] == "us-east-1"
    assert head["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "us-east-1"


def test_the_expected_owner_must_be_the_owner(s3: Any, box: str) -> None:
    account = boto3.client("sts").get_caller_identity()["Account"]
    s3.head_bucket(Bucket=box, ExpectedBucketOwner=account)
    assert refused(s3.head_bucket, Bucket=box, ExpectedBucketOwner="999999999999") == ("403", 403)
    assert refused(s3.head_bucket, Bucket=f"{box}-none", ExpectedBucketOwner="999999999999") == ("404", 404)
    put = {"Bucket": box, "Key": "k", "Body": b""}
    s3.put_object(**put, ExpectedBucketOwner=account)
    assert refused(s3.put_object, **put, ExpectedBucketOwner="999999999999") == ("AccessDenied", 403)


def test_buckets_elsewhere(s3: Any, unique: Callable[[str], str]) -> None:
    there, name = boto3.client("s3", region_name="eu-west-1"), unique("elsewhere")
    request = {"Bucket": name, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    assert refused(there.create_bucket, Bucket=name) == ("IllegalLocationConstraintException", 400)
    there.create_bucket(**request)
    assert there.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    assert refused(there.create_bucket, **request) == ("BucketAlreadyOwnedByYou", 409)
    with pytest.raises(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(**request)


def test_at_home_creating_twice_is_fine(s3: Any, box: str) -> None:
    assert s3.create_bucket(Bucket=box)["Location"] == f"/{box}"
    assert s3.get_bucket_location(Bucket=box)["LocationConstraint"] is None


def test_a_full_bucket_stays(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"")
    assert refused(s3.delete_bucket, Bucket=box) == ("BucketNotEmpty", 409)
    boto3.resource("s3").Bucket(box).objects.all().delete()
    s3.delete_bucket(Bucket=box)


def test_force_destroying_goes_over_versions(s3: Any, box: str) -> None:
    for key in ("a", "b/c"):
        s3.put_object(Bucket=box, Key=key, Body=b"x")
    boto3.resource("s3").Bucket(box).object_versions.all().delete()
    s3.delete_bucket(Bucket=box)


@pytest.mark.parametrize("name", ["Upper", "two..dots", "ends-", "xn--a"])
def test_names_have_rules(s3: Any, name: str) -> None:
    assert refused(s3.create_bucket, Bucket=name) == ("InvalidBucketName", 400)


def test_tags(s3: Any, box: str) -> None:
    assert refused(s3.get_bucket_tagging, Bucket=box) == ("NoSuchTagSet", 404)
    tags = [{"Key": "team", "Value": "ml"}]
    s3.put_bucket_tagging(Bucket=box, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=box)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=box)
    assert refused(s3.get_bucket_tagging, Bucket=box) == ("NoSuchTagSet", 404)


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_cors", "NoSuchCORSConfiguration"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
        ("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
    ],
)
def test_what_is_not_configured(s3: Any, box: str, operation: str, code: str) -> None:
    assert refused(getattr(s3, operation), Bucket=box) == (code, 404)


def test_what_every_bucket_answers(s3: Any, box: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=box)
    assert s3.get_bucket_request_payment(Bucket=box)["Payer"] == "BucketOwner"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=box)
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=box)
    assert "TopicConfigurations" not in s3.get_bucket_notification_configuration(Bucket=box)
    rules = s3.get_bucket_ownership_controls(Bucket=box)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    acl = s3.get_bucket_acl(Bucket=box)
    assert acl["Grants"] == [
        {"Grantee": {"ID": acl["Owner"]["ID"], "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    ]


def test_what_is_not_built_is_refused_at_once(box: str) -> None:
    s3 = boto3.client("s3", config=REFUSED_SOON)
    copies = {
        "Role": "arn:aws:iam::123456789012:role/r",
        "Rules": [{"Status": "Enabled", "Destination": {"Bucket": "b"}}],
    }
    assert refused(s3.put_bucket_replication, Bucket=box, ReplicationConfiguration=copies) == ("NotImplemented", 400)
    log = {"LoggingEnabled": {"TargetBucket": box, "TargetPrefix": "log/"}}
    assert refused(s3.put_bucket_logging, Bucket=box, BucketLoggingStatus=log) == ("NotImplemented", 400)
    metrics = {"Bucket": box, "Id": "all", "MetricsConfiguration": {"Id": "all"}}
    assert refused(s3.put_bucket_metrics_configuration, **metrics) == ("NotImplemented", 400)
    s3.put_object(Bucket=box, Key="k", Body=b"x", StorageClass="GLACIER")
    assert refused(s3.restore_object, Bucket=box, Key="k", RestoreRequest={"Days": 1}) == ("NotImplemented", 400)
    code, message = refusal(s3.create_bucket, Bucket="b--use1-az4--x-s3")
    assert (code, "directory buckets" in message) == ("NotImplemented", True)
