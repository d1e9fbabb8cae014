"""STS: who am I, and who may I be for an hour."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params, Session
from sagewright.operations.iam.records import find_role
from sagewright.operations.table import Operations

operations = Operations()

_HOUR: Final = 3600
_PACKED_LIMIT: Final = 2048
"""Characters of session policy that STS takes."""


@operations
def get_caller_identity(call: Call, request: Params) -> Params:
    return {"UserId": call.principal.user_id, "Account": call.principal.account, "Arn": call.principal.arn}


@operations
def assume_role(call: Call, request: Params) -> Params:
    """Credentials of a role's session. Any caller of the account may: trust policies are not evaluated."""
    role_arn, session_name = request["RoleArn"], request["RoleSessionName"]
    credentials = call.services.credentials
    principal = credentials.role_principal(role_arn, session_name, caller=call.principal.arn)
    duration = request.get("DurationSeconds", _HOUR)
    _check_role_duration(call, role_arn, duration)
    policy = request.get("Policy")
    session = Session(call.now, policies=() if policy is None else (policy,))
    issued = credentials.issue(principal, duration=duration, session=session)
    answer: Params = {
        "Credentials": issued.members(),
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
    }
    if policy is not None:
        answer["PackedPolicySize"] = max(1, len(policy) * 100 // _PACKED_LIMIT)
    if "SourceIdentity" in request:
        answer["SourceIdentity"] = request["SourceIdentity"]
    return answer


@operations
def get_session_token(call: Call, request: Params) -> Params:
    """The caller again, with keys that expire."""
    if call.principal.kind == "role":
        raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", status=403)
    # AWS gives its root user an hour at most, and shortens longer wishes without a word.
    longest = _HOUR if call.principal.kind == "root" else 36 * _HOUR
    duration = min(request.get("DurationSeconds", 12 * _HOUR), longest)
    return {"Credentials": call.services.credentials.issue(call.principal, duration=duration).members()}


@operations
def get_access_key_info(call: Call, request: Params) -> Params:
    return {"Account": call.account}


def _check_role_duration(call: Call, role_arn: str, duration: int) -> None:
    role = find_role(call.store, call.account, role_arn)
    longest = role.spec.get("MaxSessionDuration", _HOUR) if role is not None else _HOUR
    if duration > longest:
        raise _validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if call.principal.kind == "role" and duration > _HOUR:
        raise _validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )


def _validation(message: str) -> AwsError:
    return AwsError("ValidationError", message)
