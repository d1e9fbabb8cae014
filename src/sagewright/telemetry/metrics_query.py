"""Metric data queries, answered: metrics, expressions over them, searches. GetMetricData and alarms ask here.

A query is a MetricDataQuery as the service model has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sagewright.telemetry import metrics_search
from sagewright.telemetry.metrics import Metric, Metrics
from sagewright.telemetry.metrics_expression import MathError, Node, names, parse
from sagewright.telemetry.metrics_math import Scope, Value, evaluate
from sagewright.telemetry.metrics_series import Series
from sagewright.telemetry.metrics_statistics import statistic

_MOST_PERIODS: Final = 100_800
_MOST_SEARCHED: Final = 500
"""Series that one SEARCH gives at most."""
_PAGE: Final = 500
_DEFAULT_PERIOD: Final = 300
_MINUTE: Final = 60
_HIGH_RESOLUTION: Final = (1, 5, 10, 20, 30)
# Words that stand in expressions without being ids.
_WORDS: Final = frozenset({"REPEAT", "LINEAR", "ASC", "DESC", "AVG", "MAX", "MIN", "SUM"})


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when; periods begin at whole multiples of their length after `origin`."""

    start: float
    end: float
    origin: float = 0.0


def check_period(seconds: int) -> int:
    """Raises MathError for a period that CloudWatch does not have."""
    if seconds in _HIGH_RESOLUTION or (seconds > 0 and seconds % _MINUTE == 0):
        return seconds
    raise MathError(
        "The parameter Period must be a multiple of 60, or one of 1, 5, 10, 20 and 30 for high-resolution metrics."
    )


def metric_of(given: Mapping[str, Any]) -> Metric:
    """The metric that a `Metric` structure, or a request with the same members, names. Raises MathError."""
    missing = [member for member in ("Namespace", "MetricName") if member not in given]
    if missing:
        raise MathError(f"The parameter {missing[0]} is required to name a metric.")
    dimensions = {each["Name"]: each["Value"] for each in given.get("Dimensions", ())}
    return Metric(given["Namespace"], given["MetricName"], dimensions)


def series(
    metrics: Metrics, metric: Metric, stat: str, period: int, window: Window, unit: str | None = None
) -> Mapping[float, float]:
    """A statistic of a metric by the start of each period. Raises MathError (a ValueError)."""
    try:
        compute = statistic(stat)
    except ValueError as error:
        raise MathError(f"The value {stat} for parameter Stat is not supported. {error}") from None
    start = (window.start - window.origin) // period * period + window.origin
    values: dict[float, float] = {}
    for each in metrics.query(metric, start, window.end, period, unit=unit, origin=window.origin):
        value = compute(each)
        if value is not None:
            values.setdefault(each.start, value)
    return values


def run(metrics: Metrics, queries: Sequence[Mapping[str, Any]], window: Window) -> Mapping[str, Sequence[Series]]:
    """The series of each query, by its id. Raises MathError for what cannot be computed."""
    return _Run(metrics, queries, window).all()


def check(queries: Sequence[Mapping[str, Any]]) -> None:
    """Raises MathError for queries that no data could make sense of."""
    _Run(_Nothing(), queries, Window(0, 0)).all()


class _Nothing:
    """Metrics without datapoints."""

    def query(self, *_: Any, **__: Any) -> Sequence[Any]:
        return ()

    def list(self, *_: Any, **__: Any) -> Any:
        return _NO_PAGE


class _NoPage:
    metrics: Sequence[Metric] = ()
    next = None


_NO_PAGE: Final = _NoPage()


