"""The policies that go with a principal, for whoever authorizes: nobody else reads how IAM keeps its records.

A record of a user, group or role holds `Attached` (ARNs of managed policies), `Inline` (documents by name) and, but
for groups, `PermissionsBoundary` (an ARN) in its spec; a user's also `Groups` (names).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sagewright.operations.call import Principal
from sagewright.operations.iam import managed
from sagewright.operations.iam.records import ACCESS_KEY, GROUP, POLICY, ROLE, USER, key
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.store.base import Store

KINDS: Final = frozenset({USER, GROUP, ROLE, POLICY, ACCESS_KEY})
"""The kinds of records that the answers here depend on."""
_NOUNS: Final[Mapping[str, str]] = {USER: "user", GROUP: "group", ROLE: "role"}
_EVERY: Final = '{"Version":"2012-10-17","Statement":[{"Effect":"%s","Action":"*","Resource":"*"}]}'


class Source(NamedTuple):
    """A policy as it is written."""

    id: str
    type: str
    """As SimulatePrincipalPolicy says it: `user`, `group`, `role`, `aws-managed`, `user-managed`."""
    text: str


_ALL: Final = Source("root", "user", _EVERY % "Allow")


@dataclass(frozen=True, slots=True)
class Documents:
    """All that IAM knows of what a principal may do. What a session narrows down is in `Principal.session`."""

    identity: Sequence[Source] = ()
    boundary: Source | None = None
    """None where nothing bounds it."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The user's or role's own; a session's tags go on top of them."""


def documents(store: Store, account: str, principal: Principal) -> Documents:
    """Those of a user or of a session's role; none at all for one that is gone, also if its name is back.

    A federated user has those of who asked for it (`Principal.session.issuer`), within its session's policies. Root
    has none: nothing of IAM's bounds it; whom root vouches for may everything that the session's policies allow.
    """
    if principal.kind == "federated":
        issuer = principal.session.issuer if principal.session is not None else None
        if issuer is None:
            return Documents()
        return Documents([_ALL]) if issuer.kind == "root" else documents(store, account, issuer)
    record = entity(store, account, principal)
    return Documents() if record is None else of(store, record)


def entity(store: Store, account: str, principal: Principal) -> Record | None:
    """The user or role behind a principal; None for those that have none, or whose record is gone."""
    if principal.kind == "user":
        found = store.get(key(account, USER, principal.arn.rpartition("/")[2]))
        return found if found is not None and found.status["UserId"] == principal.user_id else None
    if principal.kind == "role":
        found = store.get(key(account, ROLE, Arn.parse(principal.arn).resource.split("/")[1]))
        role_id = principal.user_id.partition(":")[0]
        return found if found is not None and found.status["RoleId"] == role_id else None
    return None


def of(store: Store, record: Record) -> Documents:
    """Those of a user's, group's or role's record."""
    account = record.key.account
    identity = [*_own(store, record)]
    for name in record.spec.get("Groups", ()):
        group = store.get(key(account, GROUP, name))
        identity += _own(store, group) if group is not None else ()
    arn = record.spec.get("PermissionsBoundary")
    # A boundary whose policy cannot be read lets nothing through.
    boundary = None if arn is None else _managed(store, account, arn) or Source(arn, "user-managed", _EVERY % "Deny")
    return Documents(identity, boundary, record.tags)


def _own(store: Store, record: Record) -> Iterator[Source]:
    noun = _NOUNS[record.key.kind]
    for arn in record.spec["Attached"]:
        found = _managed(store, record.key.account, arn)
        if found is not None:
            yield found
    for name, text in record.spec["Inline"].items():
        yield Source(f"{noun}_{record.name}_{name}", noun, text)


def _managed(store: Store, account: str, arn: str) -> Source | None:
    policy = managed.find(store, account, arn)
    if policy is None:
        return None
    return Source(policy.name, "aws-managed" if policy.record is None else "user-managed", policy.document)
