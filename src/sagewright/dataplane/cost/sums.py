"""Sums of what was used, by stretches of time and by whatever it is grouped by."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from sagewright.dataplane.cost.ledger import Use

Granularity = Literal["HOURLY", "DAILY", "MONTHLY"]
Group = tuple[str, ...]
_STEPS: Final = {"HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1)}


@dataclass(slots=True)
class Sum:
    """What some uses come to."""

    hours: float = 0.0
    """Of instances."""
    usd: float = 0.0

    def add(self, hours: float, usd_per_hour: float) -> None:
        self.hours += hours
        self.usd += hours * usd_per_hour


def edges(start: float, end: float, granularity: Granularity) -> Iterator[float]:
    """Where the stretches between two times begin and end (epoch seconds): months as the calendar has them, in UTC."""
    at, last = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
    while at < last:
        yield at.timestamp()
        at = _next_month(at) if granularity == "MONTHLY" else at + _STEPS[granularity]
    yield end


def sums(
    uses: Iterable[Use], borders: Sequence[float], groups: Callable[[Use], Group]
) -> Sequence[Mapping[Group, Sum]]:
    """For each stretch between two borders, the sums of its groups."""
    found: list[dict[Group, Sum]] = [{} for _ in borders[1:]]
    for use in uses:
        group = groups(use)
        first = max(bisect_right(borders, use.line.start) - 1, 0)
        for number in range(first, len(found)):
            if borders[number] >= use.line.end:
                break
            if hours := use.hours(borders[number], borders[number + 1]):
                found[number].setdefault(group, Sum()).add(hours, use.usd_per_hour)
    return found


def _next_month(at: datetime) -> datetime:
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)
