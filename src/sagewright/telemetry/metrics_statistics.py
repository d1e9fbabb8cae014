"""Statistics over the samples of a period, by the names that CloudWatch gives them. Pure.

Beside the five plain ones there are percentiles (`p99.9`) and the trimmed family: `tm` and `TM(10%:90%)` a mean of a
part of the samples, `tc` their number, `ts` their sum, `wm` the mean with the rest pulled to the bounds, `PR(:300)` the
percentage of samples within bounds, `IQM` the mean of the middle half. Bounds with `%` are parts of the sorted samples,
bounds without are values: more than the lower, at most the upper.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

Samples = Sequence[tuple[float, float]]
"""(value, weight), sorted by value."""

PLAIN: Final = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PERCENT: Final = re.compile(r"(p|tm|tc|ts|wm)(\d{1,3}(?:\.\d{1,10})?)")
_BOUNDS: Final = re.compile(r"(TM|TC|TS|WM|PR)\((\d*\.?\d*)(%?):(\d*\.?\d*)(%?)\)")


class Period(Protocol):
    """The samples of a period, summed up and one by one."""

    count: float
    sum: float
    minimum: float
    maximum: float
    samples: list[tuple[float, float]]


class InvalidStatistic(ValueError):
    """A name that no statistic has."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """A statistic: None where it cannot be known."""

    name: str
    of: Callable[[Period], float | None]

    def __call__(self, period: Period) -> float | None:
        return self.of(period)


@lru_cache(maxsize=256)
def statistic(name: str) -> Statistic:
    """The statistic of that name. Raises InvalidStatistic."""
    if name in PLAIN:
        return Statistic(name, lambda period: _plain(period, name))
    if name == "IQM":
        return _of_samples(name, "TM", 25, 75, percent=True)
    if found := _PERCENT.fullmatch(name):
        percent = float(found[2])
        if percent > 100:
            raise InvalidStatistic(f"{name} is no percentile or trimmed statistic: they go from 0 to 100.")
        if found[1] == "p":
            return Statistic(name, lambda period: _sampled(period, lambda samples: percentile(samples, percent)))
        return _of_samples(name, found[1].upper(), 0, percent, percent=True)
    if found := _BOUNDS.fullmatch(name):
        return _bounded(name, *found.groups())
    raise InvalidStatistic(f"{name} is no statistic, percentile or trimmed statistic.")


def _bounded(name: str, kind: str, low: str, low_sign: str, high: str, high_sign: str) -> Statistic:
    if low == high == "" or "." in (low, high) or (low and high and low_sign != high_sign):
        raise InvalidStatistic(f"{name}: give one or two bounds, both with % or both without.")
    percent = "%" in (low_sign, high_sign)
    if kind == "PR" and percent:
        raise InvalidStatistic(f"{name}: the bounds of PR are values.")
    infinity = float("inf")
    bottom = float(low) if low else (0.0 if percent else -infinity)
    top = float(high) if high else (100.0 if percent else infinity)
    if bottom >= top or (percent and top > 100):
        raise InvalidStatistic(f"{name}: the lower bound comes first, and percentages end at 100.")
    return _of_samples(name, kind, bottom, top, percent=percent)


def _of_samples(name: str, kind: str, low: float, high: float, *, percent: bool) -> Statistic:
    def value(samples: Samples) -> float | None:
        kept = _cut(samples, low, high) if percent else [(v, w) for v, w in samples if low < v <= high]
        count, total = sum(w for _, w in kept), sum(v * w for v, w in kept)
        match kind:
            case "TC":
                return count
            case "TS":
                return total
            case "PR":
                return 100 * count / sum(w for _, w in samples)
            case "WM" if kept:
                lowest, highest = kept[0][0], kept[-1][0]
                pulled = [(min(max(v, lowest), highest), w) for v, w in samples]
                return sum(v * w for v, w in pulled) / sum(w for _, w in pulled)
            case _:
                return total / count if count else None

    return Statistic(name, lambda period: _sampled(period, value))


def _plain(period: Period, name: str) -> float | None:
    match name:
        case "SampleCount":
            return period.count
        case "Sum":
            return period.sum
        case "Minimum":
            return period.minimum
        case "Maximum":
            return period.maximum
        case _:
            return period.sum / period.count if period.count else None


def _sampled(period: Period, of: Callable[[Samples], float | None]) -> float | None:
    """None where statistic sets hide some samples' values."""
    total = sum(weight for _, weight in period.samples)
    return of(sorted(period.samples)) if total and total >= period.count else None


def percentile(samples: Samples, percent: float) -> float:
    """The least value that at least so many percent of all samples do not exceed."""
    wanted = sum(weight for _, weight in samples) * percent / 100
    seen = 0.0
    for value, weight in samples:
        seen += weight
        if seen >= wanted:
            return value
    return samples[-1][0]


def _cut(samples: Samples, low: float, high: float) -> Samples:
    """What lies between two percentages of the weight; a sample on a border counts in part."""
    total = sum(weight for _, weight in samples)
    begin, end = total * low / 100, total * high / 100
    kept, seen = [], 0.0
    for value, weight in samples:
        part = min(seen + weight, end) - max(seen, begin)
        seen += weight
        if part > 0:
            kept.append((value, part))
    return kept
