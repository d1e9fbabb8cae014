"""What buckets can be told to do, as boto3 tells them: policies, access, encryption, lifecycles and the rest."""

import base64
import hashlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config

from .refusals import refusal, refused

SOON = Config(retries={"max_attempts": 1})


def policy_of(bucket: str, principal: Any = "*", **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def account() -> str:
    return str(boto3.client("sts").get_caller_identity()["Account"])


# Policies.


def test_a_policy_is_kept_as_it_was_put(s3: Any, box: str) -> None:
    policy = policy_of(box, {"AWS": f"arn:aws:iam::{account()}:root"})
    s3.put_bucket_policy(Bucket=box, Policy=policy)
    assert s3.get_bucket_policy(Bucket=box)["Policy"] == policy
    assert s3.get_bucket_policy_status(Bucket=box)["PolicyStatus"] == {"IsPublic": False}
    s3.delete_bucket_policy(Bucket=box)
    assert refused(s3.get_bucket_policy, Bucket=box) == ("NoSuchBucketPolicy", 404)


def test_a_public_policy_needs_its_block_lifted(s3: Any, box: str) -> None:
    block = s3.get_public_access_block(Bucket=box)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    assert refused(s3.put_bucket_policy, Bucket=box, Policy=policy_of(box)) == ("AccessDenied", 403)
    s3.delete_public_access_block(Bucket=box)
    s3.put_bucket_policy(Bucket=box, Policy=policy_of(box))
    assert s3.get_bucket_policy_status(Bucket=box)["PolicyStatus"] == {"IsPublic": True}
    narrowed = policy_of(box, Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/16"}})
    s3.put_bucket_policy(Bucket=box, Policy=narrowed)
    assert s3.get_bucket_policy_status(Bucket=box)["PolicyStatus"] == {"IsPublic": False}


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("{", "valid JSON"),
        ("[]", "valid JSON"),
        ('{"Version": "2012-10-17"}', "Statement"),
        ('{"Version": "2020-01-01", "Statement": []}', "version"),
        (policy_of("other"), "resource"),
        (policy_of("BOX", Action="ec2:RunInstances"), "action"),
        (policy_of("BOX", {"AWS": "nobody"}), "principal"),
        (policy_of("BOX", Effect="Perhaps"), "effect"),
        (policy_of("BOX", Extra=1), "Extra"),
    ],
)
def test_what_is_no_policy(s3: Any, box: str, policy: str, message: str) -> None:
    code, said = refusal(s3.put_bucket_policy, Bucket=box, Policy=policy.replace("BOX", box))
    assert code == "MalformedPolicy"
    assert message in said


# Ownership and access lists.


def test_new_buckets_have_no_access_lists(s3: Any, box: str) -> None:
    unsupported = ("AccessControlListNotSupported", 400)
    s3.put_object(Bucket=box, Key="k", Body=b"", ACL="bucket-owner-full-control")
    assert refused(s3.put_object, Bucket=box, Key="k", Body=b"", ACL="public-read") == unsupported
    assert refused(s3.put_bucket_acl, Bucket=box, ACL="private") == unsupported
    assert refused(s3.put_object_acl, Bucket=box, Key="k", ACL="private") == unsupported
    assert len(s3.get_object_acl(Bucket=box, Key="k")["Grants"]) == 1


