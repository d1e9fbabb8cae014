"""What a request needs to be allowed: one or more actions, each on one resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from sagewright.operations.access import iam_keys, neighbour_names, ram_keys, s3_keys, sagemaker_keys, tags
from sagewright.operations.access.actions import Entry, entry
from sagewright.operations.access.patterns import NOTHING, Context
from sagewright.operations.access.request import Sources
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.copy_source import copy_source

FREE: Final = frozenset({("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")})
"""What everybody may who can sign."""


@dataclass(frozen=True, slots=True)
class Need:
    """One action on one resource."""

    action: str
    resource: str
    extra: Context = field(default=NOTHING, compare=False)
    """Condition keys of this action only."""
    params: Params | None = field(default=None, compare=False)
    """The request that conditions see, where it is not the whole one."""


def needs(call: Call, params: Params) -> Sequence[Need]:
    """All of them must be allowed."""
    row = entry(call.service, call.operation)
    if row.members is not None and call.service not in _TIDY and call.service not in _EXACT:
        named = [params.get(member) for member in row.members]
        if all(name is None or type(name) is str for name in named):
            return _of_names(call.service, call.operation, call.region, call.account, tuple(named))
    found = [Need(row.action, arn) for arn in _resources(call, params, row)]
    if call.service == "s3":
        return [*_s3(call, params, found)]
    if call.service == "sts":
        return [*_sts(params, found)]
    if row.tagging is not None and params.get("Tags"):
        created = {"sagemaker:taggingaction": [call.operation]}
        found += [Need(row.tagging, need.resource, created) for need in found[:1]]
    if call.operation in ("UpdateUser", "UpdateGroup") and call.service == "iam":
        found += [Need(row.action, arn) for arn in iam_keys.renamed(call, params, found[0].resource)]
    if call.operation == "ReEncrypt" and (source := neighbour_names.key_of(call, params)) is not None:
        found.append(Need("kms:ReEncryptFrom", source))
    found += _passing(call, params, row)
    return found


def elsewhere(call: Call, params: Params) -> Need | None:
    """The first thing of another account, of a type that accounts share, that a request names by its ARN."""
    row = entry(call.service, call.operation)
    if not row.shared or not any(_has_arn(params.get(member)) for member in row.members or params):
        return None
    arns = _arns(row, params, call.region, call.account)
    return next((Need(row.action, arn) for arn in arns if arn.split(":", 5)[4:5] != [call.account]), None)


def _has_arn(value: Any) -> bool:
    """Whether it is an ARN; lists are not looked into, and might have one."""
    return value.startswith("arn:") if isinstance(value, str) else isinstance(value, list)


@lru_cache(maxsize=4096)
def _of_names(service: str, operation: str, region: str, account: str, names: tuple[str | None, ...]) -> Sequence[Need]:
    """The needs of an operation that names what it is about and no more: most do, and ask for the same again."""
    row = entry(service, operation)
    params = {member: name for member, name in zip(row.members or (), names, strict=True) if name is not None}
    arns = _arns(row, params, region, account)
    return [Need(row.action, each) for arn in arns or ("*",) for each in _meanings(region, account, arn)]


def _arns(row: Entry, params: Params, region: str, account: str) -> list[str]:
    """What a request is about, as it names it."""
    return [arn for template in row.resources for arn in template.arns(params, region=region, account=account)]


def _resources(call: Call, params: Params, row: Entry) -> Sequence[str]:
    arns = _arns(row, params, call.region, call.account)
    if call.service in _TIDY:
        arns = [_TIDY[call.service](call, params, arn) for arn in arns]
    if call.service not in _EXACT:
        arns = [each for arn in arns for each in _meanings(call.region, call.account, arn)]
    return arns or ("*",)


_EXACT: Final = frozenset({"iam", "s3", "sts"})
"""Services that compare ARNs as a whole, or whose ARNs are the same everywhere."""


def _meanings(region: str, account: str, arn: str) -> Sequence[str]:
    """An ARN, and for one of elsewhere what has the same name here: an operation that looks at the name alone must
    not do what a policy about the thing itself forbids."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[4] == "aws":
        return (arn,)
    here = ":".join(
        ("arn", "aws", parts[2], parts[3] and region, parts[4] and account, parts[5]),
    )
    return (arn,) if here == arn else (arn, here)


def _queue(call: Call, _params: Params, arn: str) -> str:
    """Queues are named by their URL."""
    head, slashes, url = arn.partition("://")
    return f"{head.rpartition(':')[0]}:{url.rpartition('/')[2]}" if slashes else arn


def _rule(_call: Call, _params: Params, arn: str) -> str:
    """Rules of the default bus do not name it."""
    return arn.replace(":rule/default/", ":rule/", 1)


def _parameter(_call: Call, _params: Params, arn: str) -> str:
    """Parameters are named with a slash in front, or without; a version or label may stand behind a colon."""
    head, kind, name = arn.replace(":parameter//", ":parameter/", 1).partition(":parameter/")
    return head + kind + name.partition(":")[0]


_TIDY: Final = {
    "iam": iam_keys.with_path,
    "sqs": _queue,
    "events": _rule,
    "ssm": _parameter,
    "kms": neighbour_names.key,
    "secretsmanager": neighbour_names.secret,
}


