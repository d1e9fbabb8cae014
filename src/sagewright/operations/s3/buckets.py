"""Buckets, and their tags."""

from __future__ import annotations

import re
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.values import BucketExists
from sagewright.operations.call import Call, Params
from sagewright.operations.s3 import acls, owners
from sagewright.operations.s3.attributes import as_tag_set, tags_of_set
from sagewright.operations.s3.owners import owner
from sagewright.operations.s3.policies import all_blocked
from sagewright.operations.s3.refusals import answering, in_s3_words, invalid_argument, not_built
from sagewright.operations.table import Operations

operations = Operations()

_HOME: Final = "us-east-1"
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_BAD_STARTS: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_BAD_ENDS: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_MOST_TAGS: Final = 50


# Rules: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
def _check_name(name: str) -> None:
    bad = (
        _NAME.fullmatch(name) is None
        or ".." in name
        or _ADDRESS.fullmatch(name) is not None
        or name.startswith(_BAD_STARTS)
        or name.endswith(_BAD_ENDS)
    )
    if bad:
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", fields={"BucketName": name})


def _location(call: Call, configuration: Params) -> str:
    """The region that a new bucket is asked to be in."""
    constraint = configuration.get("LocationConstraint")
    if not constraint:
        if call.region != _HOME:
            raise _illegal_location("unspecified")
        return _HOME
    region = "eu-west-1" if constraint == "EU" else constraint
    if constraint == _HOME or not _REGION.fullmatch(region):
        raise AwsError(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
            fields={"LocationConstraint": constraint},
        )
    # The oldest endpoint makes buckets everywhere, the others only at home.
    if call.region not in (_HOME, region):
        raise _illegal_location(constraint)
    return str(region)


def _illegal_location(constraint: str) -> AwsError:
    return AwsError(
        "IllegalLocationConstraintException",
        f"The {constraint} location constraint is incompatible for the region specific endpoint this request was "
        "sent to.",
    )


@operations
def create_bucket(call: Call, request: Params) -> Params:
    name = request["Bucket"]
    _check_name(name)
    configuration = request.get("CreateBucketConfiguration") or {}
    region = _location(call, configuration)
    if {"Bucket", "Location"} & configuration.keys():
        raise not_built("make directory buckets")
    settings = _settings(call, request)
    tags = tags_of_set(configuration.get("Tags", []), limit=_MOST_TAGS)
    buckets = call.services.objects.buckets
    try:
        buckets.create(name, region, tags=tags, settings=settings)
    except BucketExists as error:
        with in_s3_words():
            existing = buckets.get(name)
        if not existing.region == call.region == _HOME:
            raise AwsError(
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
                status=409,
                fields={"BucketName": name},
            ) from error
    return {"Location": f"/{name}", "BucketArn": f"arn:aws:s3:::{name}"}


def _settings(call: Call, request: Params) -> Params:
    """What a new bucket comes with: everything public blocked, and its owner owning all that is in it."""
    kind = request.get("ObjectOwnership", owners.ENFORCED)
    settings: Params = {
        "Ownership": owners.controls(kind),
        "PublicAccessBlock": all_blocked(),
        **acls.of_new_bucket(request, call.services.objects.account, enforced_owner=kind == owners.ENFORCED),
    }
    if request.get("ObjectLockEnabledForBucket"):
        settings |= {"Versioning": "Enabled", "ObjectLock": {"ObjectLockEnabled": "Enabled"}}
    return settings


@operations
@answering
def head_bucket(call: Call, request: Params) -> Params:
    bucket = call.services.objects.buckets.get(request["Bucket"])
    return {
        "BucketArn": f"arn:aws:s3:::{bucket.name}",
        "BucketRegion": bucket.region,
        "AccessPointAlias": False,
    }


@operations
@answering
def delete_bucket(call: Call, request: Params) -> Params:
    call.services.objects.buckets.delete(request["Bucket"])
    return {}


@operations
def list_buckets(call: Call, request: Params) -> Params:
    most = request.get("MaxBuckets", 10_000)
    if not 1 <= most <= 10_000:
        raise invalid_argument("MaxBuckets must be between 1 and 10000", "max-buckets", most)
    prefix, after, region = (request.get(name) for name in ("Prefix", "ContinuationToken", "BucketRegion"))
    found: list[Params] = []
    result: Params = {"Owner": owner(call.services.objects.account), "Buckets": found}
    if prefix is not None:
        result["Prefix"] = prefix
    while True:
        page = call.services.objects.buckets.page(prefix=prefix or "", after=after, limit=1000)
        for bucket in page:
            if region not in (None, bucket.region):
                continue
            if len(found) == most:
                # Names are no secret to their owner: the token is where this page ended.
                result["ContinuationToken"] = found[-1]["Name"]
                return result
            found.append(
                {
                    "Name": bucket.name,
                    "CreationDate": int(bucket.created),
                    "BucketRegion": bucket.region,
                    "BucketArn": f"arn:aws:s3:::{bucket.name}",
                }
            )
        if len(page) < 1000:
            return result
        after = page[-1].name


@operations
@answering
def get_bucket_location(call: Call, request: Params) -> Params:
    region = call.services.objects.buckets.get(request["Bucket"]).region
    return {} if region == _HOME else {"LocationConstraint": region}


@operations
@answering
def get_bucket_tagging(call: Call, request: Params) -> Params:
    tags = call.services.objects.buckets.get(request["Bucket"]).tags
    if not tags:
        raise AwsError(
            "NoSuchTagSet", "The TagSet does not exist", status=404, fields={"BucketName": request["Bucket"]}
        )
    return {"TagSet": as_tag_set(tags)}


@operations
@answering
def put_bucket_tagging(call: Call, request: Params) -> Params:
    tags = tags_of_set(request["Tagging"]["TagSet"], limit=_MOST_TAGS)
    call.services.objects.buckets.set_tags(request["Bucket"], tags)
    return {}


@operations
@answering
def delete_bucket_tagging(call: Call, request: Params) -> Params:
    call.services.objects.buckets.set_tags(request["Bucket"], {})
    return {}
