"""Policy evaluation: may this be done? Pure.

The logic: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sagewright.operations.access.patterns import Context
from sagewright.operations.access.statements import Grant, Names, Statement, read

Decision = Literal["allowed", "explicitDeny", "implicitDeny"]
Kind = Literal["identity-based policy", "resource-based policy", "permissions boundary", "session policy"]
"""The kinds of policies, as refusals name them."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as far as evaluation needs it."""

    id: str
    type: str
    """As SimulatePrincipalPolicy says it: `role`, `aws-managed`, `user-managed`."""
    statements: Sequence[Statement]

    @classmethod
    def read(cls, identity: str, kind: str, document: str) -> Policy:
        """From a document's text, which has been checked before."""
        return cls(identity, kind, read(document))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policies of one kind say, and which of them said it."""

    decision: Decision
    matched: Sequence[Policy]
    grant: Grant | None = None
    """How the caller was named by the widest allowing statement of a resource's policy."""


_WIDEST: Final[Sequence[Grant]] = ("direct", "role", "account")


class Policies:
    """Policies of one kind, asked together: an explicit deny wins, then an allow; silence denies."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.all = policies
        self._about: dict[str, Sequence[tuple[Policy, Statement]]] = {}

    def about(self, action: str) -> Sequence[tuple[Policy, Statement]]:
        """The statements that speak of an action."""
        found = self._about.get(action)
        if found is None:
            lower = action.lower()
            found = self._about[action] = [
                (policy, statement) for policy in self.all for statement in policy.statements if statement.about(lower)
            ]
        return found

    def verdict(self, action: str, resource: str, context: Context, names: Names | None = None) -> Verdict:
        """`names` are given for policies that say to whom they apply."""
        allowing: list[Policy] = []
        denying: list[Policy] = []
        grants: set[Grant] = set()
        for policy, statement in self.about(action):
            grant: Grant | None = "role"
            if names is not None:
                grant = statement.principals.grant(names) if statement.principals is not None else None
            if grant is None or not statement.resources.match(resource, context, allow=statement.allow):
                continue
            if not statement.holds(context):
                continue
            (allowing if statement.allow else denying).append(policy)
            if statement.allow:
                grants.add(grant)
        if denying:
            return Verdict("explicitDeny", denying)
        strongest = next((grant for grant in _WIDEST if grant in grants), None)
        return Verdict("allowed" if allowing else "implicitDeny", allowing, strongest)

    def missing(self, action: str, resource: str, context: Context) -> Sequence[str]:
        """Condition keys that the request lacks and that a statement about it asks for."""
        return [
            *dict.fromkeys(
                key
                for _, statement in self.about(action)
                if statement.resources.match(resource, context, allow=statement.allow)
                for key in statement.missing(context)
            )
        ]


@dataclass(frozen=True, slots=True)
class Standing:
    """All policies that go with a caller, and the names that a resource's policy may call it by."""

    names: Names
    identity: Policies
    boundary: Policies | None = None
    """What the permissions stay within; None where there is no boundary."""
    session: Policies | None = None
    """What the session was narrowed to when it began; None where it was not."""
    root: bool = False
    """Whether it is the account itself, which needs no policy."""
    claims: Context = field(default_factory=dict[str, Sequence[str]])
    """Condition keys that are the same for all requests of this caller."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether it may be done, and why not."""

    allowed: bool
    explicit: bool = False
    """Whether a policy says no, instead of none saying yes."""
    kind: Kind = "identity-based policy"
    """What refused."""


_ALLOWED: Final = Outcome(True)


def decide(
    standing: Standing,
    action: str,
    resource: str,
    context: Context,
    resource_policy: Policies | None = None,
    *,
    resource_must_allow: bool = False,
) -> Outcome:
    """All kinds of policies together, within one account.

    A deny anywhere wins. Then identity and resource policies are joined, and what comes of it stays within boundary
    and session policy; but a resource's policy that names the very user or session gives what it gives. One that names
    the account leaves it to identity policies. Roles and keys must be opened by their own policy in any case
    (`resource_must_allow`).
    """
    its = resource_policy.verdict(action, resource, context, standing.names) if resource_policy is not None else None
    if its is not None and its.decision == "explicitDeny":
        return Outcome(False, True, "resource-based policy")
    opened = its is not None and its.decision == "allowed"
    if standing.root:
        return _ALLOWED
    if resource_must_allow and not opened:
        return Outcome(False, False, "resource-based policy")
    own = standing.identity.verdict(action, resource, context).decision
    if own == "explicitDeny":
        return Outcome(False, True, "identity-based policy")
    limits: Sequence[tuple[Kind, Policies | None]] = (
        ("permissions boundary", standing.boundary),
        ("session policy", standing.session),
    )
    silent: Kind | None = None
    for kind, policies in limits:
        if policies is None:
            continue
        within = policies.verdict(action, resource, context).decision
        if within == "explicitDeny":
            return Outcome(False, True, kind)
        if within == "implicitDeny" and silent is None:
            silent = kind
    if opened and its is not None and its.grant == "direct":
        return _ALLOWED
    if own != "allowed" and not (opened and its is not None and its.grant == "role"):
        return Outcome(False, False, "identity-based policy")
    return _ALLOWED if silent is None else Outcome(False, False, silent)
