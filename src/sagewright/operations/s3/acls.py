"""Access lists: of buckets and of objects, where the bucket has not done away with them.

Canned lists and header forms: https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.buckets import Bucket
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.operations.call import Call, Params
from sagewright.operations.s3 import notifications
from sagewright.operations.s3.owners import acl_conflict, enforced, own_grant, owner
from sagewright.operations.s3.refusals import access_denied, answering, invalid_argument, invalid_request, malformed_xml
from sagewright.operations.s3.versioning import asked, readable
from sagewright.operations.table import Operations

operations = Operations()

_GROUPS: Final = "http://acs.amazonaws.com/groups/"
_EVERYBODY: Final = f"{_GROUPS}global/AllUsers"
_SIGNED: Final = f"{_GROUPS}global/AuthenticatedUsers"
_LOGS: Final = f"{_GROUPS}s3/LogDelivery"
_PUBLIC: Final = frozenset({_EVERYBODY, _SIGNED})
_PERMISSIONS: Final = frozenset({"FULL_CONTROL", "WRITE", "WRITE_ACP", "READ", "READ_ACP"})
_MOST_GRANTS: Final = 100

_CANNED: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "private": (),
    "public-read": ((_EVERYBODY, "READ"),),
    "public-read-write": ((_EVERYBODY, "READ"), (_EVERYBODY, "WRITE")),
    "authenticated-read": ((_SIGNED, "READ"),),
    "log-delivery-write": ((_LOGS, "WRITE"), (_LOGS, "READ_ACP")),
    # The bucket's owner and the object's are the same account here.
    "bucket-owner-read": (),
    "bucket-owner-full-control": (),
}
_HEADERS: Final[Mapping[str, str]] = {
    "GrantFullControl": "FULL_CONTROL",
    "GrantRead": "READ",
    "GrantReadACP": "READ_ACP",
    "GrantWrite": "WRITE",
    "GrantWriteACP": "WRITE_ACP",
}
_OWNERS_ONLY: Final = frozenset({"private", "bucket-owner-full-control", "bucket-owner-read"})
_GRANTEE: Final = re.compile(r'\s*(id|uri|emailAddress)\s*=\s*"?([^",]*)"?\s*', re.IGNORECASE)
_USER: Final = re.compile(r"[0-9a-f]{64}")

Grants = list[Params]


def of_request(request: Params, account: str) -> Grants | None:
    """The grants that a request asks for; None if it says nothing of access."""
    canned, policy = request.get("ACL"), request.get("AccessControlPolicy")
    headers = {name: request[name] for name in _HEADERS if name in request}
    if canned is not None and headers:
        raise invalid_request("Specifying both Canned ACLs and Header Grants is not allowed")
    if policy is not None and (canned is not None or headers):
        raise AwsError("UnexpectedContent", "This request does not support content")
    if canned is not None:
        return _of_canned(canned, account)
    if headers:
        return [
            {"Grantee": grantee, "Permission": _HEADERS[name]}
            for name, text in headers.items()
            for grantee in _of_header(name, text)
        ]
    return None if policy is None else _of_policy(policy, account)


def _of_canned(canned: str, account: str) -> Grants:
    if canned == "aws-exec-read":
        raise invalid_argument("The canned ACL aws-exec-read is for EC2, which is not here.", "x-amz-acl", canned)
    if canned not in _CANNED:
        raise invalid_argument("", "x-amz-acl", canned)
    groups = [
        {"Grantee": {"Type": "Group", "URI": uri}, "Permission": permission} for uri, permission in _CANNED[canned]
    ]
    return [own_grant(account), *groups]


def _of_header(name: str, text: str) -> list[Params]:
    grantees: list[Params] = []
    for piece in text.split(","):
        match = _GRANTEE.fullmatch(piece)
        if match is None:
            raise invalid_argument('Argument format not recognized: write id="…" or uri="…"', _header(name), text)
        kind, value = match[1].lower(), match[2]
        if kind == "uri":
            grantees.append(_checked({"Type": "Group", "URI": value}))
        elif kind == "id":
            grantees.append(_checked({"Type": "CanonicalUser", "ID": value}))
        else:
            raise _by_email()
    return grantees


def _header(name: str) -> str:
    return "x-amz-" + re.sub("([a-z])([A-Z])", r"\1-\2", name).lower()


def _of_policy(policy: Params, account: str) -> Grants:
    if policy.get("Owner", {}).get("ID", owner(account)["ID"]) != owner(account)["ID"]:
        raise access_denied()
    grants: Grants = []
    for grant in policy.get("Grants") or []:
        grantee, permission = grant.get("Grantee"), grant.get("Permission")
        if grantee is None or permission not in _PERMISSIONS:
            raise malformed_xml()
        if grantee.get("Type") == "AmazonCustomerByEmail":
            raise _by_email()
        wanted = ("Type", "URI") if grantee.get("Type") == "Group" else ("Type", "ID")
        if not all(grantee.get(name) for name in wanted):
            raise malformed_xml()
        grants.append({"Grantee": _checked({name: grantee[name] for name in wanted}), "Permission": permission})
    if len(grants) > _MOST_GRANTS:
        raise malformed_xml()
    return grants


def _by_email() -> AwsError:
    return AwsError(
        "UnresolvableGrantByEmailAddress",
        "The e-mail address you provided does not match any account on record: name a canonical user id instead.",
    )


def _checked(grantee: Params) -> Params:
    uri, identity = grantee.get("URI"), grantee.get("ID")
    if uri is not None and uri not in (*_PUBLIC, _LOGS):
        raise invalid_argument("Invalid group uri", "uri", uri)
    if identity is not None and _USER.fullmatch(identity) is None:
        raise invalid_argument("Invalid id", "CanonicalUser/ID", identity)
    return grantee


def is_public(grants: Sequence[Params]) -> bool:
    """Whether some grant is to more than single users."""
    return any(grant["Grantee"].get("URI") in _PUBLIC for grant in grants)


def of_write(request: Params, bucket: Bucket, account: str) -> dict[str, Any]:
    """What a new object keeps of access. Raises AccessControlListNotSupported where the bucket has no lists."""
    if enforced(bucket):
        if request.get("ACL", "private") not in _OWNERS_ONLY or _HEADERS.keys() & request.keys():
            raise _no_acls()
        return {}
    grants = of_request(request, account)
    if grants is None or grants == [own_grant(account)]:
        return {}
    return {"Acl": _unblocked(bucket, grants)}


def _unblocked(bucket: Bucket, grants: Grants) -> Grants:
    if is_public(grants) and bucket.settings.get("PublicAccessBlock", {}).get("BlockPublicAcls"):
        raise access_denied(": the bucket's public access block refuses public access lists (BlockPublicAcls).")
    return grants


def _no_acls() -> AwsError:
    return AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs")


def of_new_bucket(request: Params, account: str, *, enforced_owner: bool) -> dict[str, Any]:
    """The access list that a bucket is created with. New buckets come with everything public blocked."""
    grants = of_request(request, account)
    if grants is None or grants == [own_grant(account)]:
        return {}
    if enforced_owner:
        raise acl_conflict()
    if is_public(grants):
        raise access_denied(
            ": a new bucket blocks public access. Create it without a public ACL, lift its public access block, then "
            "set the ACL."
        )
    return {"Acl": grants}


# Operations.


def _listed(grants: Sequence[Params] | None, account: str) -> Params:
    return {"Owner": owner(account), "Grants": [own_grant(account)] if grants is None else grants}


@operations
@answering
def get_bucket_acl(call: Call, request: Params) -> Params:
    bucket = call.services.objects.buckets.get(request["Bucket"])
    return _listed(bucket.settings.get("Acl"), call.services.objects.account)


@operations
@answering
def put_bucket_acl(call: Call, request: Params) -> Params:
    account = call.services.objects.account
    wanted = of_request(request, account)

    def change(bucket: Bucket) -> dict[str, Any]:
        if enforced(bucket):
            raise _no_acls()
        if wanted is None:
            raise _nothing_said()
        return {"Acl": None if wanted == [own_grant(account)] else _unblocked(bucket, wanted)}

    call.services.objects.buckets.configure(request["Bucket"], change)
    return {}


@operations
@answering
def get_object_acl(call: Call, request: Params) -> Params:
    info = readable(call.services.objects.head(request["Bucket"], request["Key"], asked(request)))
    return _listed(info.kept.get("Acl"), call.services.objects.account)


@operations
@answering
def put_object_acl(call: Call, request: Params) -> Params:
    objects = call.services.objects
    bucket = objects.buckets.get(request["Bucket"])
    wanted = of_request(request, objects.account)
    if enforced(bucket):
        raise _no_acls()
    if wanted is None:
        raise _nothing_said()
    grants = None if wanted == [own_grant(objects.account)] else _unblocked(bucket, wanted)

    def change(info: ObjectInfo) -> Mapping[str, Any]:
        readable(info)
        return {"Acl": grants}

    tell = notifications.said(call, bucket, "ObjectAcl:Put")
    objects.keep(request["Bucket"], request["Key"], change, asked(request), tell=tell)
    return {}


def _nothing_said() -> AwsError:
    return AwsError(
        "MissingSecurityHeader",
        "Your request was missing a required header: say x-amz-acl, x-amz-grant-… or send an AccessControlPolicy.",
    )
