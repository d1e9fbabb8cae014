"""Metric storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sagewright.telemetry.metrics import Metric, Metrics, Period, Point
from sagewright.testing.clock import ManualClock


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[Metrics]:
    metrics = Metrics(tmp_path, ManualClock())
    yield metrics
    metrics.close()


def test_samples_survive(metrics: Metrics, tmp_path: Path) -> None:
    metrics.put("n", "m", {"b": "2", "a": "1"}, 60.0, 1.5)
    metrics.put("n", "m", {"a": "1", "b": "2"}, 60.0, 2.5)
    again = Metrics(tmp_path, ManualClock())
    (period,) = again.query(Metric("n", "m", {"a": "1", "b": "2"}), 0, 120, 60)
    assert (period.start, period.count, period.sum) == (60, 2, 4)
    assert again.list().metrics == [Metric("n", "m", {"a": "1", "b": "2"})]
    again.close()


def test_a_sample_without_a_time_is_of_now(metrics: Metrics) -> None:
    metrics.put("n", "m", {}, None, 1)
    now = ManualClock().now()
    assert [period.sum for period in metrics.query(Metric("n", "m"), now, now + 1, 60)] == [1]


def test_dimensions_tell_metrics_apart(metrics: Metrics) -> None:
    metrics.put("n", "m", {"a": "1"}, 0, 1)
    assert metrics.query(Metric("n", "m"), 0, 1, 60) == []


def test_regions_are_apart(metrics: Metrics) -> None:
    metrics.at("123456789012", "eu-central-1").put("n", "m", {}, 0, 1)
    assert metrics.list().metrics == []
    assert len(metrics.at("123456789012", "eu-central-1").list().metrics) == 1


def test_all_or_none_is_written(metrics: Metrics) -> None:
    broken = Point(0, 1, None, 0, 0)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="NOT NULL"):
        metrics.put_many([(Metric("n", "m"), Point.of(0, 1)), (Metric("n", "m"), broken)])
    assert metrics.list().metrics == []
    metrics.put("n", "m", {}, 0, 1)


def test_periods_begin_at_their_origin(metrics: Metrics) -> None:
    metrics.put("n", "m", {}, 100, 1)
    starts = [metrics.query(Metric("n", "m"), 0, 200, 60, origin=origin)[0].start for origin in (0, 10)]
    assert starts == [60, 70]


@pytest.mark.parametrize(("name", "value"), [("p0", 1), ("p50", 2), ("p99.9", 9), ("p100", 9)])
def test_percentiles(name: str, value: float) -> None:
    period = Period(0, "None")
    for sample, count in ((9.0, 1), (1.0, 1), (2.0, 2)):
        period.add(Point.of(0, sample, count=count))
    assert period.statistic(name) == value


@pytest.mark.parametrize("name", ["p101", "q5", "px", "median"])
def test_what_is_no_statistic(name: str) -> None:
    with pytest.raises(ValueError, match=r"statistic|percentile|convert"):
        Period(0, "None").statistic(name)
