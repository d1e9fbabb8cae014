"""Old datapoints become coarser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sagewright.telemetry.metrics import Metric, Metrics, Period, Point
from sagewright.testing.clock import ManualClock

HOUR, DAY = 3600, 86_400
BEGIN = 1_759_968_000.0
"""A midnight."""
LATENCY = Metric("AWS/SageMaker", "ModelLatency", {"EndpointName": "e"})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(BEGIN)


@pytest.fixture
def metrics(tmp_path: Path, clock: ManualClock) -> Iterator[Metrics]:
    metrics = Metrics(tmp_path, clock)
    yield metrics
    metrics.close()


def times(metrics: Metrics) -> list[float]:
    return [period.start - BEGIN for period in metrics.query(LATENCY, 0, BEGIN + DAY, 1)]


def whole(metrics: Metrics) -> Period:
    (found,) = metrics.query(LATENCY, BEGIN, BEGIN + HOUR, HOUR)
    return found


def fill(metrics: Metrics) -> Period:
    """An hour with a sample each ten seconds."""
    points = [Point.of(BEGIN + 10 * number, 100 + number % 97, "Microseconds", count=2) for number in range(360)]
    metrics.put_many([(LATENCY, point) for point in points])
    return whole(metrics)


def test_the_older_the_coarser(metrics: Metrics, clock: ManualClock) -> None:
    before = fill(metrics)
    for passes, step in ((2 * HOUR, 10), (2 * HOUR, 60), (15 * DAY, 300), (63 * DAY, 3600)):
        clock.advance(passes)
        metrics.thin()
        assert times(metrics) == [float(time) for time in range(0, HOUR, step)]
        now = whole(metrics)
        assert (now.count, now.minimum, now.maximum, now.unit) == (720, 100, 196, "Microseconds")
        assert now.sum == pytest.approx(before.sum)
        for name in ("p50", "p99"):
            assert now.statistic(name) == pytest.approx(before.statistic(name), rel=0.05)
    clock.advance(455 * DAY)
    metrics.thin()
    assert times(metrics) == []
    assert metrics.list().metrics == []


def test_what_is_not_old_enough_is_left_alone(metrics: Metrics, clock: ManualClock) -> None:
    fill(metrics)
    clock.advance(3 * HOUR + 600)
    metrics.thin()
    assert times(metrics) == [float(time) for time in (*range(0, 600, 60), *range(600, HOUR, 10))]
    clock.advance(600)
    metrics.thin()
    assert times(metrics) == [float(time) for time in (*range(0, 1200, 60), *range(1200, HOUR, 10))]


def test_statistic_sets_and_units_stay_apart(metrics: Metrics, clock: ManualClock) -> None:
    some = [Point(BEGIN + 1, 4, 10, 1, 5), Point(BEGIN + 2, 6, 20, 0, 4), Point.of(BEGIN + 3, 7, "Bytes")]
    metrics.put_many([(LATENCY, point) for point in some])
    clock.advance(4 * HOUR)
    metrics.thin()
    metrics.thin()
    sized, plain = metrics.query(LATENCY, BEGIN, BEGIN + 1, 60)
    assert (plain.count, plain.sum, plain.minimum, plain.maximum) == (10, 30, 0, 5)
    assert plain.statistic("p50") is None
    assert (sized.unit, sized.sum) == ("Bytes", 7)


def test_other_accounts_are_looked_after_too(metrics: Metrics, clock: ManualClock) -> None:
    other = metrics.at("444455556666", "eu-west-1")
    fill(other)
    clock.advance(10 * HOUR)
    metrics.thin()
    assert len(times(other)) == 60