def _passing(call: Call, params: Params, row: Entry) -> Iterator[Need]:
    for role in dict.fromkeys(role for path in row.passed for role in path.values(params)):
        arn = role
        if not role.startswith("arn:"):
            arn = iam_keys.with_path(call, {}, f"arn:aws:iam::{call.account}:role/{role}")
        yield Need("iam:PassRole", arn, {"iam:passedtoservice": [row.service]})


# S3: what a request asks for beside its main action.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html

_OF_VERSIONS: Final[Mapping[str, str]] = {
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:GetObjectAcl": "s3:GetObjectVersionAcl",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
    "s3:GetObjectTorrent": "s3:GetObjectVersionTorrent",
    "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
    "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
}
_WRITES: Final = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
_WITH_MEMBER: Final[Mapping[str, str]] = {
    "Tagging": "s3:PutObjectTagging",
    "ACL": "s3:PutObjectAcl",
    "GrantFullControl": "s3:PutObjectAcl",
    "GrantRead": "s3:PutObjectAcl",
    "GrantReadACP": "s3:PutObjectAcl",
    "GrantWriteACP": "s3:PutObjectAcl",
    "ObjectLockMode": "s3:PutObjectRetention",
    "ObjectLockRetainUntilDate": "s3:PutObjectRetention",
    "ObjectLockLegalHoldStatus": "s3:PutObjectLegalHold",
}
_WITH_BUCKET_MEMBER: Final[Mapping[str, str]] = {
    "ACL": "s3:PutBucketAcl",
    "GrantFullControl": "s3:PutBucketAcl",
    "GrantRead": "s3:PutBucketAcl",
    "GrantReadACP": "s3:PutBucketAcl",
    "GrantWrite": "s3:PutBucketAcl",
    "GrantWriteACP": "s3:PutBucketAcl",
    "ObjectOwnership": "s3:PutBucketOwnershipControls",
}


def of_version(action: str, version: str | None) -> str:
    """The action on a version that is named."""
    return _OF_VERSIONS.get(action, action) if version is not None else action


def _s3(call: Call, params: Params, found: Sequence[Need]) -> Iterator[Need]:
    operation = call.operation
    if operation == "DeleteObjects":
        # The operation asks for each key (`deletion`); to delete nothing is a request all the same.
        if not params["Delete"].get("Objects"):
            yield Need("s3:DeleteObject", f"arn:aws:s3:::{params['Bucket']}/*")
        return
    main = found[0]
    yield Need(of_version(main.action, params.get("VersionId")), main.resource)
    if operation == "GetObjectAttributes":
        yield Need(of_version("s3:GetObject", params.get("VersionId")), main.resource)
    if operation in ("CopyObject", "UploadPartCopy", "RenameObject"):
        yield from _copied(params)
    if operation in _WRITES:
        for action in dict.fromkeys(action for member, action in _WITH_MEMBER.items() if member in params):
            yield Need(action, main.resource)
    if operation == "CreateBucket":
        for action in dict.fromkeys(action for member, action in _WITH_BUCKET_MEMBER.items() if member in params):
            yield Need(action, main.resource)
        if params.get("ObjectLockEnabledForBucket"):
            yield Need("s3:PutBucketObjectLockConfiguration", main.resource)
            yield Need("s3:PutBucketVersioning", main.resource)
        if (params.get("CreateBucketConfiguration") or {}).get("Tags"):
            yield Need("s3:TagResource", main.resource)
    if params.get("BypassGovernanceRetention"):
        yield Need("s3:BypassGovernanceRetention", main.resource)


def deletion(params: Params, each: Params) -> Iterator[Need]:
    """What DeleteObjects needs for one of its keys."""
    version = each.get("VersionId")
    resource = f"arn:aws:s3:::{params['Bucket']}/{each['Key']}"
    yield Need(of_version("s3:DeleteObject", version), resource, params={"Bucket": params["Bucket"], **each})
    if params.get("BypassGovernanceRetention"):
        yield Need("s3:BypassGovernanceRetention", resource)


def _copied(params: Params) -> Iterator[Need]:
    """Reading the source of a copy; a source that cannot be read is the operation's to refuse."""
    bucket, key, version = copy_source(params.get("CopySource") or params.get("RenameSource") or "")
    source = {"Bucket": bucket, "Key": key}
    yield Need(of_version("s3:GetObject", version), f"arn:aws:s3:::{bucket}/{key}", params=source)


def _sts(params: Params, found: Sequence[Need]) -> Iterator[Need]:
    """Tags and a source identity are permissions of their own."""
    for need in found:
        yield need
        if params.get("Tags"):
            yield Need("sts:TagSession", need.resource)
        if "SourceIdentity" in params:
            yield Need("sts:SetSourceIdentity", need.resource)


SOURCES: Final[Mapping[str, Sources]] = {
    service: {**tags.SOURCES, **own}
    for service, own in (
        ("s3", s3_keys.SOURCES),
        ("iam", iam_keys.IAM),
        ("sts", iam_keys.STS),
        ("ram", ram_keys.SOURCES),
        *((service, sagemaker_keys.SOURCES) for service in (
            "sagemaker", "sagemaker-runtime", "sagemaker-featurestore-runtime", "sagemaker-metrics",
            "sagemaker-a2i-runtime", "sagemaker-edge",
        )),
    )
}  # fmt: skip
"""Where the condition keys of a service come from."""
