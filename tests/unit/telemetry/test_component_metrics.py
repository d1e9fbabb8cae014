"""Points of trial components' metrics: kept in order, summed up, each taken once."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sagewright.telemetry import component_metrics
from sagewright.telemetry.component_metrics import ComponentMetrics, Point, Read
from sagewright.telemetry.database import SqliteFile


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[ComponentMetrics]:
    made = ComponentMetrics(tmp_path)
    yield made
    made.close()


def loss(*values: float, start: int = 0) -> list[tuple[str, Point]]:
    return [("loss", Point(1000.0 + step, step, value)) for step, value in enumerate(values, start)]


def kept(metrics: ComponentMetrics, component: str = "c", name: str = "loss") -> list[float]:
    return [point.value for point in metrics.points(component, name)]


def test_points_come_back_in_the_order_they_came_in(metrics: ComponentMetrics) -> None:
    metrics.put("c", [("loss", Point(3, 3, 0.3)), ("loss", Point(1, None, 0.1))])
    metrics.put("c", [("loss", Point(2, 2, 0.2)), ("score", Point(0, 0, 9.0))])
    metrics.put("other", loss(7.0))
    assert list(metrics.points("c", "loss")) == [Point(3, 3, 0.3), Point(1, None, 0.1), Point(2, 2, 0.2)]
    assert kept(metrics, name="score") == [9.0]
    assert kept(metrics, name="never") == []


def test_a_summary_is_of_all_points(metrics: ComponentMetrics) -> None:
    values = [3.0, -1.0, 4.0, 1.0, -5.0]
    for value in values:
        metrics.put("c", [("loss", Point(10 - value, None, value))])
    (summary,) = metrics.summaries("c")
    assert (summary.count, summary.minimum, summary.maximum) == (5, -5.0, 4.0)
    assert (summary.last, summary.time) == (-5.0, 15.0)
    assert summary.mean == pytest.approx(statistics.fmean(values))
    assert summary.deviation == pytest.approx(statistics.pstdev(values))
    assert metrics.summaries("none") == []


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    first = ComponentMetrics(tmp_path)
    first.put("c", loss(1.0, 2.0), [Read("log", 5), Read("log", 9)])
    first.close()
    first.close()
    second = ComponentMetrics(tmp_path)
    second.put("c", loss(2.0, 3.0), [Read("log", 9), Read("log", 12)])
    assert kept(second) == [1.0, 2.0, 3.0]
    assert second.taken("c", "log") == 12
    assert second.summaries("c")[0].count == 3
    second.close()


def test_what_was_read_before_is_not_taken_again(metrics: ComponentMetrics) -> None:
    metrics.put("c", loss(1.0, 2.0), [Read("a", 10), Read("a", 10)])  # two values of one line
    metrics.put("c", loss(1.0, 2.0, 3.0), [Read("a", 10), Read("a", 10), Read("a", 20)])
    metrics.put("c", loss(4.0), [Read("b", 10)])
    assert kept(metrics) == [1.0, 2.0, 3.0, 4.0]
    assert (metrics.taken("c", "a"), metrics.taken("c", "b"), metrics.taken("c", "z")) == (20, 10, 0)


def test_one_metric_too_many_is_refused_by_its_place(
    metrics: ComponentMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(component_metrics, "MOST_METRICS", 2)
    points = [(name, Point(0, 0, 1.0)) for name in ("a", "b", "c", "a")]
    assert metrics.put("c", points) == [2]
    assert [(each.name, each.count) for each in metrics.summaries("c")] == [("a", 2), ("b", 1)]
    assert metrics.put("other", points[:1]) == []


def test_many_at_once_lose_nothing(metrics: ComponentMetrics) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: metrics.put("c", loss(float(number))), range(200)))
    assert sorted(kept(metrics)) == [float(number) for number in range(200)]
    assert metrics.summaries("c")[0].count == 200


def test_an_event_loop_hands_in_and_goes_on(metrics: ComponentMetrics) -> None:
    async def hand_in() -> None:
        answers = await asyncio.gather(*(metrics.put_soon("c", loss(float(number))) for number in range(50)))
        assert answers == [[]] * 50
        assert len(kept(metrics)) == 50

    asyncio.run(hand_in())
    metrics.put("c", loss(9.0))
    assert metrics.summaries("c")[0].count == 51


def test_a_disk_that_takes_nothing_is_told_to_who_waits(metrics: ComponentMetrics) -> None:
    assert isinstance(metrics._database, SqliteFile)
    metrics._database._writer.execute("PRAGMA query_only = 1")
    with pytest.raises(sqlite3.OperationalError):
        metrics.put("c", loss(1.0))
    with pytest.raises(sqlite3.OperationalError):
        asyncio.run(metrics.put_soon("c", loss(1.0)))
    metrics._database._writer.execute("PRAGMA query_only = 0")
    metrics.put("c", loss(2.0))
    assert kept(metrics) == [2.0]


def test_a_component_is_forgotten_whole(metrics: ComponentMetrics) -> None:
    metrics.put("c", loss(1.0), [Read("log", 5)])
    metrics.put("d", loss(2.0))
    metrics.forget("c")
    assert (kept(metrics), metrics.summaries("c"), metrics.taken("c", "log")) == ([], [], 0)
    metrics.put("c", loss(3.0), [Read("log", 5)])
    assert metrics.summaries_of(["c", "d", "e"]).keys() == {"c", "d"}
    assert kept(metrics) == [3.0]


def test_the_largest_numbers_do_not_overflow(metrics: ComponentMetrics) -> None:
    metrics.put("c", loss(1.7e308, -1.7e308, 1.7e308))
    (summary,) = metrics.summaries("c")
    assert (summary.minimum, summary.maximum) == (-1.7e308, 1.7e308)
    assert summary.deviation > 0
