"""Buckets through S3's functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sagewright.base.errors import AwsError

Ask = Callable[..., dict[str, Any]]


def refused(ask: Ask, name: str, **request: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        ask(name, **request)
    assert 400 <= caught.value.status < 500
    return caught.value


@pytest.mark.parametrize(
    "name",
    [
        *("ab", "a" * 64, "Upper", "under_score", "-start", "end-", ".start", "end.", "two..dots", "1.2.3.4"),
        *("xn--a", "sthree-a", "amzn-s3-demo-a", "a-s3alias", "a--ol-s3", "a.mrap", "a--x-s3", "sp ace", "ünicode"),
    ],
)
def test_bad_names(ask: Ask, name: str) -> None:
    assert refused(ask, "create_bucket", Bucket=name).code == "InvalidBucketName"


@pytest.mark.parametrize("name", ["abc", "a" * 63, "a.b-c.9", "1.2.3.4.5", "123"])
def test_good_names(ask: Ask, name: str) -> None:
    assert ask("create_bucket", Bucket=name)["Location"] == f"/{name}"


def test_where_buckets_may_be_made(ask: Ask) -> None:
    def create(name: str, region: str, constraint: str | None = None) -> dict[str, Any]:
        configuration = {} if constraint is None else {"CreateBucketConfiguration": {"LocationConstraint": constraint}}
        return ask("create_bucket", Bucket=name, region=region, **configuration)

    create("home", "us-east-1")
    create("there", "eu-west-1", "eu-west-1")
    create("from-home", "us-east-1", "ap-southeast-2")
    create("old", "us-east-1", "EU")
    where = {name: ask("get_bucket_location", Bucket=name) for name in ("home", "there", "from-home", "old")}
    assert where == {
        "home": {},
        "there": {"LocationConstraint": "eu-west-1"},
        "from-home": {"LocationConstraint": "ap-southeast-2"},
        "old": {"LocationConstraint": "eu-west-1"},
    }
    for region, constraint, code in (
        ("eu-west-1", None, "IllegalLocationConstraintException"),
        ("eu-west-1", "eu-central-1", "IllegalLocationConstraintException"),
        ("us-east-1", "us-east-1", "InvalidLocationConstraint"),
        ("us-east-1", "nowhere", "InvalidLocationConstraint"),
    ):
        with pytest.raises(AwsError) as caught:
            create("new", region, constraint)
        assert caught.value.code == code


def test_creating_again_is_fine_at_home_only(ask: Ask) -> None:
    ask("create_bucket", Bucket="bucket")
    eu = {"Bucket": "eu-bucket", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    ask("create_bucket", **eu, region="eu-west-1")
    error = refused(ask, "create_bucket", **eu, region="eu-west-1")
    assert (error.code, error.status) == ("BucketAlreadyOwnedByYou", 409)
    assert refused(ask, "create_bucket", **eu).code == "BucketAlreadyOwnedByYou"


def test_a_bucket_with_objects_stays(ask: Ask) -> None:
    ask("put_object", Bucket="bucket", Key="k", Body=b"")
    error = refused(ask, "delete_bucket", Bucket="bucket")
    assert (error.code, error.status) == ("BucketNotEmpty", 409)
    ask("delete_object", Bucket="bucket", Key="k")
    assert ask("delete_bucket", Bucket="bucket") == {}
    error = refused(ask, "head_bucket", Bucket="bucket")
    assert (error.code, error.status) == ("NoSuchBucket", 404)
    assert refused(ask, "delete_bucket", Bucket="bucket").code == "NoSuchBucket"


def test_listing_buckets(ask: Ask) -> None:
    for name in ("b-1", "b-2", "b-3"):
        ask("create_bucket", Bucket=name)
    ask("create_bucket", Bucket="c-1", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    listed = ask("list_buckets")
    assert [bucket["Name"] for bucket in listed["Buckets"]] == ["b-1", "b-2", "b-3", "bucket", "c-1"]
    assert listed["Buckets"][0]["CreationDate"] == 1_700_000_000
    assert "ContinuationToken" not in listed
    first = ask("list_buckets", Prefix="b-", MaxBuckets=2)
    assert [bucket["Name"] for bucket in first["Buckets"]] == ["b-1", "b-2"]
    rest = ask("list_buckets", Prefix="b-", MaxBuckets=2, ContinuationToken=first["ContinuationToken"])
    assert [bucket["Name"] for bucket in rest["Buckets"]] == ["b-3"]
    assert "ContinuationToken" not in rest
    assert len(ask("list_buckets", BucketRegion="eu-west-1")["Buckets"]) == 1
    assert refused(ask, "list_buckets", MaxBuckets=0).code == "InvalidArgument"


def test_head_says_where_it_is(ask: Ask) -> None:
    assert ask("head_bucket", Bucket="bucket")["BucketRegion"] == "us-east-1"


def test_bucket_tags(ask: Ask) -> None:
    error = refused(ask, "get_bucket_tagging", Bucket="bucket")
    assert (error.code, error.status) == ("NoSuchTagSet", 404)
    tags = [{"Key": "a", "Value": "1"}]
    ask("put_bucket_tagging", Bucket="bucket", Tagging={"TagSet": tags})
    assert ask("get_bucket_tagging", Bucket="bucket") == {"TagSet": tags}
    ask("delete_bucket_tagging", Bucket="bucket")
    assert refused(ask, "get_bucket_tagging", Bucket="bucket").code == "NoSuchTagSet"
    ask("create_bucket", Bucket="tagged", CreateBucketConfiguration={"Tags": tags})
    assert ask("get_bucket_tagging", Bucket="tagged") == {"TagSet": tags}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_cors", "NoSuchCORSConfiguration"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
        ("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
        ("get_bucket_inventory_configuration", "NoSuchConfiguration"),
    ],
)
def test_what_is_not_configured_is_said_to_be_so(ask: Ask, name: str, code: str) -> None:
    error = refused(ask, name, Bucket="bucket")
    assert (error.code, error.status) == (code, 404)
    assert refused(ask, name, Bucket="none").code == "NoSuchBucket"


def test_what_every_bucket_has(ask: Ask) -> None:
    assert ask("get_bucket_versioning", Bucket="bucket") == {}
    assert ask("get_bucket_request_payment", Bucket="bucket") == {"Payer": "BucketOwner"}
    assert ask("delete_bucket_policy", Bucket="bucket") == {}
    assert ask("get_bucket_acl", Bucket="bucket")["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert refused(ask, "get_bucket_acl", Bucket="none").code == "NoSuchBucket"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"ACL": "public-read"}, "InvalidBucketAclWithObjectOwnership"),
        ({"ACL": "public-read", "ObjectOwnership": "ObjectWriter"}, "AccessDenied"),
        ({"ObjectOwnership": "Nobody"}, "MalformedXML"),
        ({"CreateBucketConfiguration": {"Bucket": {"Type": "Directory"}}}, "NotImplemented"),
    ],
)
def test_buckets_that_we_do_not_make(ask: Ask, more: dict[str, Any], code: str) -> None:
    assert refused(ask, "create_bucket", Bucket="new", **more).code == code
