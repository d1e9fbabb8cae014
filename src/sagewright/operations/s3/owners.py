"""Who owns buckets and objects: canonical users, and ownership controls."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.buckets import Bucket
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.forms import add_delete, add_get
from sagewright.operations.s3.refusals import answering, malformed_xml
from sagewright.operations.table import Operations

operations = Operations()

ENFORCED: Final = "BucketOwnerEnforced"
_KINDS: Final = (ENFORCED, "BucketOwnerPreferred", "ObjectWriter")


def owner(account: str) -> Params:
    """An account's canonical user id: 64 hexadecimal digits, always the same ones for the same account."""
    return {"ID": hashlib.sha256(f"canonical user of {account}".encode()).hexdigest()}


def own_grant(account: str) -> Params:
    """The grant that an owner always begins with."""
    return {"Grantee": {"Type": "CanonicalUser", **owner(account)}, "Permission": "FULL_CONTROL"}


def enforced(bucket: Bucket) -> bool:
    """Whether the bucket's owner owns all that is in it, so that there are no access lists."""
    rules = bucket.settings.get("Ownership", {}).get("Rules", [])
    return any(rule["ObjectOwnership"] == ENFORCED for rule in rules)


def controls(kind: str) -> Params:
    """Ownership controls as they are stored."""
    if kind not in _KINDS:
        raise malformed_xml()
    return {"Rules": [{"ObjectOwnership": kind}]}


def acl_conflict() -> AwsError:
    """The bucket has an access list, or shall get one, and enforces its owner."""
    return AwsError(
        "InvalidBucketAclWithObjectOwnership",
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    )


@operations
@answering
def put_bucket_ownership_controls(call: Call, request: Params) -> Params:
    rules = request["OwnershipControls"]["Rules"]
    if len(rules) != 1:
        raise malformed_xml()
    wanted = controls(rules[0]["ObjectOwnership"])
    own = own_grant(call.services.objects.account)

    def change(bucket: Bucket) -> dict[str, Any]:
        if rules[0]["ObjectOwnership"] == ENFORCED and bucket.settings.get("Acl", [own]) != [own]:
            raise acl_conflict()
        return {"Ownership": wanted}

    call.services.objects.buckets.configure(request["Bucket"], change)
    return {}


add_get(
    operations,
    "get_bucket_ownership_controls",
    "Ownership",
    member="OwnershipControls",
    absent=("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
)
add_delete(operations, "delete_bucket_ownership_controls", "Ownership")
