"""Conditions: a statement's operators, keys and values, made ready once and asked for every request. Pure.

Operators: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sagewright.operations.access.patterns import Context, Glob, Text

Matcher = Callable[[str, Context], bool]
"""Whether a value of the request is the wanted one."""
_Prepare = Callable[[str, bool], Matcher | None]
"""From a wanted value, and whether variables count in it, to its matcher; None for what no value can match."""


def _equals(wanted: str, variables: bool) -> Matcher:
    text = Text(wanted, variables=variables)
    if text.constant is not None:
        constant = text.constant
        return lambda given, _: given == constant
    return lambda given, context: given == text.filled(context)


def _equals_ignoring_case(wanted: str, variables: bool) -> Matcher:
    text = Text(wanted, variables=variables)

    def match(given: str, context: Context) -> bool:
        filled = text.filled(context)
        return filled is not None and filled.lower() == given.lower()

    return match


def _like(wanted: str, variables: bool) -> Matcher:
    glob = Glob(wanted, variables=variables)
    return lambda given, context: bool(glob.matches(given, context))


def _arn(wanted: str, variables: bool) -> Matcher:
    glob = Glob(wanted, arn=True, variables=variables)
    # An ARN's resource may hold colons of its own, so five are the least that one has.
    return lambda given, context: given.count(":") >= _COLONS and bool(glob.matches(given, context))


_COLONS: Final = 5


def _ordered(read: Callable[[str], float], compare: Callable[[float, float], bool]) -> _Prepare:
    def prepare(wanted: str, _variables: bool) -> Matcher | None:
        try:
            bound = read(wanted)
        except ValueError:
            return None

        def match(given: str, _context: Context) -> bool:
            try:
                return compare(read(given), bound)
            except ValueError:
                return False

        return match

    return prepare


def _moment(text: str) -> float:
    """Epoch seconds of a date as policies spell it. Raises ValueError."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _bool(wanted: str, _variables: bool) -> Matcher:
    return lambda given, _: given.lower() == wanted.lower()


def _binary(wanted: str, _variables: bool) -> Matcher | None:
    try:
        raw = base64.b64decode(wanted, validate=True)
    except (binascii.Error, ValueError):
        return None

    def match(given: str, _context: Context) -> bool:
        try:
            return base64.b64decode(given, validate=True) == raw
        except (binascii.Error, ValueError):
            return False

    return match


def _in_network(wanted: str, _variables: bool) -> Matcher | None:
    try:
        network = ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return None

    def match(given: str, _context: Context) -> bool:
        try:
            return ipaddress.ip_address(given) in network
        except ValueError:
            return False

    return match


_ORDERS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
_OPERATORS: Final[Mapping[str, _Prepare]] = {
    "StringEquals": _equals,
    "StringEqualsIgnoreCase": _equals_ignoring_case,
    "StringLike": _like,
    "ArnEquals": _arn,
    "ArnLike": _arn,
    "Bool": _bool,
    "BinaryEquals": _binary,
    "IpAddress": _in_network,
    **{f"Numeric{name}": _ordered(float, compare) for name, compare in _ORDERS.items()},
    **{f"Date{name}": _ordered(_moment, compare) for name, compare in _ORDERS.items()},
}
_NEGATIONS: Final[Mapping[str, str]] = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}
_QUANTIFIERS: Final = frozenset({"", "ForAllValues", "ForAnyValue"})
_BY_LOWER: Final = {name.lower(): name for name in (*_OPERATORS, *_NEGATIONS, "Null")}


def fault(block: Any) -> str | None:
    """What is wrong with a `Condition`, in IAM's words; None for one that can be asked.

    A condition that can never be asked makes an Allow useless and a Deny no refusal, so it is told when it is written.
    """
    if not isinstance(block, Mapping) or not all(isinstance(keys, Mapping) for keys in block.values()):
        return "Syntax errors in policy."
    for spelled, keys in block.items():
        if not _knows(spelled):
            return f"Invalid Condition type : {spelled}."
        for wanted in keys.values():
            values = wanted if isinstance(wanted, list) else [wanted]
            if not values or not all(isinstance(value, (str, bool, int, float)) for value in values):
                return "Syntax errors in policy."
            bad = next((text for text in map(_spelled, values) if not _may_match(spelled, text)), None)
            if bad is not None:
                return f"Invalid value in the {spelled} condition: {bad[:100]}."
    return None


def _may_match(spelled: str, wanted: str) -> bool:
    """Whether an operator can be asked for this value."""
    known = _BY_LOWER[_bare(spelled.rpartition(":")[2])]
    if known in ("Null", "Bool"):
        return wanted.lower() in ("true", "false") or (known == "Bool" and "${" in wanted)
    return _OPERATORS[_NEGATIONS.get(known, known)](wanted, True) is not None


def _knows(spelled: str) -> bool:
    """Whether a condition operator is one."""
    quantifier, _, name = spelled.rpartition(":")
    return quantifier in _QUANTIFIERS and _bare(name) in _BY_LOWER


def _bare(name: str) -> str:
    return name.lower().removesuffix("ifexists")


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key."""

    key: str
    """As the policy spells it."""
    quantifier: str
    if_exists: bool
    negated: bool
    null: Sequence[bool] | None
    """For `Null`: the answers that are wanted to "is it missing?"; None for all other operators."""
    matchers: Sequence[Matcher]

    def holds(self, context: Context) -> bool:
        """Whether the request is as this condition wants it."""
        given = context.get(self.key.lower())
        if self.null is not None:
            return all(wanted == (not given) for wanted in self.null)
        if not given:
            if self.if_exists or self.quantifier == "ForAllValues":
                return True
            return self.negated and self.quantifier == ""
        # A negation says that none of the wanted values is the given one.
        found = (self.negated != any(match(value, context) for match in self.matchers) for value in given)
        whole = self.quantifier == "ForAllValues" or (self.negated and self.quantifier == "")
        return all(found) if whole else any(found)


def conditions(block: Mapping[str, Mapping[str, Any]], *, variables: bool) -> Sequence[Condition]:
    """A statement's `Condition`; all of it must hold. An operator that is none never does."""
    return [
        _condition(spelled, key, wanted, variables=variables)
        for spelled, keys in block.items()
        for key, wanted in keys.items()
    ]


def _condition(spelled: str, key: str, wanted: Any, *, variables: bool) -> Condition:
    quantifier, _, name = spelled.rpartition(":")
    values = [_spelled(value) for value in (wanted if isinstance(wanted, list) else [wanted])]
    if not _knows(spelled):
        return Condition(key, "", False, False, (True, False), ())
    known = _BY_LOWER[_bare(name)]
    if known == "Null":
        return Condition(key, quantifier, False, False, [value.lower() == "true" for value in values], ())
    prepare = _OPERATORS[_NEGATIONS.get(known, known)]
    matchers = [matcher for value in values if (matcher := prepare(value, variables)) is not None]
    return Condition(key, quantifier, name.lower().endswith("ifexists"), known in _NEGATIONS, None, matchers)


def _spelled(value: Any) -> str:
    """A value as text: JSON's own true and numbers are as good as strings."""
    return str(value).lower() if isinstance(value, bool) else str(value)
