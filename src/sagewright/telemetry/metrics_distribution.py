"""Many values in little room: counted in buckets a few percent wide, for statistics and percentiles. Pure."""

from __future__ import annotations

from math import log, log1p
from typing import Final

_WIDTH: Final = 0.05
"""How much larger the values at a bucket's end are than those at its beginning. Microseconds up to a minute fall into
370 buckets at most, those of one model within a minute into some thirty."""
_PER_LOG: Final = 1 / log1p(_WIDTH)


_BELOW: Final = 1 << 20
"""What the buckets of negative values begin at: beyond all others."""

Sample = tuple[float, float]
"""A value, and how often it is there."""


class Distribution:
    """Values that were added. Count, sum, minimum and maximum are exact; a percentile is right within a bucket."""

    __slots__ = ("_buckets", "_maximum", "_minimum")

    def __init__(self) -> None:
        self._buckets: dict[int | None, list[float]] = {}
        """(count, sum) by the logarithm of the values; None is zero."""
        self._minimum = float("inf")
        self._maximum = float("-inf")

    def add(self, value: float, count: float = 1) -> None:
        bucket = int(log(value) * _PER_LOG // 1) if value > 0 else _not_above_zero(value)
        found = self._buckets.get(bucket)
        if found is None:
            self._buckets[bucket] = [count, value * count]
        else:
            found[0] += count
            found[1] += value * count
        if value < self._minimum:
            self._minimum = value
        if value > self._maximum:
            self._maximum = value

    def samples(self) -> list[Sample]:
        """One for each bucket, at its mean; the least and the greatest value are samples of their own."""
        if not self._buckets:
            return []
        left = {bucket: (count, total) for bucket, (count, total) in self._buckets.items()}
        samples = []
        for extreme in (self._minimum, self._maximum):
            bucket = int(log(extreme) * _PER_LOG // 1) if extreme > 0 else _not_above_zero(extreme)
            count, total = left[bucket]
            once = min(count, 1.0)
            if once > 0:  # else one value is both
                samples.append((extreme, once))
                left[bucket] = count - once, total - extreme * once
        return samples + [
            (min(max(total / count, self._minimum), self._maximum), count)
            for count, total in left.values()
            if count > 0
        ]


def _not_above_zero(value: float) -> int | None:
    return _BELOW + int(log(-value) * _PER_LOG // 1) if value < 0 else None
