"""Statements: a policy document made ready, once, for many questions. Pure.

Elements: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import orjson

from sagewright.operations.access.conditions import Condition, conditions
from sagewright.operations.access.patterns import Context, Glob, as_list, wildcards

_WITH_VARIABLES: Final = "2012-10-17"
"""The version of the policy language since which `${…}` is a variable."""

Grant = Literal["direct", "role", "account"]
"""How a resource's policy names a caller: as the very user or session, as its role or everybody, or as its account."""


@dataclass(frozen=True, slots=True)
class Names:
    """By what a caller may be named in a `Principal`."""

    account: str = ""
    direct: frozenset[str] = frozenset()
    """The user's or the session's own ARN and unique id; a service's name."""
    role: frozenset[str] = frozenset()
    """The ARN and id of the role that a session is of, or of the user behind a federated session."""


class Principals:
    """A `Principal` or `NotPrincipal`."""

    __slots__ = ("_everybody", "_named", "_negated")

    def __init__(self, spelled: Any, *, negated: bool) -> None:
        self._negated = negated
        self._everybody = spelled == "*"
        self._named: frozenset[str] = frozenset()
        if isinstance(spelled, Mapping):
            named = {value for values in spelled.values() for value in as_list(values)}
            self._everybody = "*" in as_list(spelled.get("AWS", ()))
            self._named = frozenset(named - {"*"})

    def grant(self, names: Names) -> Grant | None:
        """How the caller is named; None if not at all."""
        found = self._found(names)
        if self._negated:
            return None if found is not None else "role"
        return found

    def _found(self, names: Names) -> Grant | None:
        if self._named & names.direct:
            return "direct"
        if self._everybody or self._named & names.role:
            return "role"
        account = names.account
        if account and self._named & {account, f"arn:aws:iam::{account}:root"}:
            return "account"
        return None


class _Actions:
    """An `Action` or `NotAction`; case does not count."""

    __slots__ = ("_exact", "_negated", "_pattern")

    def __init__(self, spelled: Any, *, negated: bool) -> None:
        named = [action.lower() for action in as_list(spelled)]
        self._negated = negated
        self._exact = frozenset(action for action in named if not re.search(r"[*?]", action))
        wild = [wildcards(action) for action in named if action not in self._exact]
        self._pattern = re.compile("|".join(wild), re.DOTALL) if wild else None

    def match(self, action: str) -> bool:
        """`action` is lower-cased."""
        found = action in self._exact or (self._pattern is not None and self._pattern.fullmatch(action) is not None)
        return found != self._negated


class Resources:
    """A `Resource` or `NotResource`; a statement without either is about everything."""

    __slots__ = ("_anything", "_globs", "_negated")

    def __init__(self, spelled: Any, *, negated: bool, variables: bool) -> None:
        self._globs = [Glob(text, arn=True, variables=variables) for text in as_list(spelled)]
        self._negated = negated
        self._anything = not negated and any(glob.anything for glob in self._globs)

    def match(self, resource: str, context: Context, *, allow: bool) -> bool:
        """Whether the statement is about this resource. A variable without a value matches nothing, and excepts
        everything from an Allow: what cannot be told is not given away."""
        if self._anything:
            return True
        unknown = False
        for glob in self._globs:
            found = glob.matches(resource, context)
            if found:
                return not self._negated
            unknown = unknown or found is None
        return self._negated and not (unknown and allow)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, ready to be asked."""

    allow: bool
    actions: _Actions
    resources: Resources
    principals: Principals | None
    conditions: Sequence[Condition]

    def about(self, action: str) -> bool:
        """Whether it speaks of an action (lower-cased)."""
        return self.actions.match(action)

    def missing(self, context: Context) -> Sequence[str]:
        """The condition keys that it asks for and the request does not have."""
        return [condition.key for condition in self.conditions if not context.get(condition.key.lower())]

    def holds(self, context: Context) -> bool:
        """Whether all its conditions do."""
        return all(condition.holds(context) for condition in self.conditions)


def read(document: str) -> Sequence[Statement]:
    """A document's statements. It is one that `iam.documents.statements` takes; raises ValueError if it is no JSON."""
    # What is longer is no policy that somebody has, but one that the simulator is asked about.
    return _remembered(document) if len(document) <= _LONGEST else _read(document)


_LONGEST: Final = 24 * 1024


@lru_cache(maxsize=1024)
def _remembered(document: str) -> Sequence[Statement]:
    return _read(document)


def _read(document: str) -> Sequence[Statement]:
    policy = orjson.loads(document)
    variables = policy.get("Version") == _WITH_VARIABLES
    found = policy["Statement"]
    return tuple(_statement(each, variables=variables) for each in (found if isinstance(found, list) else [found]))


def _statement(spelled: Mapping[str, Any], *, variables: bool) -> Statement:
    principals = None
    for member in ("Principal", "NotPrincipal"):
        if member in spelled:
            principals = Principals(spelled[member], negated=member == "NotPrincipal")
    except_actions, except_resources = "NotAction" in spelled, "NotResource" in spelled
    resources = spelled["NotResource"] if except_resources else spelled.get("Resource", "*")
    return Statement(
        allow=spelled["Effect"] == "Allow",
        actions=_Actions(spelled["NotAction" if except_actions else "Action"], negated=except_actions),
        resources=Resources(resources, negated=except_resources, variables=variables),
        principals=principals,
        conditions=conditions(spelled.get("Condition", {}), variables=variables),
    )
