"""Callers: the names that policies may call them by, and all policies that go with them.

Keys of callers: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sagewright.operations.access.evaluate import Policies, Policy, Standing
from sagewright.operations.access.statements import Names
from sagewright.operations.access.times import instant
from sagewright.operations.call import Principal
from sagewright.operations.iam import managed
from sagewright.operations.iam.attached import Documents, Source, documents, entity
from sagewright.resources.record import Record
from sagewright.store.base import Store

_TYPES: Final = {
    "root": "Account",
    "user": "User",
    "role": "AssumedRole",
    "federated": "FederatedUser",
    "anonymous": "Anonymous",
}


def standing(store: Store, principal: Principal) -> Standing:
    """Everything of a caller that decisions depend on, as it is now."""
    behind = principal.session.issuer if principal.session is not None else None
    owner = entity(store, principal.account, behind or principal)
    known = documents(store, principal.account, principal)
    return Standing(
        names=names(principal, owner),
        identity=_policies(known.identity),
        boundary=None if known.boundary is None else _policies([known.boundary]),
        session=_session(store, principal),
        root=principal.kind == "root" or (principal.session is not None and principal.session.owner),
        claims=_claims(principal, owner, known),
    )


def names(principal: Principal, owner: Record | None) -> Names:
    """`owner` is the record of the user or role behind a caller."""
    if principal.kind == "anonymous":
        return Names()
    direct = frozenset({principal.arn, principal.user_id})
    if owner is None or principal.kind == "user":
        return Names(principal.account, direct)
    # Not the id that a federated user's begins with: that is the account's, which says less.
    identity = owner.status.get("RoleId") or owner.status["UserId"]
    return Names(principal.account, direct, frozenset({owner.status["Arn"], identity}))


def service(name: str) -> Names:
    """A service's, as trust policies name it: `sagemaker.amazonaws.com`."""
    return Names("", frozenset({name}))


def _policies(sources: Sequence[Source]) -> Policies:
    return Policies([Policy.read(*source) for source in sources])


def _session(store: Store, principal: Principal) -> Policies | None:
    """What the session was narrowed down to; a federated user who was given nothing has nothing."""
    session = principal.session
    if session is None or not (session.policies or session.policy_arns or principal.kind == "federated"):
        return None
    attached = [managed.find(store, principal.account, arn) for arn in session.policy_arns]
    given = [Policy.read("session", "none", document) for document in session.policies]
    return Policies([*given, *(Policy.read(each.name, "none", each.document) for each in attached if each is not None)])


def _claims(principal: Principal, owner: Record | None, known: Documents) -> dict[str, Sequence[str]]:
    """Condition keys that all requests of a caller share."""
    session = principal.session
    claims: dict[str, Sequence[str]] = {
        "aws:principaltype": [_TYPES[principal.kind]],
        "aws:principalisawsservice": ["false"],
        "aws:viaawsservice": ["false"],
    }
    if principal.kind == "anonymous":
        return claims
    # For a session the ARN is its role's.
    arn = owner.status["Arn"] if owner is not None and principal.kind == "role" else principal.arn
    claims |= {
        "aws:principalarn": [arn],
        "aws:principalaccount": [principal.account],
        "aws:userid": [principal.user_id],
    }
    if principal.kind == "user":
        claims["aws:username"] = [principal.arn.rpartition("/")[2]]
    tags = {**known.tags, **(session.tags if session is not None else {})}
    claims |= {f"aws:principaltag/{name.lower()}": [value] for name, value in tags.items()}
    if session is not None:
        claims["aws:tokenissuetime"] = [instant(session.issued)]
        claims["aws:multifactorauthpresent"] = ["true" if session.mfa else "false"]
        if session.source_identity is not None:
            claims["aws:sourceidentity"] = [session.source_identity]
    return claims
