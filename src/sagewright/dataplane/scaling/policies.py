"""What scaling policies ask for, as Application Auto Scaling computes it. Pure.

Target tracking keeps a metric at a value: the capacity that would, if the metric falls as the capacity rises. Steps
change the capacity by how far the metric is beyond the alarm's threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_AGGREGATIONS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "Average": lambda values: math.fsum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
}
_ABOVE: Final = ("GreaterThanThreshold", "GreaterThanOrEqualToThreshold")
_ALMOST: Final = 1e-9
_MOST: Final = 1e6


class NoStep(ValueError):
    """Why a policy has no step for a breach, as a sentence."""


@dataclass(frozen=True, slots=True)
class Breach:
    """What an alarm saw when it called a policy."""

    values: Sequence[float]
    """The datapoints of the periods that it evaluates, newest first; those that are missing are left out."""
    threshold: float
    comparison: str

    @property
    def above(self) -> bool:
        """Whether the alarm goes off when there is too much."""
        return self.comparison in _ABOVE


def tracked(target: float, breach: Breach, capacity: int) -> int | None:
    """The capacity that brings a metric to its target; None where nothing was measured.

    Too much is judged by the newest value, so that it grows at once to what is needed. Too little is judged by the
    highest that was seen, so that it shrinks to what was needed at the busiest moment. Of what has no capacity, one is
    assumed to have caused the metric: from nothing it grows as from one.
    """
    if not breach.values:
        return None
    value = breach.values[0] if breach.above else max(breach.values)
    wanted = min(max(capacity, 1) * max(value, 0.0) / target, _MOST)
    return math.ceil(wanted - _ALMOST * max(wanted, 1.0))


def stepped(config: Mapping[str, Any], breach: Breach, capacity: int) -> int:
    """The capacity after a step. Raises NoStep where none is for this breach."""
    step = _step(config["StepAdjustments"], breach, config.get("MetricAggregationType", "Average"))
    adjustment: int = step["ScalingAdjustment"]
    match config["AdjustmentType"]:
        case "ExactCapacity":
            return adjustment
        case "PercentChangeInCapacity":
            change = _percent(capacity, adjustment, config.get("MinAdjustmentMagnitude", 0))
            return max(capacity + change, 0)
        case _:
            return max(capacity + adjustment, 0)


def _percent(capacity: int, percent: int, least: int) -> int:
    """Rounded towards nothing, but to no less than one."""
    exact = capacity * percent / 100
    magnitude = max(math.floor(abs(exact)), 1 if exact else 0, least if percent else 0)
    return magnitude if percent > 0 else -magnitude


def _step(steps: Sequence[Mapping[str, Any]], breach: Breach, aggregation: str) -> Mapping[str, Any]:
    """An alarm that was set by hand, without datapoints, is taken to be right at its threshold."""
    value = _AGGREGATIONS[aggregation](breach.values) if breach.values else breach.threshold
    delta = value - breach.threshold
    for step in steps:
        low = step.get("MetricIntervalLowerBound", -math.inf)
        high = step.get("MetricIntervalUpperBound", math.inf)
        # The bound nearer to the threshold is part of the step.
        if low <= delta < high if breach.above else low < delta <= high:
            return step
    raise NoStep(f"No step adjustment found for metric value {value:g} and breach delta {delta:g}.")
