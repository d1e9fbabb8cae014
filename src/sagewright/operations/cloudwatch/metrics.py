"""CloudWatch's metrics: put, list, statistics, data. `telemetry/metrics*.py` keep them and compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations
from sagewright.telemetry.metrics import Metric, Metrics, Period, Point
from sagewright.telemetry.metrics_expression import MathError
from sagewright.telemetry.metrics_query import Window, check_period, run, statistic_check
from sagewright.telemetry.metrics_series import Series
from sagewright.telemetry.metrics_statistics import PLAIN

operations = Operations()

_PAGE: Final = 500
_MOST_DATAPOINTS: Final = 1440
"""What GetMetricStatistics gives at most."""
_MOST_DATA: Final = 100_800
"""What a page of GetMetricData holds at most."""
_MOST_VALUES: Final = 150
_MOST_PUT: Final = 1000
_MOST_QUERIES: Final = 500
_LARGEST: Final = 2.0**360
_MINUTE: Final = 60
_RECENT: Final = 3 * 3600
_LATEST: Final = 253_402_300_799.0
"""The end of the year 9999, the last that can be spelled."""
_OLDEST, _NEWEST = 14 * 86_400, 2 * 3600
"""How far a datapoint may lie in the past and in the future, in seconds."""


def metrics_of(call: Call) -> Metrics:
    return call.services.metrics.at(call.account, call.region)


@operations
def put_metric_data(call: Call, request: Params) -> Params:
    namespace = request["Namespace"]
    if namespace.startswith("AWS/"):
        raise bad_value("The value AWS/ for parameter Namespace is invalid.")
    data = [*request.get("MetricData", ())]
    for entity in request.get("EntityMetricData", ()):
        data += entity.get("MetricData", ())
    if not data:
        raise AwsError("MissingParameter", "The parameter MetricData is required.")
    if len(data) > _MOST_PUT:
        raise bad_value(f"The collection MetricData must not have a size greater than {_MOST_PUT}.")
    points = [
        (Metric(namespace, datum["MetricName"], dimensions(datum)), point)
        for datum in data
        for point in _points(datum, call.now)
    ]
    metrics_of(call).put_many(points)
    return {}


def _points(datum: Params, now: float) -> Iterator[Point]:
    time, unit = _time(datum, now), datum.get("Unit", "None")
    ways = [name for name in ("Value", "Values", "StatisticValues") if name in datum]
    if len(ways) != 1:
        raise AwsError(
            "InvalidParameterCombination",
            "Exactly one of the parameters Value, Values and StatisticValues must be given for each metric datum.",
        )
    if "StatisticValues" in datum:
        given = datum["StatisticValues"]
        for member in ("SampleCount", "Sum", "Minimum", "Maximum"):
            _check_number(given[member], f"StatisticValues.{member}")
        if given["SampleCount"] <= 0 or given["Minimum"] > given["Maximum"]:
            raise bad_value("StatisticValues must have a SampleCount above 0, and a Minimum not above its Maximum.")
        yield Point(time, given["SampleCount"], given["Sum"], given["Minimum"], given["Maximum"], unit)
        return
    values = datum["Values"] if "Values" in datum else [datum["Value"]]
    counts = datum.get("Counts", [1.0] * len(values))
    if len(counts) != len(values):
        raise bad_value("The parameters Values and Counts must be of the same length.")
    if not 1 <= len(values) <= _MOST_VALUES:
        raise bad_value(f"The collection Values must have a size between 1 and {_MOST_VALUES}.")
    for value, count in zip(values, counts, strict=True):
        _check_number(value, "Value")
        _check_number(count, "Counts")
        if count < 0:
            raise bad_value(f"The value {count} for parameter Counts is invalid: it must not be negative.")
        if count:
            yield Point.of(time, value, unit, count)


def _time(datum: Params, now: float) -> float:
    """Standard metrics are kept by the minute, high-resolution ones as they come."""
    time = datum.get("Timestamp", now)
    if not now - _OLDEST <= time <= now + _NEWEST:
        raise bad_value(
            "The parameter Timestamp must specify a time no more than two weeks in the past "
            "and no more than two hours in the future."
        )
    resolution = datum.get("StorageResolution", _MINUTE)
    if resolution not in (1, _MINUTE):
        raise bad_value(f"The value {resolution} for parameter StorageResolution is invalid: it is 1 or 60.")
    return float(time if resolution == 1 else time // _MINUTE * _MINUTE)


def _check_number(value: float, member: str) -> None:
    if not abs(value) <= _LARGEST:  # not a number included
        raise bad_value(f"The value {value} for parameter {member} is invalid: it must be between -2^360 and 2^360.")


@operations
def list_metrics(call: Call, request: Params) -> Params:
    wanted = {each["Name"]: each.get("Value") for each in request.get("Dimensions", ())}
    page = metrics_of(call).list(
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
    for name in names:
        try:
            statistic_check(name)
        except MathError as error:
            raise bad_value(str(error)) from None
    period = _period(request["Period"])
    _check_window(request["StartTime"], request["EndTime"])
    start, end = request["StartTime"] // _MINUTE * _MINUTE, request["EndTime"]
    if (end - start) / period > _MOST_DATAPOINTS:
        raise AwsError(
            "InvalidParameterCombination",
            f"You have requested up to {int((end - start) / period):,} datapoints, which exceeds the limit of "
            f"{_MOST_DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, or decreasing the "
            "time range.",
        )
    metric = Metric(request["Namespace"], request["MetricName"], dimensions(request))
    periods = metrics_of(call).query(metric, start, end, period, unit=request.get("Unit"), origin=start)
    return {"Label": metric.name, "Datapoints": [_datapoint(each, names) for each in periods]}


def _datapoint(period: Period, names: Sequence[str]) -> Params:
    datapoint: Params = {"Timestamp": period.start, "Unit": period.unit}
    extended: dict[str, float] = {}
    for name in names:
        value = period.statistic(name)
        if value is not None:
            (datapoint if name in PLAIN else extended)[name] = value
    if extended:
        datapoint["ExtendedStatistics"] = extended
    return datapoint


@operations
def get_metric_data(call: Call, request: Params) -> Params:
    """A page is a window on all series' datapoints, one series after the other."""
    start, end = request["StartTime"], request["EndTime"]
    _check_window(start, end)
    queries = request["MetricDataQueries"]
    if len(queries) > _MOST_QUERIES:
        raise bad_value(f"The collection MetricDataQueries must not have a size greater than {_MOST_QUERIES}.")
    first, most = _offset(request), min(request.get("MaxDatapoints", _MOST_DATA), _MOST_DATA)
    if most < 1:
        raise bad_value("The value of parameter MaxDatapoints must be above 0.")
    with math_errors():
        found = run(metrics_of(call), queries, Window(start, end))
    descending = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    results: list[Params] = []
    seen = 0
    for query in queries:
        for series in found[query["Id"]] if query.get("ReturnData", True) else ():
            points = sorted(series.points.items(), reverse=descending)
            shown = points[max(0, first - seen) : max(0, first + most - seen)]
            seen += len(points)
            results.append(_result(query["Id"], series, shown, complete=seen <= first + most))
    answer: Params = {"MetricDataResults": results, "Messages": []}
    if seen > first + most:
        answer["NextToken"] = str(first + most)
    return answer


