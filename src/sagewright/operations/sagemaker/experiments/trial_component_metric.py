"""Metrics of trial components: their points, and a summary of each that is kept up to date as points come in.

A metric is a record under its component; its points lie under both, a record per batch, in the order they came in.
Mean and deviation are carried along by Welford's method, so that no summary ever reads the points again.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import every
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write

KIND: Final = "trial-component-metric"
POINTS: Final = "trial-component-metric-points"
_DIGITS: Final = 9


class Point(NamedTuple):
    """One value of a metric. `time` is epoch seconds; `step` counts iterations and may be unknown."""

    time: float
    step: int | None
    value: float


def added(call: Call, component: Record, batches: Mapping[str, Sequence[Point]]) -> Sequence[Write]:
    """The writes that add points to a component's metrics, by metric."""
    writes: list[Write] = []
    for name, points in batches.items():
        key = call.key(KIND, name, component.name)
        metric = call.store.get(key)
        fresh = metric is None
        if metric is None:
            metric = Record(key=key, uid=call.services.ids.token(), created=call.now, modified=call.now)
        number = metric.status.get("batches", 0)
        batch = Record(
            key=call.key(POINTS, f"{number:0{_DIGITS}d}", _under(component.name, name)),
            uid=call.services.ids.token(),
            created=call.now,
            modified=call.now,
            spec={"points": [list(point) for point in points]},
        )
        status = {**_summed(metric.status, points), "batches": number + 1}
        changed = replace(metric, status=status, modified=call.now)
        writes += [("create" if fresh else "update", changed), ("create", batch)]
    return writes


def summaries(call: Call, component: Record) -> Params:
    """`Metrics` as DescribeTrialComponent has them; nothing where none was ever sent."""
    found = [_summary(component, metric) for metric in _metrics(call, component.name)]
    return {"Metrics": found} if found else {}


def points(call: Call, component: str, metric: str) -> Iterator[Point]:
    """All points of a metric, in the order they came in."""
    for batch in every(call, Query(call.account, call.region, POINTS, parent=_under(component, metric))):
        for time, step, value in batch.spec["points"]:
            yield Point(time, step, value)


def everything(call: Call, component: str) -> Iterator[Record]:
    """All records that hold metrics of a component."""
    for metric in _metrics(call, component):
        yield metric
        yield from every(call, Query(call.account, call.region, POINTS, parent=_under(component, metric.name)))


def _metrics(call: Call, component: str) -> Iterator[Record]:
    return every(call, Query(call.account, call.region, KIND, parent=component))


def _under(component: str, metric: str) -> str:
    return f"{component}/{metric}"


def _summed(before: Mapping[str, Any], points: Sequence[Point]) -> Params:
    """The summary `before` with more points; `squares` is the sum of squared distances from the mean."""
    now: Params = dict(before) or {"Count": 0, "mean": 0.0, "squares": 0.0, "Min": math.inf, "Max": -math.inf}
    for point in points:
        count = now["Count"] + 1
        delta = _bounded(point.value - now["mean"])
        mean = now["mean"] + delta / count
        now |= {
            "Count": count,
            "mean": mean,
            "squares": _bounded(now["squares"] + delta * _bounded(point.value - mean)),
            "Min": min(now["Min"], point.value),
            "Max": max(now["Max"], point.value),
        }
        if point.time >= now.get("TimeStamp", -math.inf):
            now |= {"TimeStamp": point.time, "Last": point.value}
    return now


def _bounded(value: float) -> float:
    # Infinity cannot be written down; values near the largest number may lead there.
    return max(-sys.float_info.max, min(sys.float_info.max, value))


def _summary(component: Record, metric: Record) -> Params:
    kept = metric.status
    return {
        "MetricName": metric.name,
        "SourceArn": component.status["TrialComponentArn"],
        "TimeStamp": kept["TimeStamp"],
        **{member: kept[member] for member in ("Max", "Min", "Last", "Count")},
        "Avg": kept["mean"],
        "StdDev": math.sqrt(max(kept["squares"], 0.0) / kept["Count"]),
    }
