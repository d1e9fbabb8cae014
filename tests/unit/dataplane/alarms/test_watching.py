"""What alarms see, and how often they look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sagewright.dataplane.alarms.watching import View, interval, last, look
from sagewright.telemetry.metrics import Metrics
from sagewright.testing.clock import ManualClock

SPEC: dict[str, Any] = {
    "Namespace": "n",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 3,
}


@pytest.mark.parametrize(("period", "seconds"), [(1, 10), (10, 10), (30, 30), (60, 60), (300, 60)])
def test_how_often_an_alarm_looks(period: int, seconds: float) -> None:
    spec = {**SPEC, "Period": period}
    assert interval(spec) == seconds
    assert last(spec, 1234.0) == 1234 // seconds * seconds


def test_periods_end_where_the_look_does(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, ManualClock())
    for time, value in ((899, 1.0), (900, 2.0), (959.9, 3.0), (1140, 4.0), (1200, 5.0)):
        metrics.put("n", "m", {}, time, value)
    view = look(metrics, SPEC, 1200.0)
    assert (view.start, view.period) == (900, 60)
    assert view.datapoints == [5.0, None, None, None, 4.0]
    assert view.newest(1) == [4.0]
    metrics.close()


def test_what_is_no_number_is_not_seen() -> None:
    assert View(0, 60, [1.0, float("nan"), None, 2.0], {}).newest(3) == [2.0, 1.0]