def _result(name: str, series: Series, shown: Sequence[tuple[float, float]], *, complete: bool) -> Params:
    return {
        "Id": name,
        "Label": series.label,
        "Timestamps": [time for time, _ in shown],
        "Values": [value for _, value in shown],
        "StatusCode": "Complete" if complete else "PartialData",
    }


@contextmanager
def math_errors() -> Iterator[None]:
    """What cannot be computed, as CloudWatch's validation error."""
    try:
        yield
    except MathError as error:
        raise AwsError("ValidationError", str(error)) from None


def dimensions(given: Mapping[str, Any]) -> dict[str, str]:
    found = {each["Name"]: each["Value"] for each in given.get("Dimensions", ())}
    if len(found) < len(given.get("Dimensions", ())):
        raise bad_value("The parameter Dimensions must not name a dimension twice.")
    return found


def _view(metric: Metric) -> Params:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
    }


def _period(seconds: int) -> int:
    try:
        return check_period(seconds)
    except MathError as error:
        raise bad_value(str(error)) from None


def _check_window(start: float, end: float) -> None:
    if not 0 <= start <= _LATEST or not 0 <= end <= _LATEST:
        raise bad_value("The parameters StartTime and EndTime must lie between the years 1970 and 9999.")
    if start >= end:
        raise bad_value("The parameter StartTime must be less than the parameter EndTime.")


def _offset(request: Params) -> int:
    text = request.get("NextToken", "0")
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise AwsError("InvalidNextToken", "The next token specified is invalid.")
    return int(text)


def bad_value(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)
