"""Bucket policies, and the block on public access. What they allow is decided in `operations.access`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.buckets import Bucket
from sagewright.operations.access.conditions import fault
from sagewright.operations.access.texts import parsed
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.forms import add_delete, add_get, store
from sagewright.operations.s3.refusals import access_denied, answering
from sagewright.operations.table import Operations

operations = Operations()

_LARGEST: Final = 20 * 1024
_VERSIONS: Final = ("2012-10-17", "2008-10-17")
_MEMBERS: Final = frozenset({"Version", "Id", "Statement"})
# fmt: off
_STATEMENT: Final = frozenset({
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
})
# fmt: on
_PRINCIPALS: Final = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
_ACCOUNT: Final = re.compile(r"\d{12}|arn:aws[a-z-]*:(iam|sts)::(\d{12}|cloudfront):.+|[A-Z0-9]{16,128}")
_BLOCKS: Final = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_ABSENT: Final = ("NoSuchBucketPolicy", "The bucket policy does not exist")


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicy", message)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def check(document: str, bucket: str) -> Sequence[Mapping[str, Any]]:
    """A policy's statements. Raises MalformedPolicy for what cannot be a policy of this bucket."""
    if len(document.encode()) > _LARGEST:
        raise AwsError("PolicyTooLarge", f"The policy is longer than {_LARGEST} bytes.")
    try:
        policy = parsed(document)
    except ValueError:
        raise _malformed("Policies must be valid JSON and the first byte must be '{'") from None
    if not isinstance(policy, dict):
        raise _malformed("Policies must be valid JSON and the first byte must be '{'")
    if unknown := sorted(policy.keys() - _MEMBERS):
        raise _malformed(f"Unknown field {unknown[0]}")
    if policy.get("Version", _VERSIONS[1]) not in _VERSIONS:
        raise _malformed("The policy must contain a valid version string")
    statements = _listed(policy.get("Statement", []))
    if not statements:
        raise _malformed("Missing required field Statement")
    for statement in statements:
        _check_statement(statement, bucket)
    return statements


def _check_statement(statement: Any, bucket: str) -> None:
    if not isinstance(statement, dict):
        raise _malformed("Statement must be an object")
    if unknown := sorted(statement.keys() - _STATEMENT):
        raise _malformed(f"Unknown field {unknown[0]}")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _malformed(f"Invalid effect: {statement.get('Effect')}")
    for name in ("Principal", "Action", "Resource"):
        if (name in statement) == (f"Not{name}" in statement):
            raise _malformed(f"Missing required field {name}")
    _check_principal(statement.get("Principal", statement.get("NotPrincipal")))
    for action in _listed(statement.get("Action", statement.get("NotAction"))):
        if not isinstance(action, str) or not (action == "*" or action.lower().startswith("s3:")):
            raise _malformed("Policy has invalid action")
    own = re.compile(rf"arn:aws[a-z-]*:s3:::({re.escape(bucket)}|[^/]*[*?][^/]*)(/.*)?", re.DOTALL)
    for resource in _listed(statement.get("Resource", statement.get("NotResource"))):
        if not isinstance(resource, str) or not (resource == "*" or own.fullmatch(resource)):
            raise _malformed("Policy has invalid resource")
    wrong = fault(statement.get("Condition", {}))
    if wrong is not None:
        raise _malformed(wrong)


def _check_principal(principal: Any) -> None:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or principal.keys() - _PRINCIPALS:
        raise _malformed("Invalid principal in policy")
    for kind, values in principal.items():
        for value in _listed(values):
            if not isinstance(value, str) or not value:
                raise _malformed("Invalid principal in policy")
            if kind == "AWS" and value != "*" and not _ACCOUNT.fullmatch(value):
                raise _malformed("Invalid principal in policy")


# What counts as public: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html

