"""How a refusal reads: AWS's words, in the form that the called service gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.access.evaluate import Outcome
from sagewright.operations.access.needs import Need
from sagewright.operations.call import Call
from sagewright.wire import model

_OF_SERVICE: Final[Mapping[str, tuple[str, int]]] = {
    "ec2": ("UnauthorizedOperation", 403),
    "sagemaker-featurestore-runtime": ("AccessForbidden", 403),
    "sns": ("AuthorizationError", 403),
    "cloudwatch": ("AccessDenied", 403),
}
_OF_PROTOCOL: Final[Mapping[str, tuple[str, int]]] = {
    "json": ("AccessDeniedException", 400),
    "rest-json": ("AccessDeniedException", 403),
    "smithy-rpc-v2-cbor": ("AccessDeniedException", 400),
}
_NAMED: Final = frozenset({"role", "user", "group", "instance-profile"})
"""What IAM's refusals call by its name: an ARN would tell a path that the caller did not."""


def refusal(call: Call, need: Need, outcome: Outcome) -> AwsError:
    """The error. What it says depends on the request and on the caller's policies only."""
    protocol = model.SERVICES[call.service].protocols[0]
    code, status = _OF_SERVICE.get(call.service) or _OF_PROTOCOL.get(protocol, ("AccessDenied", 403))
    if call.principal.kind == "anonymous":
        return AwsError(code, "Access Denied", status=status)
    message = (
        f"User: {call.principal.arn} is not authorized to perform: {need.action} on resource: "
        f"{_shown(call, need.resource)}{_reason(call, need, outcome)}"
    )
    if call.service == "ec2":
        message = f"You are not authorized to perform this operation. {message}"
    return AwsError(code, message, status=status)


def _shown(call: Call, resource: str) -> str:
    if call.service == "s3":
        return f'"{resource}"'
    if call.service == "iam":
        kind, _, path = resource.rpartition(":")[2].partition("/")
        if kind in _NAMED and resource.startswith(f"arn:aws:iam::{call.account}:"):
            return f"{kind} {path.rpartition('/')[2]}"
    return resource


def _reason(call: Call, need: Need, outcome: Outcome) -> str:
    if outcome.explicit:
        article = "an" if outcome.kind.startswith("identity") else "a"
        return f" with an explicit deny in {article} {outcome.kind}"
    if call.service == "sts":
        return ""  # whether there is such a role is not told
    return f" because no {outcome.kind} allows the {need.action} action"
