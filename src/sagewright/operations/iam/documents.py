"""Policy documents: read them, refuse what is none, spell them as IAM does.

The grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from sagewright.base.errors import AwsError
from sagewright.operations.access.conditions import fault
from sagewright.operations.access.patterns import as_list
from sagewright.operations.access.texts import parsed

_MEMBERS: Final = frozenset({"Version", "Id", "Statement"})
_VERSIONS: Final = ("2012-10-17", "2008-10-17")
_STATEMENT: Final = frozenset(
    {
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
    }
)  # fmt: skip

_PRINCIPALS: Final = {
    "AWS": r"\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:\S+|A(ROA|IDA)[A-Z0-9]+",
    "Service": r"[a-z0-9*.-]+\.[a-z0-9.-]+",
    "Federated": r"\S+",
    "CanonicalUser": r"[0-9a-f]+",
}
"""What the values of each kind of principal look like."""


def encoded(document: str) -> str:
    """A document as IAM's answers hold it: percent-encoded by RFC 3986."""
    return quote(document, safe="")


def size(document: str) -> int:
    """How long a document counts: IAM leaves blanks out."""
    return len(re.sub(r"\s", "", document))


def check_identity_policy(document: str) -> None:
    """Raises AwsError (MalformedPolicyDocument) for what may not be given to a role."""
    for statement in statements(document):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed("Policy document should not specify a principal.")
        if "Resource" not in statement and "NotResource" not in statement:
            raise malformed("Policy statement must contain resources.")
        for resource in as_list(statement.get("Resource", statement.get("NotResource"))):
            if resource != "*" and not resource.startswith("arn:"):
                raise malformed(f'Resource {resource} must be in ARN format or "*".')


def check_trust_policy(document: str) -> None:
    """Raises AwsError (MalformedPolicyDocument) for what does not say who may assume a role."""
    for statement in statements(document):
        check_whom(statement)
        if "Resource" in statement or "NotResource" in statement:
            raise malformed("Has prohibited field Resource")
        if not all(action.lower().startswith(("sts:", "*")) for action in as_list(statement.get("Action", ()))):
            raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")


def check_whom(statement: Mapping[str, Any]) -> None:
    """Raises AwsError (MalformedPolicyDocument) unless a statement says well whom it is about."""
    if "Principal" not in statement and "NotPrincipal" not in statement:
        raise malformed("Missing required field Principal")
    _check_principal(statement.get("Principal", statement.get("NotPrincipal")))


def _check_principal(principal: Any) -> None:
    """Whether it is spelled well; whether it exists may change."""
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or not principal.keys() <= _PRINCIPALS.keys():
        raise malformed("Syntax errors in policy.")
    for kind, value in principal.items():
        names = value if isinstance(value, list) else [value]
        for name in names:
            if not isinstance(name, str) or not re.fullmatch(_PRINCIPALS[kind], name):
                raise malformed(f'Invalid principal in policy: "{kind}":"{name}"')


def statements(document: str) -> Sequence[Mapping[str, Any]]:
    """A document's statements. Raises AwsError (MalformedPolicyDocument) for what is no policy."""
    try:
        policy = parsed(document)
    except ValueError:
        raise malformed("This policy contains invalid Json") from None
    if not isinstance(policy, dict) or not policy.keys() <= _MEMBERS or not policy.get("Statement"):
        raise malformed("Syntax errors in policy.")
    if policy.get("Version", _VERSIONS[1]) not in _VERSIONS:
        raise malformed("The policy must contain a valid version string")
    found = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    for statement in found:
        _check_statement(statement)
    return found


def malformed(message: str) -> AwsError:
    """The error for documents that are no policies."""
    return AwsError("MalformedPolicyDocument", message)


def _check_statement(statement: Any) -> None:
    if not isinstance(statement, dict) or not statement.keys() <= _STATEMENT:
        raise malformed("Syntax errors in policy.")
    if not isinstance(statement.get("Sid", ""), str):
        raise malformed("Syntax errors in policy.")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise malformed("Policy statement must contain an effect of Allow or Deny.")
    if ("Action" in statement) == ("NotAction" in statement):
        raise malformed("Policy statement must contain actions.")
    if "Resource" in statement and "NotResource" in statement:
        raise malformed("Syntax errors in policy.")
    for member in ("Action", "NotAction", "Resource", "NotResource"):
        value = statement.get(member, "*")
        several = isinstance(value, list) and value and all(isinstance(each, str) for each in value)
        if not isinstance(value, str) and not several:
            raise malformed("Syntax errors in policy.")
    for action in as_list(statement.get("Action", statement.get("NotAction"))):
        if action != "*" and ":" not in action:
            raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    wrong = fault(statement.get("Condition", {}))
    if wrong is not None:
        raise malformed(wrong)
