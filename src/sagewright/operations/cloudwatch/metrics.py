"""CloudWatch's metrics: put, list, statistics."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations
from sagewright.telemetry.metrics import Metric, Metrics, Period, Point

operations = Operations()

_PAGE: Final = 500
_MOST_DATAPOINTS: Final = 1440
"""What GetMetricStatistics gives at most."""
_MOST_DATA: Final = 100_800
"""What a page of GetMetricData holds at most."""
_MINUTE: Final = 60
_HIGH_RESOLUTION: Final = (1, 5, 10, 20, 30)
_RECENT: Final = 3 * 3600
_STATISTIC: Final = re.compile(r"SampleCount|Average|Sum|Minimum|Maximum|p(100|\d{1,2})(\.\d+)?")


def _metrics_of(call: Call) -> Metrics:
    return call.services.metrics.at(call.account, call.region)


@operations
def put_metric_data(call: Call, request: Params) -> Params:
    namespace = request["Namespace"]
    if namespace.startswith("AWS/"):
        raise _bad_value("The value AWS/ for parameter Namespace is invalid.")
    data = [*request.get("MetricData", ())]
    for entity in request.get("EntityMetricData", ()):
        data += entity.get("MetricData", ())
    points = [
        (Metric(namespace, datum["MetricName"], _dimensions(datum)), point)
        for datum in data
        for point in _points(datum, call.now)
    ]
    _metrics_of(call).put_many(points)
    return {}


def _points(datum: Params, now: float) -> Iterator[Point]:
    time, unit = datum.get("Timestamp", now), datum.get("Unit", "None")
    ways = [name for name in ("Value", "Values", "StatisticValues") if name in datum]
    if len(ways) != 1:
        raise AwsError(
            "InvalidParameterCombination",
            "Exactly one of the parameters Value, Values and StatisticValues must be given for each metric datum.",
        )
    if "StatisticValues" in datum:
        given = datum["StatisticValues"]
        yield Point(time, given["SampleCount"], given["Sum"], given["Minimum"], given["Maximum"], unit)
        return
    values = datum.get("Values") or [datum["Value"]]
    counts = datum.get("Counts", [1.0] * len(values))
    if len(counts) != len(values):
        raise _bad_value("The parameters Values and Counts must be of the same length.")
    for value, count in zip(values, counts, strict=True):
        if not abs(value) < float("inf"):
            raise _bad_value(f"The value {value} for parameter Value is invalid: it must be a finite number.")
        yield Point.of(time, value, unit, count)


@operations
def list_metrics(call: Call, request: Params) -> Params:
    wanted = {each["Name"]: each.get("Value") for each in request.get("Dimensions", ())}
    page = _metrics_of(call).list(
        request.get("Namespace"),
        request.get("MetricName"),
        wanted,
        since=call.now - _RECENT if "RecentlyActive" in request else None,
        after=_offset(request),
        limit=_PAGE,
    )
    answer: Params = {"Metrics": [_view(metric) for metric in page.metrics]}
    if page.next is not None:
        answer["NextToken"] = str(page.next)
    return answer


@operations
def get_metric_statistics(call: Call, request: Params) -> Params:
    names = [*request.get("Statistics", ()), *request.get("ExtendedStatistics", ())]
    if not names:
        raise AwsError(
            "InvalidParameterCombination", "At least one of the parameters Statistics and ExtendedStatistics is needed."
        )
    period = _period(request["Period"])
    start, end = request["StartTime"] // _MINUTE * _MINUTE, request["EndTime"]
    _check_window(start, end)
    if (end - start) / period > _MOST_DATAPOINTS:
        raise AwsError(
            "InvalidParameterCombination",
            f"You have requested up to {int((end - start) / period):,} datapoints, which exceeds the limit of "
            f"{_MOST_DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, or decreasing the "
            "time range.",
        )
    metric = Metric(request["Namespace"], request["MetricName"], _dimensions(request))
    periods = _metrics_of(call).query(metric, start, end, period, unit=request.get("Unit"), origin=start)
    return {"Label": metric.name, "Datapoints": [_datapoint(each, names) for each in periods]}


def _datapoint(period: Period, names: Sequence[str]) -> Params:
    datapoint: Params = {"Timestamp": period.start, "Unit": period.unit}
    extended: dict[str, float] = {}
    for name in names:
        value = _statistic(period, name)
        if value is not None:
            (extended if name.startswith("p") else datapoint)[name] = value
    if extended:
        datapoint["ExtendedStatistics"] = extended
    return datapoint


@operations
def get_metric_data(call: Call, request: Params) -> Params:
    """Series of single metrics. Metric math is not done yet, and says so."""
    _check_window(request["StartTime"], request["EndTime"])
    descending = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    first, most = _offset(request), min(request.get("MaxDatapoints", _MOST_DATA), _MOST_DATA)
    results: list[Params] = []
    seen = 0
    for query in request["MetricDataQueries"]:
        if not query.get("ReturnData", True):
            continue
        series = _series(call, query, request["StartTime"], request["EndTime"])
        if descending:
            series.reverse()
        # A page is a window on all series' datapoints, one series after the other.
        shown = series[max(0, first - seen) : max(0, first + most - seen)]
        seen += len(series)
        results.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label") or query["MetricStat"]["Metric"]["MetricName"],
                "Timestamps": [time for time, _ in shown],
                "Values": [value for _, value in shown],
                "StatusCode": "Complete" if seen <= first + most else "PartialData",
            }
        )
    answer: Params = {"MetricDataResults": results, "Messages": []}
    if seen > first + most:
        answer["NextToken"] = str(first + most)
    return answer


def _series(call: Call, query: Mapping[str, Any], start: float, end: float) -> list[tuple[float, float]]:
    if "MetricStat" not in query:
        raise _bad_value(
            f"Query {query['Id']!r} is an expression. Sagewright answers MetricStat queries only, so far: ask for the "
            "metrics themselves and compute from them."
        )
    stat = query["MetricStat"]
    wanted = stat["Metric"]
    metric = Metric(wanted["Namespace"], wanted["MetricName"], _dimensions(wanted))
    period = _period(stat["Period"])
    aligned = start // period * period
    found = _metrics_of(call).query(metric, aligned, end, period, unit=stat.get("Unit"))
    values = ((each.start, _statistic(each, stat["Stat"])) for each in found)
    return [(time, value) for time, value in values if value is not None]


def _statistic(period: Period, name: str) -> float | None:
    if _STATISTIC.fullmatch(name) is None:
        raise _bad_value(f"The value {name} for parameter Stat is not supported: use a statistic or a percentile.")
    return period.statistic(name)


def _dimensions(given: Mapping[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in given.get("Dimensions", ())}


def _view(metric: Metric) -> Params:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
    }


def _period(seconds: int) -> int:
    if seconds in _HIGH_RESOLUTION or (seconds > 0 and seconds % _MINUTE == 0):
        return seconds
    raise _bad_value(
        "The parameter Period must be a multiple of 60, or one of 1, 5, 10, 20 and 30 for high-resolution metrics."
    )


def _check_window(start: float, end: float) -> None:
    if start >= end:
        raise _bad_value("The parameter StartTime must be less than the parameter EndTime.")


def _offset(request: Params) -> int:
    text = request.get("NextToken", "0")
    if not text.isdecimal():
        raise AwsError("InvalidNextToken", "The next token specified is invalid.")
    return int(text)


def _bad_value(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)
