"""STS: credentials that expire: of a role, of the caller again, of somebody whom the caller vouches for."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.access import trust
from sagewright.operations.call import Call, Params, Principal, Session
from sagewright.operations.iam import managed
from sagewright.operations.iam.documents import check_identity_policy
from sagewright.operations.iam.records import find_role
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record

operations = Operations()

_HOUR: Final = 3600
_ROOM: Final = 4096
"""Bytes that a session's policies and tags may take in its token, compressed."""
_PLAIN: Final = 2048
"""Characters that a session's policy may have: squeezed, a policy that says the same a thousand times is short."""
_ARNS: Final = 10
_UNSUPPORTED: Final[Mapping[str, str]] = {
    "SerialNumber": "there are no MFA devices here",
    "TokenCode": "there are no MFA devices here",
    "ProvidedContexts": "contexts of IAM Identity Center are not taken over",
    "MinimumSessionTokenSize": "tokens are as long as they need to be",
}


@operations
def assume_role(call: Call, request: Params) -> Params:
    """Credentials of a role's session, for whom the role's trust policy lets in."""
    _refuse_unsupported(request)
    credentials = call.services.credentials
    role_arn = request["RoleArn"]
    principal = credentials.role_principal(role_arn, request["RoleSessionName"], caller=call.principal.arn)
    role = find_role(call.store, call.account, role_arn)
    assert role is not None
    session = _role_session(call, request)
    trust.check(call, role, "sts:AssumeRole", request)
    if request.get("Tags"):
        trust.check(call, role, "sts:TagSession", request)
    if session.source_identity is not None:
        trust.check(call, role, "sts:SetSourceIdentity", {**request, "SourceIdentity": session.source_identity})
    duration = request.get("DurationSeconds", _HOUR)
    _check_role_duration(call, role, duration)
    issued = credentials.issue(principal, duration=duration, session=session)
    answer: Params = {
        "Credentials": issued.members(),
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
        **_packed(session),
    }
    if session.source_identity is not None:
        answer["SourceIdentity"] = session.source_identity
    return answer


@operations
def get_session_token(call: Call, request: Params) -> Params:
    """The caller again, with keys that expire."""
    _refuse_unsupported(request)
    duration = _own_duration(call, request)
    issued = call.services.credentials.issue(call.principal, duration=duration, session=Session(call.now))
    return {"Credentials": issued.members()}


@operations
def get_federation_token(call: Call, request: Params) -> Params:
    """Credentials of somebody who is no user here: they may do what the caller may and the given policies allow."""
    _refuse_unsupported(request)
    duration, name = _own_duration(call, request), request["Name"]
    arn = str(Arn("aws", "sts", "", call.account, f"federated-user/{name}"))
    principal = Principal(call.account, arn, f"{call.account}:{name}", "federated")
    policies, arns = _policies(call, request)
    session = Session(call.now, policies, arns, _tags(request), issuer=call.principal)
    _check_room(session)
    issued = call.services.credentials.issue(principal, duration=duration, session=session)
    return {
        "Credentials": issued.members(),
        "FederatedUser": {"FederatedUserId": principal.user_id, "Arn": arn},
        **_packed(session),
    }


# What a session says.


def _role_session(call: Call, request: Params) -> Session:
    """What is asked for, and what goes along from the session that the caller is in."""
    before = call.principal.session
    inherited = {key: before.tags[key] for key in before.transitive} if before is not None else {}
    tags = _tags(request)
    if {key.lower() for key in inherited} & {key.lower() for key in tags}:
        raise _invalid(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            "the calling session."
        )
    transitive = request.get("TransitiveTagKeys", ())
    if not {key.lower() for key in transitive} <= {key.lower() for key in tags}:
        raise _invalid("The specified transitive tag key must be included in the requested tags.")
    kept = {key.lower() for key in transitive}
    policies, arns = _policies(call, request)
    session = Session(
        issued=call.now,
        policies=policies,
        policy_arns=arns,
        tags={**inherited, **tags},
        transitive=(*inherited, *(key for key in tags if key.lower() in kept)),
        source_identity=_source_identity(before, request),
        mfa=before.mfa if before is not None else False,
    )
    _check_room(session)
    return session


def _source_identity(before: Session | None, request: Params) -> str | None:
    """Once said, it stays: of all sessions that grow out of this one."""
    known = before.source_identity if before is not None else None
    asked: str | None = request.get("SourceIdentity", known)
    if known is not None and asked != known:
        raise AwsError("AccessDenied", f"The source identity of this session is {known}; it cannot change.", status=403)
    return asked


def _policies(call: Call, request: Params) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The documents and the ARNs that narrow a session down. Raises AwsError (MalformedPolicyDocument)."""
    documents = (request["Policy"],) if "Policy" in request else ()
    for document in documents:
        if len(document) > _PLAIN:
            raise _validation(f"Policy: a session's policy has {_PLAIN} characters at most. Use PolicyArns for more.")
        check_identity_policy(document)
    arns = tuple(each["arn"] for each in request.get("PolicyArns", ()) if "arn" in each)
    if len(arns) > _ARNS:
        raise _validation(f"PolicyArns: a session takes {_ARNS} managed policies at most.")
    for arn in arns:
        if managed.find(call.store, call.account, arn) is None:
            raise AwsError("MalformedPolicyDocument", f"There is no managed policy {arn}.")
    return documents, arns


def _tags(request: Params) -> Mapping[str, str]:
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())}
    if len({key.lower() for key in tags}) < len(request.get("Tags", ())):
        raise _invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return tags


def _size(session: Session) -> int:
    said = [*session.policies, *session.policy_arns, *(part for tag in session.tags.items() for part in tag)]
    return len(zlib.compress("\0".join(said).encode())) if said else 0


def _check_room(session: Session) -> None:
    if _size(session) > _ROOM:
        percent = _size(session) * 100 // _ROOM
        raise AwsError("PackedPolicyTooLarge", f"Packed size of session tags consumes {percent}% of allotted space.")


def _packed(session: Session) -> Params:
    size = _size(session)
    return {"PackedPolicySize": max(1, size * 100 // _ROOM)} if size else {}


# How long it lasts, and who may ask.


def _own_duration(call: Call, request: Params) -> int:
    """Seconds for credentials of the caller's own making. Raises AwsError (AccessDenied) for sessions."""
    if call.principal.session is not None or call.principal.kind not in ("root", "user"):
        raise AwsError("AccessDenied", f"Cannot call {call.operation} with session credentials", status=403)
    # AWS gives its root user an hour at most, and shortens longer wishes without a word.
    longest = _HOUR if call.principal.kind == "root" else 36 * _HOUR
    duration: int = min(request.get("DurationSeconds", 12 * _HOUR), longest)
    return duration


def _check_role_duration(call: Call, role: Record, duration: int) -> None:
    if duration > role.spec["MaxSessionDuration"]:
        raise _validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if call.principal.kind == "role" and duration > _HOUR:
        raise _validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )


def _refuse_unsupported(request: Params) -> None:
    for member, reason in _UNSUPPORTED.items():
        if member in request:
            raise _validation(f"Sagewright does not take {member}: {reason}. Leave it out.")


def _validation(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)
