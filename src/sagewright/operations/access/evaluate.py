"""Policy evaluation: may this be done? Pure.

The logic: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sagewright.operations.access.patterns import NOTHING, Context
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
    text: str = ""

    @classmethod
    def read(cls, identity: str, kind: str, document: str) -> Policy:
        """From a document's text, which has been checked before."""
        return cls(identity, kind, read(document), document)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policies of one kind say, and which statements of theirs said it."""

    decision: Decision
    matched: Sequence[tuple[Policy, Statement]]


_WIDEST: Final[Sequence[Grant]] = ("direct", "role", "account")
_About = tuple[Policy, Statement]


class Policies:
    """Policies of one kind, asked together: an explicit deny wins, then an allow; silence denies."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.all = policies
        self._known: dict[str, tuple[Sequence[_About], Sequence[_About]]] = {}

    def _about(self, action: str) -> tuple[Sequence[_About], Sequence[_About]]:
        """The statements that speak of an action: those that deny and those that allow, the plainest first."""
        found = self._known.get(action)
        if found is None:
            lower = action.lower()
            about = [(each, statement) for each in self.all for statement in each.statements if statement.about(lower)]
            about.sort(key=lambda pair: len(pair[1].conditions))
            found = [pair for pair in about if not pair[1].allow], [pair for pair in about if pair[1].allow]
            self._known[action] = found
        return found

    def decision(
        self, action: str, resource: str, context: Context, names: Names | None = None
    ) -> tuple[Decision, Grant]:
        """What they say, asking no more of the context than it takes. `names` are given for policies that say to whom
        they apply; with "allowed" comes how they name the caller most closely."""
        denying, allowing = self._about(action)
        for _, statement in denying:
            if _grant(statement, resource, context, names) is not None:
                return "explicitDeny", "role"
        grants: set[Grant] = set()
        for _, statement in allowing:
            grant = _grant(statement, resource, context, names)
            if grant is not None:
                grants.add(grant)
                if names is None or grant == "direct":
                    break
        strongest = next((grant for grant in _WIDEST if grant in grants), None)
        return ("implicitDeny", "role") if strongest is None else ("allowed", strongest)

    def verdict(self, action: str, resource: str, context: Context, names: Names | None = None) -> Verdict:
        """What they say, and all statements that say it."""
        found = [
            [about for about in statements if _grant(about[1], resource, context, names) is not None]
            for statements in self._about(action)
        ]
        denying, allowing = found
        if denying:
            return Verdict("explicitDeny", denying)
        return Verdict("allowed" if allowing else "implicitDeny", allowing)

    def missing(self, action: str, resource: str, context: Context) -> Sequence[str]:
        """Condition keys that the request lacks and that a statement about it asks for."""
        return [
            *dict.fromkeys(
                key
                for statements in self._about(action)
                for _, statement in statements
                if statement.resources.match(resource, context, allow=statement.allow)
                for key in statement.missing(context)
            )
        ]


def _grant(statement: Statement, resource: str, context: Context, names: Names | None) -> Grant | None:
    """How a statement that applies names the caller; None for one that does not apply."""
    grant: Grant | None = "role"
    if names is not None:
        grant = None if statement.principals is None else statement.principals.grant(names)
    if grant is None or not statement.resources.match(resource, context, allow=statement.allow):
        return None
    return grant if statement.holds(context) else None


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
    claims: Context = NOTHING
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
    its: Decision = "implicitDeny"
    grant: Grant = "role"
    if resource_policy is not None:
        its, grant = resource_policy.decision(action, resource, context, standing.names)
    if its == "explicitDeny":
        return Outcome(False, True, "resource-based policy")
    opened = its == "allowed"
    if standing.root:
        return _ALLOWED
    if resource_must_allow and not opened:
        return Outcome(False, False, "resource-based policy")
    own, _ = standing.identity.decision(action, resource, context)
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
        within, _ = policies.decision(action, resource, context)
        if within == "explicitDeny":
            return Outcome(False, True, kind)
        if within == "implicitDeny" and silent is None:
            silent = kind
    if opened and grant == "direct":
        return _ALLOWED
    if own != "allowed" and not (opened and grant == "role"):
        return Outcome(False, False, "identity-based policy")
    return _ALLOWED if silent is None else Outcome(False, False, silent)
