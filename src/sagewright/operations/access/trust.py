"""Trust: who may take on a role, as the role's own policy says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.access import iam_keys, tags
from sagewright.operations.access.evaluate import Policies, Policy, decide
from sagewright.operations.access.principals import service, standing
from sagewright.operations.access.request import Request
from sagewright.operations.call import Call, Params
from sagewright.resources.record import Record

ASSUME: Final = "sts:AssumeRole"


def check(call: Call, role: Record, action: str = ASSUME, request: Params | None = None) -> None:
    """Raises AwsError (AccessDenied) unless the caller may take on the role: its trust policy names the caller, or
    the caller's account and then the caller's own policies allow it. The account's root may take on any.

    `request` is the STS request, for conditions on what it says; the gate has decided the same before.
    """
    if call.services.settings.auth == "off":
        return
    own = standing(call.store, call.principal)
    arn = role.status["Arn"]
    context = Request(call, request or {}, arn, claims=own.claims, sources={**tags.SOURCES, **iam_keys.STS})
    if not decide(own, action, arn, context, policy(role), resource_must_allow=True).allowed:
        message = f"User: {call.principal.arn} is not authorized to perform: {action} on resource: {arn}"
        raise AwsError("AccessDenied", message, status=403)


def allows_service(role: Record, name: str, *, source: str | None = None) -> bool:
    """Whether a service, such as `sagemaker.amazonaws.com`, may take on the role; `source` is the ARN of what it works
    for, as far as it is known."""
    known: dict[str, Sequence[str]] = {"aws:principalservicename": [name], "aws:principalisawsservice": ["true"]}
    account = role.key.account
    known |= {"aws:sourceaccount": [account], "aws:principaltype": ["Service"]}
    if source is not None:
        known["aws:sourcearn"] = [source]
    return policy(role).decision(ASSUME, role.status["Arn"], known, service(name))[0] == "allowed"


def policy(role: Record) -> Policies:
    """A role's trust policy."""
    return Policies([Policy.read("trust", "resource", role.spec["AssumeRolePolicyDocument"])])
