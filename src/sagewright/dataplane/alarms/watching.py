"""What an alarm sees when it looks at its metric. Who evaluates it and who scales by it see the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sagewright.dataplane.alarms.changing import queries_of
from sagewright.dataplane.alarms.judging import SPARE
from sagewright.telemetry.metrics import Metrics
from sagewright.telemetry.metrics_query import Window, run

_MINUTE: Final = 60
_QUICKEST: Final = 10


@dataclass(frozen=True, slots=True)
class View:
    """The newest periods of a metric."""

    start: float
    period: int
    datapoints: Sequence[float | None]
    """Oldest first; None is missing. A few more than the alarm evaluates."""
    points: Mapping[float, float]
    """What there is, by the start of its period."""

    def newest(self, count: int) -> Sequence[float]:
        """At most so many real datapoints, newest first."""
        return [value for value in reversed(self.datapoints) if value is not None and math.isfinite(value)][:count]


def look(metrics: Metrics, spec: Mapping[str, Any], end: float) -> View:
    """What the metric of an alarm was before `end`. Raises MathError for what cannot be computed.

    Periods end at that moment, not at multiples of their length.
    """
    queries = queries_of(spec)
    period = _period(queries)
    count = spec["EvaluationPeriods"] + SPARE
    window = Window(end - count * period, end, origin=end)
    found = run(metrics, queries, window)
    series = next((found[q["Id"]] for q in queries if q.get("ReturnData", True)), [])
    points = series[0].points if series else {}
    return View(window.start, period, [points.get(window.start + number * period) for number in range(count)], points)


def interval(spec: Mapping[str, Any]) -> float:
    """How often an alarm is evaluated: once a minute, or every ten seconds if its period is that short."""
    period = _period(queries_of(spec))
    return float(_MINUTE if period >= _MINUTE else max(period, _QUICKEST))


def last(spec: Mapping[str, Any], now: float) -> float:
    """When an alarm was to be evaluated last: whole multiples of its interval."""
    every = interval(spec)
    return now // every * every


def _period(queries: Sequence[Mapping[str, Any]]) -> int:
    """The period that the alarm's datapoints have."""
    own = [int(query["Period"]) for query in queries if "Period" in query and query.get("ReturnData", True)]
    return own[0] if own else max((int(q["MetricStat"]["Period"]) for q in queries if "MetricStat" in q), default=300)
