"""Time series, and what is made of one of them, or of the values of several at one time. Pure."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

Points = Mapping[float, float]
"""Values by time, in order of time."""


@dataclass(frozen=True, slots=True)
class Series:
    """One time series."""

    label: str
    points: Points
    period: int
    id: str = ""


def finite(points: Mapping[float, float]) -> Points:
    return {time: value for time, value in points.items() if math.isfinite(value)}


def _pairs(series: Series) -> list[tuple[float, float, float, float]]:
    """(time before, value before, time, value) of neighbouring datapoints."""
    points = list(series.points.items())
    return [(*before, *now) for before, now in itertools.pairwise(points)]


def _running(series: Series) -> Points:
    total, points = 0.0, {}
    for time, value in series.points.items():
        total += value
        points[time] = total
    return points


def _calendar(part: Callable[[datetime], int]) -> Callable[[Series], Points]:
    return lambda series: {time: float(part(datetime.fromtimestamp(time, UTC))) for time in series.points}


OF_SERIES: Final[Mapping[str, Callable[[Series], Points]]] = {
    "DIFF": lambda series: {time: now - before for _, before, time, now in _pairs(series)},
    "DIFF_TIME": lambda series: {time: time - earlier for earlier, _, time, _ in _pairs(series)},
    "RATE": lambda series: {time: (now - before) / (time - earlier) for earlier, before, time, now in _pairs(series)},
    "RUNNING_SUM": _running,
    "MINUTE": _calendar(lambda moment: moment.minute),
    "HOUR": _calendar(lambda moment: moment.hour),
    "DAY": _calendar(lambda moment: moment.isoweekday()),
    "DATE": _calendar(lambda moment: moment.day),
    "MONTH": _calendar(lambda moment: moment.month),
    "YEAR": _calendar(lambda moment: moment.year),
    "EPOCH": lambda series: {time: time for time in series.points},
}


def _deviation(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


REDUCED: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "AVG": lambda values: math.fsum(values) / len(values),
    "MAX": max,
    "MIN": min,
    "SUM": math.fsum,
    "STDDEV": _deviation,
}


def repeated(points: Points, times: Sequence[float]) -> dict[float, float]:
    last, filled = math.nan, {}
    for time in times:
        last = points.get(time, last)
        filled[time] = last
    return filled


def linear(points: Points, times: Sequence[float]) -> dict[float, float]:
    known = sorted(points)
    filled = dict.fromkeys(times, math.nan)
    for time in times:
        after = bisect_right(known, time)
        if 0 < after < len(known):
            left, right = known[after - 1], known[after]
            filled[time] = points[left] + (points[right] - points[left]) * (time - left) / (right - left)
    return filled | dict(points)
