"""Metric math: what an expression's tree is worth. Pure.

Values are numbers, series, and lists of series. Where a series has no datapoint, neither has what is made of it; a
datapoint that cannot be computed (a division by zero, a logarithm of nothing) is left out.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sagewright.telemetry.metrics_expression import Apply, Array, MathError, Name, Node, Number, Text
from sagewright.telemetry.metrics_series import OF_SERIES, REDUCED, Series, finite, linear, repeated

Value = float | Series | list[Series]


@dataclass(frozen=True)
class Scope:
    """What an expression may refer to."""

    values: Mapping[str, Value]
    """Other queries' results, by id."""
    metrics: Sequence[Series]
    """The series of all metrics asked for, for METRICS()."""
    times: Sequence[float]
    """All periods of the window, for what fills gaps."""
    period: int
    search: Callable[[str, str, int], list[Series]]
    """The series of SEARCH: (expression, statistic, period)."""
    label: str = ""


def evaluate(node: Node, scope: Scope) -> Value:
    """Raises MathError for unknown names, for functions that are not built and for arguments that do not fit."""
    match node:
        case Number(value):
            return value
        case Name(name):
            if name not in scope.values:
                raise MathError(f"The expression refers to {name!r}, which is the Id of no query here.")
            return scope.values[name]
        case Array(items):
            return [series for item in items for series in _many(evaluate(item, scope))]
        case Text(value):
            raise MathError(f"The text {value!r} stands where a number or a time series is expected.")
        case Apply(function, arguments):
            return _apply(function, arguments, scope)


def _apply(function: str, arguments: Sequence[Node], scope: Scope) -> Value:
    if function in _OPERATORS:
        left, right = (evaluate(each, scope) for each in arguments)
        return _binary(_OPERATORS[function], left, right, scope.label)
    if function in _SPECIAL:
        return _SPECIAL[function](arguments, scope)
    if function in _UNARY:
        (value,) = _values(function, arguments, scope, 1)
        return _each(value, _UNARY[function])
    if function in OF_SERIES:
        (value,) = _values(function, arguments, scope, 1)
        return _mapped(value, lambda series: replace(series, points=OF_SERIES[function](series)), function)
    if function in REDUCED:
        return _reduced(function, arguments, scope)
    if function in _NOT_BUILT:
        raise MathError(f"Sagewright does not do the metric math function {function} yet.")
    raise MathError(f"Unknown metric math function {function!r}.")


def _values(function: str, arguments: Sequence[Node], scope: Scope, *counts: int) -> list[Value]:
    if len(arguments) not in counts:
        raise MathError(f"{function} takes {' or '.join(map(str, counts))} arguments, not {len(arguments)}.")
    return [evaluate(each, scope) for each in arguments]


# Operators.


def _power(base: float, exponent: float) -> float:
    value = base**exponent
    return value if isinstance(value, float) else math.nan  # a root of a negative number is no real one


_OPERATORS: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": _power,
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "AND": lambda a, b: float(bool(a) and bool(b)),
    "OR": lambda a, b: float(bool(a) or bool(b)),
}
_UNARY: Final[Mapping[str, Callable[[float], float]]] = {
    "NEGATE": operator.neg,
    "ABS": abs,
    "CEIL": lambda value: float(math.ceil(value)),
    "FLOOR": lambda value: float(math.floor(value)),
    "LOG": math.log,
    "LOG10": math.log10,
}


def _sound(compute: Callable[..., float], *values: float) -> float:
    try:
        return compute(*values)
    except (ArithmeticError, ValueError):
        return math.nan


def _binary(compute: Callable[[float, float], float], left: Value, right: Value, label: str) -> Value:
    if isinstance(left, list) and isinstance(right, list):
        raise MathError("An operator cannot join two arrays of time series. Sum them up first, or use single ones.")
    if isinstance(left, list):
        return [series for each in left for series in _many(_binary(compute, each, right, each.label))]
    if isinstance(right, list):
        return [series for each in right for series in _many(_binary(compute, left, each, each.label))]
    if isinstance(left, Series) and isinstance(right, Series):
        other = right.points
        joined = {time: _sound(compute, value, other[time]) for time, value in left.points.items() if time in other}
        return Series(label or left.label, finite(joined), max(left.period, right.period))
    if isinstance(left, Series):
        number = right if isinstance(right, float | int) else math.nan
        return replace(left, points=finite({t: _sound(compute, v, number) for t, v in left.points.items()}))
    if isinstance(right, Series):
        number = left
        return replace(right, points=finite({t: _sound(compute, number, v) for t, v in right.points.items()}))
    return _sound(compute, left, right)