class _Run:
    def __init__(self, metrics: Any, queries: Sequence[Mapping[str, Any]], window: Window) -> None:
        self._metrics, self._window = metrics, window
        self._queries = {query["Id"]: query for query in queries}
        if len(self._queries) < len(queries):
            raise MathError("Each Id may be given to one query only.")
        self._trees: dict[str, Node] = {}
        for query in queries:
            self._read(query)
        self._done: dict[str, Value] = {}
        self._doing: list[str] = []

    def all(self) -> Mapping[str, Sequence[Series]]:
        return {each: self._shown(each) for each in self._queries}

    def _read(self, query: Mapping[str, Any]) -> None:
        name = query["Id"]
        if not (name[:1].isascii() and name[:1].islower() and name.replace("_", "a").isalnum()):
            raise MathError(f"The Id {name!r} must begin with a lower-case letter and hold letters, digits and _ only.")
        if ("MetricStat" in query) == ("Expression" in query):
            raise MathError(f"Query {name!r} must have exactly one of MetricStat and Expression.")
        if "Expression" in query:
            text = query["Expression"]
            if text.lstrip().upper().startswith("SELECT"):
                raise MathError("Sagewright does not answer Metrics Insights queries (SELECT …) yet. Use SEARCH.")
            self._trees[name] = parse(text)

    def _shown(self, name: str) -> Sequence[Series]:
        value = self._value(name)
        label = self._queries[name].get("Label")
        if isinstance(value, Series):
            return [replace(value, label=label or value.label)]
        if isinstance(value, list):
            return [replace(each, label=f"{label} {each.label}" if label else each.label) for each in value]
        if self._queries[name].get("ReturnData", True):
            raise MathError(f"Query {name!r} is a number. Make it a time series, with TIME_SERIES for example.")
        return []

    def _value(self, name: str) -> Value:
        if name in self._done:
            return self._done[name]
        if name in self._doing:
            raise MathError(f"Query {name!r} refers to itself.")
        self._doing.append(name)
        query = self._queries[name]
        value = self._computed(query) if name in self._trees else self._measured(query)
        self._doing.pop()
        self._done[name] = value
        return value

    def _measured(self, query: Mapping[str, Any]) -> Series:
        stat = query["MetricStat"]
        metric, period = metric_of(stat["Metric"]), check_period(stat["Period"])
        points = series(self._metrics, metric, stat["Stat"], period, self._window, stat.get("Unit"))
        return Series(metric.name, points, period, query["Id"])

    def _computed(self, query: Mapping[str, Any]) -> Value:
        name, tree = query["Id"], self._trees[query["Id"]]
        values = {each: self._value(each) for each in names(tree) - _WORDS if each in self._queries}
        measured = [each for each in self._queries if each not in self._trees]
        series_of = [value for each in measured if isinstance(value := self._value(each), Series)]
        periods = [each.period for value in values.values() for each in _flat(value)] or [s.period for s in series_of]
        period = check_period(query["Period"]) if "Period" in query else max(periods, default=_DEFAULT_PERIOD)
        scope = Scope(values, series_of, self._times(period), period, self._search, name)
        value = evaluate(tree, scope)
        if isinstance(value, Series):
            return replace(value, label=name, id=name)
        return value

    def _times(self, period: int) -> Sequence[float]:
        window = self._window
        first = (window.start - window.origin) // period * period + window.origin
        count = int(-(-(window.end - first) // period))
        if count > _MOST_PERIODS:
            raise MathError(f"The time range holds {count:,} periods; {_MOST_PERIODS:,} are the most. Raise Period.")
        return [first + number * period for number in range(max(count, 0))]

    def _search(self, expression: str, stat: str, period: int) -> list[Series]:
        namespace, wanted = metrics_search.parse(expression)
        check_period(period)
        found: list[Series] = []
        for metric in _every(self._metrics, namespace, wanted):
            points = series(self._metrics, metric, stat, period, self._window)
            if points:  # what had no datapoint in the window is not found
                label = " ".join([*metric.dimensions.values(), metric.name])
                found.append(Series(label, points, period))
            if len(found) == _MOST_SEARCHED:
                break
        statistic_check(stat)
        return found


def statistic_check(stat: str) -> None:
    """Raises MathError for a name that is no statistic."""
    try:
        statistic(stat)
    except ValueError as error:
        raise MathError(f"The value {stat} for parameter Stat is not supported. {error}") from None


def _every(metrics: Any, namespace: str | None, wanted: Callable[[Metric], bool]) -> Sequence[Metric]:
    found: list[Metric] = []
    after: int | None = 0
    while after is not None:
        page = metrics.list(namespace, after=after, limit=_PAGE)
        found += [metric for metric in page.metrics if wanted(metric)]
        after = page.next
    return found


def _flat(value: Value) -> Sequence[Series]:
    if isinstance(value, Series):
        return [value]
    return value if isinstance(value, list) else []
