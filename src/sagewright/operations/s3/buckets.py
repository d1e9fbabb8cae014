"""Buckets, and the truth about what they can be configured with: nothing yet, but tags."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.values import BucketExists
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.attributes import as_tag_set, tags_of_set
from sagewright.operations.s3.refusals import answering, in_s3_words, invalid_argument
from sagewright.operations.table import Operations

operations = Operations()

_HOME: Final = "us-east-1"
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_BAD_STARTS: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_BAD_ENDS: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_MOST_TAGS: Final = 50


def owner(account: str) -> Params:
    """An account's canonical user id: 64 hexadecimal digits, always the same ones for the same account."""
    return {"ID": hashlib.sha256(f"canonical user of {account}".encode()).hexdigest()}


def access_list(account: str) -> Params:
    """The access list of whatever has none of its own: its owner may do all."""
    grantee = {"Type": "CanonicalUser", **owner(account)}
    return {"Owner": owner(account), "Grants": [{"Grantee": grantee, "Permission": "FULL_CONTROL"}]}


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
    if request.get("ACL", "private") != "private" or any(member.startswith("Grant") for member in request):
        raise AwsError(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        )
    if request.get("ObjectOwnership", "BucketOwnerEnforced") != "BucketOwnerEnforced":
        raise AwsError("NotImplemented", "Sagewright's buckets own all their objects: BucketOwnerEnforced only.")
    if request.get("ObjectLockEnabledForBucket") or {"Bucket", "Location"} & configuration.keys():
        raise AwsError("NotImplemented", "Sagewright does not do object lock and directory buckets yet.")
    tags = tags_of_set(configuration.get("Tags", []), limit=_MOST_TAGS)
    buckets = call.services.objects.buckets
    try:
        buckets.create(name, region, tags=tags)
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
def get_bucket_acl(call: Call, request: Params) -> Params:
    call.services.objects.buckets.get(request["Bucket"])
    return access_list(call.services.objects.account)


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


# What buckets are asked and have nothing of: Terraform, the CLI and the console look at all of it. Setting it is
# refused by the edge, because no function here answers.

_ABSENT: Final = {
    "get_bucket_policy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "get_bucket_policy_status": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "get_bucket_cors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "get_bucket_website": (
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
    ),
    "get_bucket_lifecycle": ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    "get_bucket_lifecycle_configuration": (
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist",
    ),
    "get_bucket_replication": (
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
    ),
    "get_bucket_encryption": (
        "ServerSideEncryptionConfigurationNotFoundError",
        "The server side encryption configuration was not found",
    ),
    "get_object_lock_configuration": (
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    ),
    "get_public_access_block": (
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    ),
    **{
        f"get_bucket_{what}_configuration": ("NoSuchConfiguration", "The specified configuration does not exist.")
        for what in ("analytics", "intelligent_tiering", "inventory", "metrics")
    },
}

_DEFAULTS: Final[dict[str, Params]] = {
    "get_bucket_accelerate_configuration": {},
    "get_bucket_logging": {},
    "get_bucket_notification": {},
    "get_bucket_notification_configuration": {},
    "get_bucket_ownership_controls": {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}},
    "get_bucket_request_payment": {"Payer": "BucketOwner"},
    "get_bucket_versioning": {},
    **{
        f"list_bucket_{what}_configurations": {"IsTruncated": False}
        for what in ("analytics", "intelligent_tiering", "inventory", "metrics")
    },
    # Removing what is not there succeeds.
    **{
        f"delete_bucket_{what}": {}
        for what in ("cors", "encryption", "lifecycle", "ownership_controls", "policy", "replication", "website")
    },
    "delete_public_access_block": {},
}


def _absent(code: str, message: str) -> Callable[[Call, Params], Params]:
    def answer(call: Call, request: Params) -> Params:
        bucket = call.services.objects.buckets.get(request["Bucket"])
        raise AwsError(code, message, status=404, fields={"BucketName": bucket.name})

    return answer


def _default(result: Params) -> Callable[[Call, Params], Params]:
    def answer(call: Call, request: Params) -> Params:
        call.services.objects.buckets.get(request["Bucket"])
        return dict(result)

    return answer


for _operation, (_code, _message) in _ABSENT.items():
    operations.add(_operation, answering(_absent(_code, _message)))
for _operation, _result in _DEFAULTS.items():
    operations.add(_operation, answering(_default(_result)))
