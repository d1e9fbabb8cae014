"""Values counted in buckets."""

from __future__ import annotations

import random

import pytest

from sagewright.telemetry.metrics import Period, Point
from sagewright.telemetry.metrics_distribution import Distribution


def period(values: list[float]) -> Period:
    distribution = Distribution()
    for value in values:
        distribution.add(value)
    found = Period(0, "None")
    for value, count in distribution.samples():
        found.add(Point.of(0, value, count=count))
    return found


@pytest.mark.parametrize(
    "values",
    [
        [5],
        [5, 5, 5],
        [0],
        [0, 0, 1],
        [3, 3.01, 3.02],
        [1, 60_000_000],
        [-7, -3, 0, 2],
        [random.Random(1).lognormvariate(8, 2) for _ in range(2000)],
    ],
)
def test_sums_and_extremes_are_exact(values: list[float]) -> None:
    found = period(values)
    assert (found.count, found.minimum, found.maximum) == (len(values), min(values), max(values))
    assert found.sum == pytest.approx(sum(values), rel=1e-9)


def test_values_may_count_in_part() -> None:
    distribution = Distribution()
    for value, count in ((5, 0.25), (9, 0.5), (7, 0.25)):
        distribution.add(value, count)
    samples = distribution.samples()
    assert sorted(samples) == [(5, 0.25), (7, 0.25), (9, 0.5)]
    assert Distribution().samples() == []


@pytest.mark.parametrize("sign", [1, -1])
def test_percentiles_are_right_within_a_bucket(sign: int) -> None:
    values = sorted(sign * random.Random(2).lognormvariate(8, 1) for _ in range(5000))
    found = period(values)
    for percent in (50, 90, 99):
        exact = values[int(len(values) * percent / 100) - 1]
        assert found.statistic(f"p{percent}") == pytest.approx(exact, rel=0.05)


def test_there_are_few_datapoints_however_many_values() -> None:
    distribution = Distribution()
    for number in range(50_000):
        distribution.add(1.0 + number * 1200)  # microseconds, up to a minute
    assert len(distribution.samples()) < 372
