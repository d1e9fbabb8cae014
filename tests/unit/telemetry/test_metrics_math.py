"""Metric math, from text to series."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.telemetry.metrics import Metric, Metrics, Point
from sagewright.telemetry.metrics_expression import MathError, parse
from sagewright.telemetry.metrics_query import Window, check, run
from sagewright.testing.clock import ManualClock

STAT = {"Period": 60, "Stat": "Sum"}
WINDOW = Window(0, 300)


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[Metrics]:
    metrics = Metrics(tmp_path, ManualClock())
    for name, values in {"a": {0: 1, 60: 2, 180: 8}, "b": {0: 10, 60: 0, 120: 30}}.items():
        metrics.put_many([(Metric("n", name, {"D": name}), Point.of(time, value)) for time, value in values.items()])
    metrics.put("n", "a", {"D": "other"}, 0, 100)
    metrics.put("m", "a", {"D": "a", "E": "e"}, 0, 1000)
    yield metrics
    metrics.close()


def query(name: str) -> dict[str, Any]:
    metric = {"Namespace": "n", "MetricName": name, "Dimensions": [{"Name": "D", "Value": name}]}
    return {"Id": name, "MetricStat": {"Metric": metric, **STAT}, "ReturnData": False}


def compute(metrics: Metrics, expression: str, **more: Any) -> list[Mapping[float, float]]:
    asked = [query("a"), query("b"), {"Id": "e", "Expression": expression, **more}]
    return [series.points for series in run(metrics, asked, WINDOW)["e"]]


@pytest.mark.parametrize(
    ("expression", "points"),
    [
        ("a + b", {0: 11, 60: 2}),
        ("a / b", {0: 0.1}),
        ("a * 2 ^ 2 - 1", {0: 3, 60: 7, 180: 31}),
        ("-a", {0: -1, 60: -2, 180: -8}),
        ("100 * (a / (a + b))", {0: 100 / 11, 60: 100}),
        ("a > 1", {0: 0, 60: 1, 180: 1}),
        ("a > 1 AND b < 5 || a == 1", {0: 1, 60: 1}),
        ("SUM([a, b])", {0: 11, 60: 2, 120: 30, 180: 8}),
        ("SUM(METRICS())", {0: 11, 60: 2, 120: 30, 180: 8}),
        ('MAX(METRICS("b"))', {0: 10, 60: 0, 120: 30}),
        ("AVG([a, b])", {0: 5.5, 60: 1, 120: 30, 180: 8}),
        ("STDDEV([a, b])", {0: 4.5, 60: 1, 120: 0, 180: 0}),
        ("a - AVG(b)", {0: 1 - 40 / 3, 60: 2 - 40 / 3, 180: 8 - 40 / 3}),
        ("FILL(a, 0)", {0: 1, 60: 2, 120: 0, 180: 8, 240: 0}),
        ("FILL(a, REPEAT)", {0: 1, 60: 2, 120: 2, 180: 8, 240: 8}),
        ("FILL(a, LINEAR)", {0: 1, 60: 2, 120: 5, 180: 8}),
        ("FILL(a, b)", {0: 1, 60: 2, 120: 30, 180: 8}),
        ("DIFF(a)", {60: 1, 180: 6}),
        ("RATE(a)", {60: 1 / 60, 180: 6 / 120}),
        ("DIFF_TIME(a)", {60: 60, 180: 120}),
        ("RUNNING_SUM(a)", {0: 1, 60: 3, 180: 11}),
        ("IF(a > 1, a)", {60: 2, 180: 8}),
        ("IF(a > 1, a, 5)", {0: 5, 60: 2, 180: 8}),
        ("IF(a > 1, b, 7)", {0: 7, 60: 0}),
        ("IF(1, a, b)", {0: 1, 60: 2, 180: 8}),
        ("a / PERIOD(a)", {0: 1 / 60, 60: 2 / 60, 180: 8 / 60}),
        ("TIME_SERIES(MAX(a))", {0: 8, 60: 8, 120: 8, 180: 8, 240: 8}),
        ("TIME_SERIES(METRIC_COUNT([a, b]) + DATAPOINT_COUNT(a))", {0: 5, 60: 5, 120: 5, 180: 5, 240: 5}),
        ("FIRST(SORT([a, b], SUM, DESC))", {0: 10, 60: 0, 120: 30}),
        ("SLICE([a, b], 0, 1)", {0: 1, 60: 2, 180: 8}),
        ("LOG10(b)", {0: 1, 120: 1.4771212547196624}),
        ("CEIL(a / 3) + FLOOR(a / 3) + ABS(-a)", {0: 2, 60: 3, 180: 13}),
        ("MINUTE(a)", {0: 0, 60: 1, 180: 3}),
    ],
)
def test_expressions(metrics: Metrics, expression: str, points: Mapping[float, float]) -> None:
    assert compute(metrics, expression) == [pytest.approx(points)]


@pytest.mark.parametrize(
    ("search", "sums"),
    [
        ('{n,D} MetricName="a"', [1, 100]),
        ('{m,D,E} MetricName="a"', [1000]),
        ("{n,D} other", [100]),
        ('MetricName="a" D="a"', [1, 1000]),
        ('Namespace="n" MetricName="a" NOT D=other', [1]),
        ('Namespace="n" (MetricName="a" OR MetricName="b")', [1, 10, 100]),
        ("{n,E}", []),
    ],
)
def test_search(metrics: Metrics, search: str, sums: list[float]) -> None:
    assert sorted(points[0] for points in compute(metrics, f"SEARCH('{search}', 'Sum', 60)")) == sums


def test_the_series_of_a_search_can_be_computed_with(metrics: Metrics) -> None:
    assert compute(metrics, "SUM(SEARCH('{n,D} MetricName=\"a\"', 'Sum', 60)) * 2") == [{0: 202, 60: 4, 180: 16}]


def test_a_partial_term_means_words(metrics: Metrics) -> None:
    metrics.put("n", "CPUUtilization", {"InstanceId": "i-1"}, 0, 5)
    for term in ("cpu", "Utilization", "CPUUtilization", "InstanceId=i-1"):
        assert len(compute(metrics, f"SEARCH('{{n,InstanceId}} {term}', 'Sum', 60)")) == 1


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "a +",
        "(a",
        "a b",
        "nobody + 1",
        "e",
        "1 + 1",
        "AVG(a)",
        "[a] + [b]",
        "RATE([a, b], 1)",
        "WHATEVER(a)",
        "a + 'text'",
        "FILL(a)",
        "IF([a], b)",
        "METRICS(a)",
        "SEARCH('x')",
        "SEARCH('{n', 'Sum', 60)",
        "SEARCH('(x', 'Sum', 60)",
        "SEARCH('x', 'Median', 60)",
        "SEARCH('x', 'Sum', 61)",
        "SLICE([a], 0/0)",
        "SORT([a], b, ASC)",
        "(" * 100 + "a" + ")" * 100,
    ],
)
def test_what_cannot_be_computed(metrics: Metrics, expression: str) -> None:
    with pytest.raises(MathError):
        compute(metrics, expression)


def test_what_is_not_built_is_refused_by_name(metrics: Metrics) -> None:
    with pytest.raises(MathError, match="ANOMALY_DETECTION_BAND"):
        compute(metrics, "ANOMALY_DETECTION_BAND(a, 2)")
    with pytest.raises(MathError, match="Metrics Insights"):
        compute(metrics, "SELECT AVG(a) FROM n")


def test_queries_are_checked_without_data() -> None:
    check([query("a"), {"Id": "e", "Expression": "FILL(a, 0) / 2"}])
    with pytest.raises(MathError, match="refers to itself"):
        check([{"Id": "x", "Expression": "y + 1"}, {"Id": "y", "Expression": "x + 1"}])
    with pytest.raises(MathError, match="one query only"):
        check([query("a"), query("a")])
    with pytest.raises(MathError, match="lower-case"):
        check([{"Id": "X", "Expression": "1"}])
    with pytest.raises(MathError, match="exactly one"):
        check([{"Id": "x"}])


def test_too_many_periods_are_refused(metrics: Metrics) -> None:
    with pytest.raises(MathError, match="most"):
        run(metrics, [{"Id": "e", "Expression": "TIME_SERIES(1)", "Period": 1}], Window(0, 1e9))


@given(st.text("ab12+-*/^()[],.'\"<=>&| \nANDORSUM", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(MathError):
        parse(text)