def _each(value: Value, compute: Callable[[float], float]) -> Value:
    if isinstance(value, list):
        return [series for each in value for series in _many(_each(each, compute))]
    if isinstance(value, Series):
        return replace(value, points=finite({t: _sound(compute, v) for t, v in value.points.items()}))
    return _sound(compute, value)


def _mapped(value: Value, change: Callable[[Series], Series], function: str) -> Value:
    if isinstance(value, list):
        return [change(series) for series in value]
    return change(_one(value, function))


def _many(value: Value) -> list[Series]:
    if isinstance(value, list):
        return value
    if isinstance(value, Series):
        return [value]
    raise MathError("An array holds time series, not numbers.")


def _one(value: Value, function: str) -> Series:
    if not isinstance(value, Series):
        raise MathError(f"{function} works on a single time series.")
    return value


def _number(value: Value, function: str) -> float:
    if isinstance(value, Series | list):
        raise MathError(f"{function} takes a number there.")
    return value


def _whole(value: Value, function: str) -> int:
    number = _number(value, function)
    if not math.isfinite(number):
        raise MathError(f"{function} takes a whole number there.")
    return int(number)


# Functions that make one of many: a number of a series, a series of an array.


def _reduced(function: str, arguments: Sequence[Node], scope: Scope) -> Value:
    (value,) = _values(function, arguments, scope, 1)
    compute = REDUCED[function]
    if isinstance(value, Series):
        values = list(value.points.values())
        return _sound(compute, values) if values else math.nan  # type: ignore[arg-type]
    if not isinstance(value, list):
        return value
    found: dict[float, list[float]] = {}
    for series in value:
        for time, number in series.points.items():
            found.setdefault(time, []).append(number)
    points = {time: _sound(compute, found[time]) for time in sorted(found)}  # type: ignore[arg-type]
    return Series(scope.label or function, finite(points), max((s.period for s in value), default=scope.period))


# Functions with rules of their own.


def _fill(arguments: Sequence[Node], scope: Scope) -> Value:
    if len(arguments) != 2:
        raise MathError(f"FILL takes 2 arguments, not {len(arguments)}.")
    how = arguments[1]
    word = how.name if isinstance(how, Name) and how.name in ("REPEAT", "LINEAR") else None
    filler: Value = math.nan if word else evaluate(how, scope)

    def filled(series: Series) -> Series:
        times = sorted({*scope.times, *series.points})
        if word == "LINEAR":
            points = linear(series.points, times)
        elif word == "REPEAT":
            points = repeated(series.points, times)
        else:
            other = filler.points if isinstance(filler, Series) else None
            number = math.nan if other is not None else _number(filler, "FILL")
            points = {t: series.points.get(t, number if other is None else other.get(t, math.nan)) for t in times}
        return replace(series, points=finite(points))

    return _mapped(evaluate(arguments[0], scope), filled, "FILL")


def _if(arguments: Sequence[Node], scope: Scope) -> Value:
    values = _values("IF", arguments, scope, 2, 3)
    condition, chosen = values[0], values[1]
    otherwise = values[2] if len(values) == 3 else math.nan
    if isinstance(condition, list):
        raise MathError("The condition of IF is a number or a single time series.")
    if not isinstance(condition, Series):
        return chosen if condition else otherwise
    if isinstance(chosen, list) or isinstance(otherwise, list):
        raise MathError("IF chooses between numbers and single time series.")

    def at(value: float | Series, time: float) -> float:
        return value.points.get(time, math.nan) if isinstance(value, Series) else value

    points = {time: at(chosen if test else otherwise, time) for time, test in condition.points.items()}
    return replace(condition, label=scope.label or condition.label, points=finite(points))


