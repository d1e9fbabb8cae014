"""From datapoints to an alarm's state. Pure.

An alarm looks at a few periods more than it evaluates. If that gives as many datapoints as it evaluates, missing ones
do not matter; if not, its treatment of missing data decides, as CloudWatch's user guide tabulates it. A few that all
breach are enough once the oldest of them is as old as the number that must breach: one alone would be premature.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sagewright.resources.alarm import ALARM, OK, UNKNOWN

SPARE: Final = 2
"""Periods that are looked at beyond those that are evaluated."""
_COMPARE: Final[Mapping[str, tuple[Callable[[float, float], bool], str]]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
COMPARISONS: Final = tuple(_COMPARE)
TREATMENTS: Final = ("breaching", "notBreaching", "ignore", "missing")


@dataclass(frozen=True, slots=True)
class Rule:
    """What an alarm goes by."""

    comparison: str
    threshold: float
    periods: int
    needed: int
    """How many of the periods must breach."""
    missing: str

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Rule:
        periods = spec["EvaluationPeriods"]
        return cls(
            spec["ComparisonOperator"],
            spec["Threshold"],
            periods,
            spec.get("DatapointsToAlarm", periods),
            spec.get("TreatMissingData", "missing"),
        )

    def breaches(self, value: float) -> bool:
        return _COMPARE[self.comparison][0](value, self.threshold)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A state, why, and by which datapoints (newest first)."""

    state: str
    reason: str
    values: Sequence[float]


def judge(rule: Rule, datapoints: Sequence[float | None], state: str) -> Judgement:
    """The state that follows from the newest periods, oldest first (None is missing), for an alarm in `state`."""
    there = [
        (age, value) for age, value in zip(range(len(datapoints), 0, -1), datapoints, strict=True) if value is not None
    ][-rule.periods :]
    real = [value for _, value in there]
    filled = rule.periods - len(real)
    breaching = sum(rule.breaches(value) for value in real)
    lasting = bool(there) and there[0][0] >= rule.needed
    found = _state(rule, len(real), breaching, filled, state, lasting=lasting)
    return Judgement(found, _reason(rule, real, breaching, filled, found), real[::-1])


def _state(rule: Rule, real: int, breaching: int, filled: int, state: str, *, lasting: bool) -> str:
    if breaching >= rule.needed:
        return ALARM
    if not filled:
        return OK
    match rule.missing:
        case "breaching":
            return ALARM if breaching + filled >= rule.needed else OK
        case "notBreaching":
            return OK
        case "ignore":
            return OK if breaching < real else state
        case _:
            if not real:
                return UNKNOWN
            return ALARM if breaching == real and lasting else OK


def _reason(rule: Rule, real: Sequence[float], breaching: int, filled: int, state: str) -> str:
    if not real:
        words = "no datapoints were received"
        plural = "s" if rule.periods > 1 else ""
        if rule.missing in ("breaching", "notBreaching"):
            meant = "breaching" if rule.missing == "breaching" else "non-breaching"
            return (
                f"Threshold Crossed: {words} for {rule.periods} period{plural} and {rule.periods} missing "
                f"datapoint{plural} {'were' if plural else 'was'} treated as [{meant.title()}]."
            )
        return f"Insufficient Data: {rule.periods} datapoint{plural} {'were' if plural else 'was'} unknown."
    words = _COMPARE[rule.comparison][1]
    count = breaching if state == ALARM else len(real) - breaching
    verb = "was" if count == 1 else "were"
    shown = ", ".join(str(value) for value in real[::-1][:5])
    negation = "" if state == ALARM else "not "
    missing = f" {filled} of {rule.periods} datapoints were missing." if filled else ""
    return (
        f"Threshold Crossed: {count} out of the last {rule.periods} datapoints [{shown}] {verb} {negation}{words} "
        f"the threshold ({rule.threshold}).{missing}"
    )
