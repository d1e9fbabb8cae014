"""Policy evaluation: may this action be done to this resource, in this context? Pure.

The logic: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal

Decision = Literal["allowed", "explicitDeny", "implicitDeny"]
Context = Mapping[str, Sequence[str]]
"""Condition keys, lower-cased, to their values."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as far as evaluation needs it."""

    id: str
    type: str
    """As SimulatePrincipalPolicy says it: `role`, `aws-managed`, `user-managed`."""
    statements: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policies say, and which of them said it."""

    decision: Decision
    matched: Sequence[Policy]
    missing: Sequence[str]
    """Condition keys that the context lacks and that a statement about this action asks for."""


def evaluate(policies: Sequence[Policy], action: str, resource: str, context: Context) -> Verdict:
    """An explicit deny wins, then an allow; what nobody speaks of is denied."""
    allowing: list[Policy] = []
    denying: list[Policy] = []
    missing: dict[str, None] = {}
    for policy in policies:
        for statement in policy.statements:
            if not _speaks_of(statement, action, resource, context):
                continue
            missing |= dict.fromkeys(key for key in _keys(statement) if key.lower() not in context)
            if _holds(statement.get("Condition", {}), context):
                (allowing if statement["Effect"] == "Allow" else denying).append(policy)
    if denying:
        return Verdict("explicitDeny", denying, [*missing])
    return Verdict("allowed" if allowing else "implicitDeny", allowing, [*missing])


def _speaks_of(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    if "Action" in statement:
        about = any(like(pattern.lower(), action.lower()) for pattern in as_list(statement["Action"]))
    else:
        about = not any(like(pattern.lower(), action.lower()) for pattern in as_list(statement["NotAction"]))
    if not about:
        return False
    negated = "NotResource" in statement
    patterns = as_list(statement.get("NotResource" if negated else "Resource", "*"))
    return negated != any(_names(pattern, resource, context) for pattern in patterns)


def _names(pattern: str, resource: str, context: Context) -> bool:
    filled = _filled(pattern, context)
    return filled is not None and like(filled, resource)


def like(pattern: str, text: str) -> bool:
    """`*` stands for any characters, `?` for one."""
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.DOTALL)


def _filled(pattern: str, context: Context) -> str | None:
    """With its `${variables}` replaced; None where the context does not know one, which then matches nothing."""
    missing = False

    def value(found: re.Match[str]) -> str:
        nonlocal missing
        name, _, default = found[1].partition(",")
        if name in ("*", "?", "$"):
            return name
        values = context.get(name.strip().lower(), ())
        if len(values) == 1:
            return values[0]
        missing = missing or not default
        return default.strip().strip("'")

    filled = re.sub(r"\$\{([^}]+)\}", value, pattern)
    return None if missing else filled


def as_list(value: Any) -> list[str]:
    """A member that may be one string or several."""
    return [value] if isinstance(value, str) else list(value)


# Conditions.


def _arn_like(wanted: str, given: str) -> bool:
    """Part by part, so that a wildcard does not reach over a colon."""
    wanted_parts, given_parts = wanted.split(":", 5), given.split(":", 5)
    return len(wanted_parts) == len(given_parts) and all(map(like, wanted_parts, given_parts))


def _date(text: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _in_network(wanted: str, given: str) -> bool:
    return ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False)


_Test = Callable[[str, str], bool]


def _by(read: Callable[[str], float], compare: Callable[[float, float], bool]) -> _Test:
    return lambda wanted, given: compare(read(given), read(wanted))


_ORDERS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
_TESTS: Final[Mapping[str, _Test]] = {
    "StringEquals": operator.eq,
    "StringEqualsIgnoreCase": lambda wanted, given: wanted.lower() == given.lower(),
    "StringLike": like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda wanted, given: wanted.lower() == given.lower(),
    "BinaryEquals": operator.eq,
    "IpAddress": _in_network,
    **{f"Numeric{name}": _by(float, compare) for name, compare in _ORDERS.items()},
    **{f"Date{name}": _by(_date, compare) for name, compare in _ORDERS.items()},
}
_NEGATIONS: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}


def knows(condition_operator: str) -> bool:
    """Whether a condition operator is one."""
    name = condition_operator.rpartition(":")[2].removesuffix("IfExists")
    return name == "Null" or _NEGATIONS.get(name, name) in _TESTS


def _keys(statement: Mapping[str, Any]) -> list[str]:
    return [key for block in statement.get("Condition", {}).values() for key in block]


def _holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    return all(
        _compare(name, [str(value) for value in _values(wanted)], context.get(key.lower()), context)
        for name, block in condition.items()
        for key, wanted in block.items()
    )


def _values(wanted: Any) -> list[Any]:
    values = wanted if isinstance(wanted, list) else [wanted]
    return [str(value).lower() if isinstance(value, bool) else value for value in values]


def _compare(spelled: str, wanted: Sequence[str], given: Sequence[str] | None, context: Context) -> bool:
    quantifier, _, name = spelled.rpartition(":")
    if name == "Null":
        return all((value.lower() == "true") == (given is None) for value in wanted)
    if name.endswith("IfExists"):
        if given is None:
            return True
        name = name.removesuffix("IfExists")
    negated = name in _NEGATIONS
    test = _TESTS[_NEGATIONS.get(name, name)]
    if given is None:
        return negated or quantifier == "ForAllValues"
    filled = [value for value in (_filled(value, context) for value in wanted) if value is not None]
    # A negation says that none of the wanted values is given.
    matches = [negated != any(_safely(test, value, each) for value in filled) for each in given]
    return all(matches) if quantifier == "ForAllValues" or (negated and not quantifier) else any(matches)


def _safely(test: _Test, wanted: str, given: str) -> bool:
    try:
        return test(wanted, given)
    except ValueError:  # not a number, a date, an address: nothing that it could equal
        return False
