"""BatchPutMetrics and BatchGetMetrics: the metrics of trial components, point by point."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, pstdev
from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import nouns
from sagewright.operations.sagemaker.experiments import trial_component
from sagewright.operations.table import Operations, briefly
from sagewright.resources import trial_component as components
from sagewright.resources.record import Record
from sagewright.telemetry.component_metrics import Point

operations = Operations()

# How far a point's time may be from now, in seconds.
_OLDEST: Final = 14 * 86_400
_NEWEST: Final = 2 * 3_600

_PERIODS: Final = {"OneMinute": 60, "FiveMinute": 300, "OneHour": 3_600}
_MILLISECONDS: Final = 10**11
"""Times from here on are in milliseconds: in seconds they would be three thousand years away."""

_STATISTICS: Final[Mapping[str, Callable[[Sequence[Point]], float]]] = {
    "Min": lambda points: min(point.value for point in points),
    "Max": lambda points: max(point.value for point in points),
    "Avg": lambda points: fmean(point.value for point in points),
    "Count": len,
    "StdDev": lambda points: pstdev(point.value for point in points),
    "Last": lambda points: max(enumerate(points), key=lambda each: (each[1].time, each[0]))[1].value,
}


@operations
async def batch_put_metrics(call: Call, request: Params) -> Params:
    """Points that cannot be taken are told by their place in the request; the others are kept."""
    component = await briefly(call, lambda: trial_component.NOUN.find(call, request["TrialComponentName"]))
    data = request["MetricData"]
    taken = [index for index, each in enumerate(data) if _acceptable(call, each)]
    errors = [{"Code": "VALIDATION_ERROR", "MetricIndex": index} for index in range(len(data)) if index not in taken]
    points = [
        (each["MetricName"], Point(each["Timestamp"], each.get("Step"), each["Value"]))
        for each in (data[index] for index in taken)
    ]
    for place in await call.services.metrics.components.put_soon(component.uid, points) if points else ():
        errors.append({"Code": "METRIC_LIMIT_EXCEEDED", "MetricIndex": taken[place]})
    return {"Errors": sorted(errors, key=lambda error: error["MetricIndex"])} if errors else {}


@operations
def batch_get_metrics(call: Call, request: Params) -> Params:
    return {"MetricQueryResults": [_result(call, query) for query in request["MetricQueries"]]}


def _acceptable(call: Call, data: Params) -> bool:
    in_time = call.now - _OLDEST <= data["Timestamp"] <= call.now + _NEWEST
    return in_time and math.isfinite(data["Value"])


def _result(call: Call, query: Params) -> Params:
    """X values are iterations, or the beginnings of periods in epoch seconds."""
    by_iteration = query["XAxisType"] == "IterationNumber"
    if by_iteration != (query["Period"] == "IterationNumber"):
        return _refused("Period IterationNumber belongs to XAxisType IterationNumber, the others to Timestamp.")
    component = _component(call, query["ResourceArn"])
    if component is None:
        return _refused(f"There is no trial component {query['ResourceArn']}.")
    points = call.services.metrics.components.points(component.uid, query["MetricName"])
    period = None if by_iteration else _PERIODS[query["Period"]]
    groups = sorted(_grouped(points, period, query).items())
    statistic = _STATISTICS[query["MetricStat"]]
    return {
        "Status": "Complete",
        "XAxisValues": [x for x, _ in groups],
        "MetricValues": [float(statistic(group)) for _, group in groups],
    }


def _component(call: Call, arn: str) -> Record | None:
    """The trial component of an ARN: its own, or that of the job that it was made for."""
    found = nouns.find_by_arn(call.store, arn, call.account)
    if found is not None and components.has_component(found):
        found = call.store.get(components.key_of(found))
    if found is None or found.key.kind != components.KIND or found.key.region != call.region:
        return None
    return found


def _grouped(points: Iterable[Point], period: int | None, query: Params) -> Mapping[int, Sequence[Point]]:
    """Points by period, or by iteration where `period` is None: points without one are left out."""
    start, end = _bound(query.get("Start"), period), _bound(query.get("End"), period)
    groups: dict[int, list[Point]] = {}
    for point in points:
        x = point.step if period is None else point.time
        if x is None or (start is not None and x < start) or (end is not None and x > end):
            continue
        groups.setdefault(int(x) if period is None else int(x // period * period), []).append(point)
    return groups


def _bound(value: int | None, period: int | None) -> float | None:
    if value is None or period is None or abs(value) < _MILLISECONDS:
        return value
    return value / 1000


def _refused(message: str) -> Params:
    return {"Status": "ValidationError", "Message": message, "XAxisValues": [], "MetricValues": []}