def _metrics(arguments: Sequence[Node], scope: Scope) -> Value:
    if not arguments:
        return list(scope.metrics)
    wanted = arguments[0]
    if len(arguments) != 1 or not isinstance(wanted, Text):
        raise MathError("METRICS takes no argument, or a text that is part of the wanted Ids.")
    return [series for series in scope.metrics if wanted.value in series.id]


def _search(arguments: Sequence[Node], scope: Scope) -> Value:
    match arguments:
        case [Text(expression), Text(stat)]:
            return scope.search(expression, stat, scope.period)
        case [Text(expression), Text(stat), Number(period)]:
            return scope.search(expression, stat, _whole(period, "SEARCH"))
    raise MathError("SEARCH takes a search expression and a statistic, both in quotes, and maybe a period.")


def _time_series(arguments: Sequence[Node], scope: Scope) -> Value:
    (value,) = _values("TIME_SERIES", arguments, scope, 1)
    number = _number(value, "TIME_SERIES")
    return Series(scope.label, finite(dict.fromkeys(scope.times, number)), scope.period)


def _slice(arguments: Sequence[Node], scope: Scope) -> Value:
    values = _values("SLICE", arguments, scope, 2, 3)
    series = _many(values[0])
    begin, *end = (_whole(value, "SLICE") for value in values[1:])
    return series[begin : end[0] if end else None]


def _sort(arguments: Sequence[Node], scope: Scope) -> Value:
    if not 3 <= len(arguments) <= 4 or not all(isinstance(each, Name) for each in arguments[1:3]):
        raise MathError("SORT takes an array, one of AVG, MAX, MIN, SUM, one of ASC, DESC, and maybe a number.")
    by, order = (each.name for each in arguments[1:3] if isinstance(each, Name))
    if by not in REDUCED or order not in ("ASC", "DESC"):
        raise MathError("SORT sorts by AVG, MAX, MIN or SUM, ASC or DESC.")

    def position(series: Series) -> float:
        values = list(series.points.values())
        return REDUCED[by](values) if values else -math.inf

    series = sorted(_many(evaluate(arguments[0], scope)), key=position, reverse=order == "DESC")
    limit = _whole(evaluate(arguments[3], scope), "SORT") if len(arguments) == 4 else None
    return series[:limit]


def _end(function: str, which: int) -> Callable[[Sequence[Node], Scope], Value]:
    def pick(arguments: Sequence[Node], scope: Scope) -> Value:
        (value,) = _values(function, arguments, scope, 1)
        series = _many(value)
        return series[which] if series else Series(scope.label, {}, scope.period)

    return pick


def _full(arguments: Sequence[Node], scope: Scope) -> Value:
    (value,) = _values("REMOVE_EMPTY", arguments, scope, 1)
    return [series for series in _many(value) if series.points]


def _counted(function: str, count: Callable[[Value], float]) -> Callable[[Sequence[Node], Scope], Value]:
    return lambda arguments, scope: count(_values(function, arguments, scope, 1)[0])


_SPECIAL: Final[Mapping[str, Callable[[Sequence[Node], Scope], Value]]] = {
    "FILL": _fill,
    "IF": _if,
    "METRICS": _metrics,
    "SEARCH": _search,
    "TIME_SERIES": _time_series,
    "SLICE": _slice,
    "SORT": _sort,
    "FIRST": _end("FIRST", 0),
    "LAST": _end("LAST", -1),
    "PERIOD": _counted("PERIOD", lambda value: float(_one(value, "PERIOD").period)),
    "DATAPOINT_COUNT": _counted("DATAPOINT_COUNT", lambda value: float(len(_one(value, "DATAPOINT_COUNT").points))),
    "METRIC_COUNT": _counted("METRIC_COUNT", lambda value: float(len(_many(value)))),
    "REMOVE_EMPTY": _full,
}
_NOT_BUILT: Final = ("ANOMALY_DETECTION_BAND", "DB_PERF_INSIGHTS", "INSIGHT_RULE_METRIC", "LAMBDA", "SERVICE_QUOTA")
