"""Values counted in buckets."""

from __future__ import annotations

import random

import pytest

from sagewright.dataplane.inference.distribution import Distribution
from sagewright.telemetry.metrics import Period


def period(values: list[float]) -> Period:
    distribution = Distribution()
    for value in values:
        distribution.add(value)
    found = Period(0, "None")
    for point in distribution.points(0, "None"):
        found.add(point)
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
        [random.Random(1).lognormvariate(8, 2) for _ in range(2000)],
    ],
)
def test_sums_and_extremes_are_exact(values: list[float]) -> None:
    found = period(values)
    assert (found.count, found.minimum, found.maximum) == (len(values), min(values), max(values))
    assert found.sum == pytest.approx(sum(values), rel=1e-9)


def test_percentiles_are_right_within_a_bucket() -> None:
    values = sorted(random.Random(2).lognormvariate(8, 1) for _ in range(5000))
    found = period(values)
    for percent in (50, 90, 99):
        exact = values[int(len(values) * percent / 100) - 1]
        assert found.statistic(f"p{percent}") == pytest.approx(exact, rel=0.05)


def test_there_are_few_datapoints_however_many_values() -> None:
    distribution = Distribution()
    for number in range(50_000):
        distribution.add(1.0 + number * 1200)  # microseconds, up to a minute
    assert len(distribution.points(0, "Microseconds")) < 372