def test_access_lists_where_they_are_wanted(s3: Any, box: str) -> None:
    s3.put_bucket_ownership_controls(
        Bucket=box, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    s3.put_object(Bucket=box, Key="k", Body=b"")
    assert refused(s3.put_object_acl, Bucket=box, Key="k", ACL="public-read") == ("AccessDenied", 403)
    s3.delete_public_access_block(Bucket=box)
    s3.put_object_acl(Bucket=box, Key="k", ACL="public-read")
    found = s3.get_object_acl(Bucket=box, Key="k")
    assert {(grant["Grantee"].get("URI"), grant["Permission"]) for grant in found["Grants"]} == {
        (None, "FULL_CONTROL"),
        ("http://acs.amazonaws.com/groups/global/AllUsers", "READ"),
    }
    s3.put_object_acl(Bucket=box, Key="k", AccessControlPolicy={"Owner": found["Owner"], "Grants": found["Grants"][:1]})
    assert s3.get_object_acl(Bucket=box, Key="k")["Grants"] == found["Grants"][:1]
    s3.put_object(Bucket=box, Key="k", Body=b"", GrantRead='uri="http://acs.amazonaws.com/groups/s3/LogDelivery"')
    assert s3.get_object_acl(Bucket=box, Key="k")["Grants"][0]["Permission"] == "READ"
    s3.put_bucket_acl(Bucket=box, ACL="log-delivery-write")
    assert len(s3.get_bucket_acl(Bucket=box)["Grants"]) == 3
    enforce = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert refused(s3.put_bucket_ownership_controls, Bucket=box, OwnershipControls=enforce) == (
        "InvalidBucketAclWithObjectOwnership",
        400,
    )
    assert refused(s3.put_bucket_acl, Bucket=box, GrantRead='emailAddress="a@b.c"')[0] == (
        "UnresolvableGrantByEmailAddress"
    )
    s3.delete_bucket_ownership_controls(Bucket=box)
    assert refused(s3.get_bucket_ownership_controls, Bucket=box) == ("OwnershipControlsNotFoundError", 404)


# Cross-origin rules.


@pytest.fixture
def browser(s3: Any) -> Callable[..., Any]:
    """Asks as a browser does, without a signature."""
    pool = urllib3.PoolManager()

    def ask(method: str, path: str, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return pool.request(method, f"{s3.meta.endpoint_url}/{path}", headers=named)

    return ask


def test_preflights_are_answered_by_the_rules(s3: Any, box: str, browser: Callable[..., Any]) -> None:
    wanted = {"Origin": "https://app.example.com", "Access_Control_Request_Method": "PUT"}
    assert browser("OPTIONS", f"{box}/k", **wanted).status == 403
    rule = {
        "AllowedMethods": ["PUT", "GET"],
        "AllowedOrigins": ["https://*.example.com"],
        "AllowedHeaders": ["x-amz-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 30,
    }
    s3.put_bucket_cors(Bucket=box, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=box)["CORSRules"] == [rule]
    answer = browser("OPTIONS", f"{box}/k", **wanted, Access_Control_Request_Headers="X-Amz-Date, x-amz-acl")
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert answer.headers["Access-Control-Allow-Methods"] == "PUT, GET"
    assert answer.headers["Access-Control-Allow-Headers"] == "x-amz-date, x-amz-acl"
    assert answer.headers["Access-Control-Max-Age"] == "30"
    assert browser("OPTIONS", f"{box}/k", **{**wanted, "Origin": "https://evil.com"}).status == 403
    assert browser("OPTIONS", f"{box}/k", **wanted, Access_Control_Request_Headers="x-other").status == 403
    assert browser("OPTIONS", f"{box}/k", **{**wanted, "Access_Control_Request_Method": "DELETE"}).status == 403
    assert browser("OPTIONS", f"{box}-none/k", **wanted).status == 404
    assert browser("OPTIONS", f"{box}/k").status == 400


def test_answers_say_who_may_see_them(s3: Any, box: str) -> None:
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposeHeaders": ["ETag"]}
    s3.put_bucket_cors(Bucket=box, CORSConfiguration={"CORSRules": [rule]})
    s3.put_object(Bucket=box, Key="k", Body=b"x")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": box, "Key": "k"})
    missing = s3.generate_presigned_url("get_object", Params={"Bucket": box, "Key": "none"})
    for address in (url, missing):
        answer = urllib3.request("GET", address, headers={"Origin": "https://a.b"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Expose-Headers"] == "ETag"
    assert "Access-Control-Allow-Origin" not in urllib3.request("GET", url).headers
    s3.delete_bucket_cors(Bucket=box)
    assert "Access-Control-Allow-Origin" not in urllib3.request("GET", url, headers={"Origin": "https://a.b"}).headers
    wrong = {"CORSRules": [{**rule, "AllowedMethods": ["PATCH"]}]}
    assert refused(s3.put_bucket_cors, Bucket=box, CORSConfiguration=wrong) == ("InvalidRequest", 400)


# Encryption.


def test_a_buckets_default_encryption_is_echoed(s3: Any, box: str) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/mine"}
    rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
    s3.put_bucket_encryption(Bucket=box, ServerSideEncryptionConfiguration={"Rules": rules})
    assert s3.get_bucket_encryption(Bucket=box)["ServerSideEncryptionConfiguration"]["Rules"] == rules
    said = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/mine", "BucketKeyEnabled": True}
    put = s3.put_object(Bucket=box, Key="k", Body=b"x")
    head = s3.head_object(Bucket=box, Key="k")
    assert {name: put[name] for name in said} == {name: head[name] for name in said} == said
    put = s3.put_object(Bucket=box, Key="k", Body=b"x", ServerSideEncryption="AES256")
    assert put["ServerSideEncryption"] == "AES256"
    assert "SSEKMSKeyId" not in put
    s3.delete_bucket_encryption(Bucket=box)
    assert "ServerSideEncryption" not in s3.put_object(Bucket=box, Key="k", Body=b"x")


def test_a_key_of_ones_own_is_wanted_again(s3: Any, box: str, server: Any) -> None:
    name, key, other = {"Bucket": box, "Key": "k"}, os.urandom(32), os.urandom(32)
    own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    put = s3.put_object(**name, Body=b"x" * 9000, **own)
    assert put["SSECustomerKeyMD5"] == base64.b64encode(hashlib.md5(key).digest()).decode()
    assert s3.get_object(**name, **own)["Body"].read() == b"x" * 9000
    assert refused(s3.get_object, **name) == ("InvalidRequest", 400)
    assert refused(s3.get_object, **name, **{**own, "SSECustomerKey": other}) == ("AccessDenied", 403)
    assert refused(s3.head_object, **name) == ("400", 400)
    source = {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": key}
    s3.copy_object(Bucket=box, Key="copy", CopySource=name, **source)
    assert s3.get_object(Bucket=box, Key="copy")["Body"].read() == b"x" * 9000
    assert refused(s3.get_object, Bucket=box, Key="copy", **own) == ("InvalidRequest", 400)
    upload = s3.create_multipart_upload(Bucket=box, Key="parts", **own)["UploadId"]
    part = {"Bucket": box, "Key": "parts", "UploadId": upload, "PartNumber": 1, "Body": b"y"}
    assert refused(s3.upload_part, **part) == ("InvalidRequest", 400)
    s3.upload_part(**part, **own)
    kept = b"".join(path.read_bytes() for path in server.data.glob("state.db*"))
    assert base64.b64encode(key) not in kept
    assert key not in kept


# Locks.


@pytest.fixture
def vault(s3: Any, unique: Callable[[str], str]) -> str:
    """A bucket whose versions can be locked."""
    name = unique("vault")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def test_a_locked_version_stays(s3: Any, vault: str) -> None:
    assert s3.get_bucket_versioning(Bucket=vault)["Status"] == "Enabled"
    name, later = {"Bucket": vault, "Key": "k"}, datetime.now(UTC) + timedelta(days=1)
    put = s3.put_object(**name, Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later)
    version = {**name, "VersionId": put["VersionId"]}
    assert s3.head_object(**name)["ObjectLockMode"] == "GOVERNANCE"
    assert refused(s3.delete_object, **version) == ("AccessDenied", 403)
    errors = s3.delete_objects(Bucket=vault, Delete={"Objects": [{"Key": "k", "VersionId": put["VersionId"]}]})
    assert errors["Errors"][0]["Code"] == "AccessDenied"
    marker = s3.delete_object(**name)["VersionId"]
    s3.delete_object(**name, VersionId=marker)
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(hours=1)}
    assert refused(s3.put_object_retention, **name, Retention=shorter) == ("AccessDenied", 403)
    s3.put_object_retention(**name, Retention=shorter, BypassGovernanceRetention=True)
    assert s3.get_object_retention(**name)["Retention"]["Mode"] == "GOVERNANCE"
    s3.delete_object(**version, BypassGovernanceRetention=True)
    assert refused(s3.get_object, **version) == ("NoSuchVersion", 404)


def test_compliance_and_legal_hold_know_no_bypass(s3: Any, vault: str) -> None:
    name, later = {"Bucket": vault, "Key": "k"}, datetime.now(UTC) + timedelta(days=1)
    version = s3.put_object(**name, Body=b"x", ObjectLockLegalHoldStatus="ON")["VersionId"]
    bypassing = {**name, "VersionId": version, "BypassGovernanceRetention": True}
    assert s3.get_object_legal_hold(**name)["LegalHold"] == {"Status": "ON"}
    assert refused(s3.delete_object, **bypassing) == ("AccessDenied", 403)
    s3.put_object_retention(**name, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": later})
    s3.put_object_legal_hold(**name, LegalHold={"Status": "OFF"})
    assert refused(s3.delete_object, **bypassing) == ("AccessDenied", 403)
    weaker = {"Mode": "GOVERNANCE", "RetainUntilDate": later + timedelta(days=1)}
    assert refused(s3.put_object_retention, **name, Retention=weaker, BypassGovernanceRetention=True) == (
        "AccessDenied",
        403,
    )
    suspended = {"Bucket": vault, "VersioningConfiguration": {"Status": "Suspended"}}
    assert refused(s3.put_bucket_versioning, **suspended) == ("InvalidBucketState", 409)


def test_a_buckets_default_retention(s3: Any, vault: str, box: str) -> None:
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=vault, ObjectLockConfiguration=configuration)
    assert s3.get_object_lock_configuration(Bucket=vault)["ObjectLockConfiguration"] == configuration
    s3.put_object(Bucket=vault, Key="k", Body=b"")
    until = s3.head_object(Bucket=vault, Key="k")["ObjectLockRetainUntilDate"]
    assert timedelta(days=1) < until - datetime.now(UTC) <= timedelta(days=2)
    assert refused(s3.put_object_lock_configuration, Bucket=box, ObjectLockConfiguration=configuration) == (
        "InvalidBucketState",
        409,
    )
    s3.put_object(Bucket=box, Key="k", Body=b"")
    assert refused(s3.put_object_legal_hold, Bucket=box, Key="k", LegalHold={"Status": "ON"}) == ("InvalidRequest", 400)
    late = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": datetime(2020, 1, 1, tzinfo=UTC)}
    assert refused(s3.put_object, Bucket=vault, Key="k", Body=b"", **late) == ("InvalidArgument", 400)


# Lifecycles.


def test_lifecycle_rules_are_kept_and_carried_out(s3: Any, box: str, eventually: Callable[..., Any]) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    for key in ("logs/a", "logs/b", "data/a"):
        s3.put_object(Bucket=box, Key=key, Body=b"x" * 9000)
    rules = [
        {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Date": past}},
        {"ID": "later", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}},
    ]
    put = s3.put_bucket_lifecycle_configuration(Bucket=box, LifecycleConfiguration={"Rules": rules})
    assert put["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    assert s3.get_bucket_lifecycle_configuration(Bucket=box)["Rules"] == rules
    left = ["data/a"]
    eventually(lambda: [entry["Key"] for entry in s3.list_objects_v2(Bucket=box)["Contents"]] == left)
    assert 'rule-id="later"' in s3.head_object(Bucket=box, Key="data/a")["Expiration"]
    s3.delete_bucket_lifecycle(Bucket=box)
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=box) == ("NoSuchLifecycleConfiguration", 404)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({}, "InvalidRequest"),
        ({"Expiration": {"Days": 0}}, "InvalidArgument"),
        ({"Expiration": {"Date": datetime(2030, 1, 1, 5, tzinfo=UTC)}}, "InvalidArgument"),
        ({"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}, "MalformedXML"),
        ({"Expiration": {"Days": 1}, "Prefix": ""}, "MalformedXML"),
        ({"Expiration": {"Days": 1}, "Filter": {"Prefix": "a", "Tag": {"Key": "a", "Value": "b"}}}, "MalformedXML"),
        ({"Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]}, "InvalidArgument"),
        ({"Transitions": [{"Days": 9, "StorageClass": "GLACIER"}], "Expiration": {"Days": 9}}, "InvalidArgument"),
        ({"NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 1}}, "MalformedXML"),
        ({"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}}, "InvalidArgument"),
    ],
)
def test_rules_have_rules(s3: Any, box: str, rule: dict[str, Any], code: str) -> None:
    rules = [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule}]
    assert (
        refused(s3.put_bucket_lifecycle_configuration, Bucket=box, LifecycleConfiguration={"Rules": rules})[0] == code
    )


# The rest.


def test_settings_that_are_kept(s3: Any, box: str) -> None:
    website = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
    s3.put_bucket_website(Bucket=box, WebsiteConfiguration=website)
    found = s3.get_bucket_website(Bucket=box)
    assert {name: found[name] for name in website} == website
    s3.delete_bucket_website(Bucket=box)
    s3.put_bucket_accelerate_configuration(Bucket=box, AccelerateConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_accelerate_configuration(Bucket=box)["Status"] == "Enabled"
    s3.put_bucket_request_payment(Bucket=box, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=box)["Payer"] == "Requester"
    s3.put_bucket_logging(Bucket=box, BucketLoggingStatus={})
    tiering = {"Id": "t", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]}
    s3.put_bucket_intelligent_tiering_configuration(Bucket=box, Id="t", IntelligentTieringConfiguration=tiering)
    listed = s3.list_bucket_intelligent_tiering_configurations(Bucket=box)
    assert listed["IntelligentTieringConfigurationList"] == [tiering]
    s3.delete_bucket_intelligent_tiering_configuration(Bucket=box, Id="t")
    assert refused(s3.get_bucket_intelligent_tiering_configuration, Bucket=box, Id="t") == ("NoSuchConfiguration", 404)


def test_what_happens_in_a_bucket_reaches_eventbridge(
    s3: Any, box: str, unique: Callable[[str], str], eventually: Callable[..., Any]
) -> None:
    events, logs, name = boto3.client("events"), boto3.client("logs"), unique("bucket-events")
    logs.create_log_group(logGroupName=f"/aws/events/{name}")
    (group,) = logs.describe_log_groups(logGroupNamePrefix=f"/aws/events/{name}")["logGroups"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [box]}}}))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": group["logGroupArn"]}])
    s3.put_object(Bucket=box, Key="untold", Body=b"x")
    s3.put_bucket_notification_configuration(Bucket=box, NotificationConfiguration={"EventBridgeConfiguration": {}})
    etag = s3.put_object(Bucket=box, Key="k", Body=b"hello")["ETag"].strip('"')
    s3.delete_object(Bucket=box, Key="k")

    def heard() -> list[Any]:
        found = logs.filter_log_events(logGroupName=f"/aws/events/{name}")["events"]
        told = [json.loads(event["message"]) for event in found]
        return told if len(told) == 2 else []

    told = sorted(eventually(heard), key=lambda event: str(event["detail-type"]))
    assert [event["detail-type"] for event in told] == ["Object Created", "Object Deleted"]
    detail = told[0]["detail"]
    assert (detail["reason"], detail["object"]["key"], detail["object"]["size"]) == ("PutObject", "k", 5)
    assert (detail["object"]["etag"], detail["requester"]) == (etag, account())
    assert told[0]["resources"] == [f"arn:aws:s3:::{box}"]