_NARROWING: Final = frozenset(
    {
        "aws:sourcearn",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:sourceowner",
        "aws:sourceaccount",
        "aws:userid",
        "aws:principalorgid",
        "aws:principalarn",
        "aws:principalaccount",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:dataaccesspointarn",
        "s3:dataaccesspointaccount",
    }
)
_WIDEST_NETWORK: Final = {4: 8, 6: 32}


def is_public(statements: Sequence[Mapping[str, Any]]) -> bool:
    """Whether some statement allows something to everybody, without a condition that fixes who that is."""
    return any(_opens(statement) for statement in statements)


def _opens(statement: Mapping[str, Any]) -> bool:
    if statement["Effect"] != "Allow":
        return False
    principal = statement.get("Principal")
    everybody = "NotPrincipal" in statement or principal == "*"
    if isinstance(principal, Mapping):
        everybody = any("*" in _listed(values) for values in principal.values())
    return everybody and not any(_narrows(*condition) for condition in _conditions(statement))


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Any]]]:
    for operator, block in statement.get("Condition", {}).items():
        for key, values in block.items():
            yield operator.lower(), key.lower(), _listed(values)


def _narrows(operator: str, key: str, values: Sequence[Any]) -> bool:
    """Whether a condition lets only known callers pass."""
    operator = operator.rpartition(":")[2]
    if operator.endswith("ifexists") or "not" in operator or not values:
        return False
    if key == "aws:sourceip" and operator == "ipaddress":
        return all(_is_narrow(str(value)) for value in values)
    fixed = all("${" not in str(value) and not re.search(r"[*?]", str(value)) for value in values)
    if key in ("aws:sourcearn", "aws:principalarn", "s3:dataaccesspointarn") and operator in ("arnlike", "stringlike"):
        # The account has to be told in full.
        fixed = all(re.fullmatch(r"\d{12}", (str(value).split(":", 5) + [""] * 5)[4]) for value in values)
    return key in _NARROWING and operator.startswith(("string", "arn")) and fixed


def _is_narrow(network: str) -> bool:
    try:
        found = ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
    return found.prefixlen >= _WIDEST_NETWORK[found.version]


# Operations.


@operations
@answering
def put_bucket_policy(call: Call, request: Params) -> Params:
    document = request.get("Policy") or ""
    objects = call.services.objects
    objects.buckets.get(request["Bucket"])
    public = is_public(check(document, request["Bucket"]))

    def change(bucket: Bucket) -> dict[str, Any]:
        if public and bucket.settings.get("PublicAccessBlock", {}).get("BlockPublicPolicy"):
            raise access_denied(
                ": the policy makes the bucket public, which its public access block refuses (BlockPublicPolicy)."
            )
        return {"Policy": document}

    objects.buckets.configure(request["Bucket"], change)
    return {}


add_get(operations, "get_bucket_policy", "Policy", member="Policy", absent=_ABSENT)
add_delete(operations, "delete_bucket_policy", "Policy")


@operations
@answering
def get_bucket_policy_status(call: Call, request: Params) -> Params:
    bucket = call.services.objects.buckets.get(request["Bucket"])
    document = bucket.settings.get("Policy")
    if document is None:
        raise AwsError(*_ABSENT, status=404, fields={"BucketName": bucket.name})
    return {"PolicyStatus": {"IsPublic": is_public(_listed(orjson.loads(document)["Statement"]))}}


@operations
@answering
def put_public_access_block(call: Call, request: Params) -> Params:
    said = request["PublicAccessBlockConfiguration"]
    return store(call, request, "PublicAccessBlock", {name: bool(said.get(name)) for name in _BLOCKS})


add_get(
    operations,
    "get_public_access_block",
    "PublicAccessBlock",
    member="PublicAccessBlockConfiguration",
    absent=(
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    ),
)
add_delete(operations, "delete_public_access_block", "PublicAccessBlock")


def all_blocked() -> Params:
    """The public access block of new buckets."""
    return dict.fromkeys(_BLOCKS, True)
