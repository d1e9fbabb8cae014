"""What policies ask for: AWS's arithmetic."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.dataplane.scaling.policies import Breach, NoStep, stepped, tracked


def above(*values: float, threshold: float = 70.0) -> Breach:
    return Breach(values, threshold, "GreaterThanThreshold")


def below(*values: float, threshold: float = 63.0) -> Breach:
    return Breach(values, threshold, "LessThanThreshold")


@pytest.mark.parametrize(
    ("breach", "capacity", "wanted"),
    [
        (above(71.0), 1, 2),
        (above(140.0), 1, 2),
        (above(140.1), 1, 3),
        (above(210.0, 700.0), 2, 6),  # by the newest
        (above(71.0), 0, 2),  # from nothing as from one
        (below(35.0, 69.0), 4, 4),  # by the highest
        (below(35.0, 20.0), 4, 2),
        (below(0.0), 4, 0),
        (below(42.0), 2, 2),  # with one, it would be above the target
        (below(-5.0), 2, 0),
        (above(), 2, None),
        (above(float("inf")), 2, 1_000_000),
    ],
)
def test_target_tracking(breach: Breach, capacity: int, wanted: int | None) -> None:
    assert tracked(70.0, breach, capacity) == wanted


def test_what_fits_exactly_needs_no_more() -> None:
    assert tracked(0.1, above(0.1, threshold=0.1), 3) == 3
    assert tracked(0.7, above(2.1, threshold=0.7), 1) == 3


STEPS = [
    {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 10},
    {"MetricIntervalLowerBound": 10.0, "MetricIntervalUpperBound": 20.0, "ScalingAdjustment": 20},
    {"MetricIntervalLowerBound": 20.0, "ScalingAdjustment": 30},
    {"MetricIntervalUpperBound": -10.0, "ScalingAdjustment": -30},
    {"MetricIntervalLowerBound": -10.0, "MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -10},
]


def steps(kind: str, steps: Any = STEPS, **more: Any) -> dict[str, Any]:
    return {"AdjustmentType": kind, "StepAdjustments": steps, **more}


@pytest.mark.parametrize(
    ("breach", "capacity", "wanted"),
    [
        (above(50.0, threshold=50.0), 10, 11),
        (above(60.0, threshold=50.0), 10, 12),
        (above(59.9, threshold=50.0), 10, 11),
        (above(90.0, threshold=50.0), 10, 13),
        (below(50.0, threshold=50.0), 10, 9),
        (below(40.0, threshold=50.0), 10, 7),  # the bound that is nearer to the threshold belongs to the step
        (below(40.1, threshold=50.0), 10, 9),
        (above(60.0, threshold=50.0), 33, 39),  # 6.6 more
        (above(60.0, threshold=50.0), 2, 3),  # 0.4 more
        (below(40.0, threshold=50.0), 2, 1),
        (below(40.0, threshold=50.0), 0, 0),
        (above(threshold=50.0), 10, 11),  # set by hand
    ],
)
def test_steps_in_per_cent(breach: Breach, capacity: int, wanted: int) -> None:
    assert stepped(steps("PercentChangeInCapacity"), breach, capacity) == wanted


def test_steps_have_a_least_magnitude() -> None:
    config = steps("PercentChangeInCapacity", MinAdjustmentMagnitude=3)
    assert stepped(config, above(60.0, threshold=50.0), 4) == 7
    assert stepped(config, below(40.0, threshold=50.0), 4) == 1
    assert stepped(config, above(60.0, threshold=50.0), 50) == 60


def test_steps_in_numbers() -> None:
    breach = above(55.0, threshold=50.0)
    assert stepped(steps("ChangeInCapacity"), breach, 2) == 12
    assert stepped(steps("ExactCapacity"), breach, 2) == 10
    assert stepped(steps("ChangeInCapacity"), below(45.0, threshold=50.0), 2) == 0


@pytest.mark.parametrize(("aggregation", "wanted"), [("Minimum", 11), ("Average", 12), ("Maximum", 13)])
def test_datapoints_are_aggregated(aggregation: str, wanted: int) -> None:
    config = steps("PercentChangeInCapacity", MetricAggregationType=aggregation)
    assert stepped(config, above(52.0, 61.0, 73.0, threshold=50.0), 10) == wanted


def test_a_breach_without_a_step() -> None:
    config = steps("ChangeInCapacity", [{"MetricIntervalLowerBound": 5.0, "ScalingAdjustment": 1}])
    with pytest.raises(NoStep, match="metric value 52 and breach delta 2"):
        stepped(config, above(52.0, threshold=50.0), 1)
