"""What sessions may not that nobody assumed a role for, whatever their policies allow.

The table: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
"""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call

_OF_STS: Final = {
    "federated": frozenset({"GetCallerIdentity"}),
    "user": frozenset({"GetCallerIdentity", "AssumeRole"}),
    "root": frozenset({"GetCallerIdentity", "AssumeRole"}),
}
"""By kind of caller, the operations of STS that it may call with keys that expire."""


def beyond(call: Call) -> AwsError | None:
    """Why the caller's kind of session may not call this; None if it may. A user who was proved to be there by MFA
    may call IAM."""
    session, kind = call.principal.session, call.principal.kind
    if session is None or kind not in _OF_STS:
        return None
    if call.service == "iam" and (kind == "federated" or not session.mfa):
        how = "GetFederationToken" if kind == "federated" else "GetSessionToken without MFA"
        message = f"The security token included in the request is invalid: keys from {how} do not call IAM."
        return AwsError("InvalidClientTokenId", message, status=403)
    if call.service == "sts" and call.operation not in _OF_STS[kind]:
        return AwsError("AccessDenied", f"Cannot call {call.operation} with session credentials", status=403)
    return None
