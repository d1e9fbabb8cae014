"""Many values in little room: counted in buckets a few percent wide, for statistics and percentiles. Pure."""

from __future__ import annotations

from math import log, log1p
from typing import Final

from sagewright.telemetry.metrics import Point

_WIDTH: Final = 0.05
"""How much larger the values at a bucket's end are than those at its beginning. Microseconds up to a minute fall into
370 buckets at most, those of one model within a minute into some thirty."""
_PER_LOG: Final = 1 / log1p(_WIDTH)


class Distribution:
    """Values that were added. Count, sum, minimum and maximum are exact; a percentile is right within a bucket."""

    __slots__ = ("_buckets", "_maximum", "_minimum")

    def __init__(self) -> None:
        self._buckets: dict[int | None, list[float]] = {}
        """(count, sum); those of values that have no logarithm are in the bucket None."""
        self._minimum = float("inf")
        self._maximum = float("-inf")

    def add(self, value: float) -> None:
        bucket = int(log(value) * _PER_LOG // 1) if value > 0 else None
        found = self._buckets.get(bucket)
        if found is None:
            self._buckets[bucket] = [1, value]
        else:
            found[0] += 1
            found[1] += value
        if value < self._minimum:
            self._minimum = value
        if value > self._maximum:
            self._maximum = value

    def points(self, time: float, unit: str) -> list[Point]:
        """A datapoint for each bucket, at its mean; the least and the greatest value are datapoints of their own."""
        if not self._buckets:
            return []
        left = {bucket: (count, total) for bucket, (count, total) in self._buckets.items()}
        points = []
        for extreme in (self._minimum, self._maximum):
            bucket = int(log(extreme) * _PER_LOG // 1) if extreme > 0 else None
            count, total = left[bucket]
            if count:  # else one value is both
                points.append(Point.of(time, extreme, unit))
                left[bucket] = count - 1, total - extreme
        return points + [
            Point.of(time, min(max(total / count, self._minimum), self._maximum), unit, count)
            for count, total in left.values()
            if count
        ]
