"""Schedules: `rate(5 minutes)`, `cron(0 12 ? * MON-FRI *)`, `at(2030-01-01T00:00:00)`, and when they are due. Pure.

The fields of a cron expression are minute, hour, day of the month, month, day of the week (1 is Sunday) and year;
one of the two days is `?`. `L` is the last day, `15W` the weekday nearest to the 15th, `6#3` the third Friday.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, Protocol
from zoneinfo import ZoneInfo

_RATE: Final = re.compile(r"rate\(\s*(\d+)\s+(minute|hour|day)(s?)\s*\)")
_CRON: Final = re.compile(r"cron\((.*)\)")
_AT: Final = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_SECONDS: Final = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS: Final = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS: Final = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_FURTHEST: Final = 366 * 28
"""Days that are looked through for the next one: every day of the calendar comes within the leap years' cycle."""


class InvalidSchedule(ValueError):
    """What is wrong with a schedule expression, as a sentence."""


class Schedule(Protocol):
    """When something is due."""

    def after(self, moment: float, start: float) -> float | None:
        """The first time it is due later than `moment`; `start` is when it was set up. None: never again."""
        ...


def parse(text: str, zone: tzinfo = UTC, *, once: bool = False) -> Schedule:
    """Read an expression; `zone` is where cron's and at's times are; `once` allows `at(…)`. Raises InvalidSchedule."""
    if found := _RATE.fullmatch(text):
        number = int(found[1])
        if number < 1 or (number == 1) == bool(found[3]):
            raise InvalidSchedule(f"{text}: write rate(1 {found[2]}) or rate(2 {found[2]}s).")
        return Rate(number * _SECONDS[found[2]])
    if found := _CRON.fullmatch(text):
        return Cron.read(found[1], zone)
    if once and (found := _AT.fullmatch(text)):
        try:
            return At(datetime.fromisoformat(found[1]).replace(tzinfo=zone).timestamp())
        except (ValueError, OverflowError):
            raise InvalidSchedule(f"{text} names no moment.") from None
    known = "rate(…), cron(…) and at(…)" if once else "rate(…) and cron(…)"
    raise InvalidSchedule(f"{text} is no schedule expression; there are {known}.")


def zone(name: str | None) -> tzinfo:
    """A time zone by its name; UTC for none. Raises InvalidSchedule."""
    if name is None or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise InvalidSchedule(f"There is no time zone {name!r}.") from None


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so many seconds, counted from the start."""

    seconds: int

    def after(self, moment: float, start: float) -> float | None:
        return start + (max(0.0, moment - start) // self.seconds + 1) * self.seconds


@dataclass(frozen=True, slots=True)
class At:
    """Once."""

    time: float

    def after(self, moment: float, start: float) -> float | None:
        return self.time if self.time > moment else None


@dataclass(frozen=True, slots=True)
class Cron:
    """At the minutes that a cron expression lists."""

    minutes: Sequence[int]
    hours: Sequence[int]
    months: frozenset[int]
    years: frozenset[int]
    wanted: Callable[[date], bool]
    zone: tzinfo

    @classmethod
    def read(cls, text: str, zone: tzinfo) -> Cron:
        fields = text.upper().split()
        if len(fields) != 6:
            raise InvalidSchedule(f"cron({text}): there are six fields, minute hour day month weekday year.")
        minute, hour, day, month, weekday, year = fields
        if (day == "?") == (weekday == "?"):
            raise InvalidSchedule(f"cron({text}): exactly one of day and weekday must be ?.")
        return cls(
            sorted(_values(minute, 0, 59)),
            sorted(_values(hour, 0, 23)),
            frozenset(_values(month, 1, 12, _MONTHS)),
            frozenset(_values(year, _FIRST_YEAR, _LAST_YEAR)),
            _day_of_month(day) if weekday == "?" else _day_of_week(weekday),
            zone,
        )

    def after(self, moment: float, start: float) -> float | None:
        """The first listed minute later than both."""
        try:
            earliest = datetime.fromtimestamp(moment, self.zone)
        except (ValueError, OverflowError, OSError):
            return None
        day = earliest.date()
        for _ in range(_FURTHEST):
            if day.year > _LAST_YEAR:
                return None
            if day.month in self.months and day.year in self.years and self.wanted(day):
                for time in self._times(day):
                    if time > moment:
                        return time
            day += timedelta(days=1)
        return None

    def _times(self, day: date) -> list[float]:
        # Sorted as moments: where clocks are put back, a later hour may come earlier.
        return sorted(
            datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone).timestamp()
            for hour in self.hours
            for minute in self.minutes
        )


def _values(field: str, low: int, high: int, names: Mapping[str, int] | None = None) -> set[int]:
    """The numbers of a list of `*`, `a`, `a-b`, `a/n`, `a-b/n`."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            begin, end = low, high
        else:
            begin = _number(first, names, field)
            end = _number(last, names, field) if dash else (high if slash else begin)
        stride = _number(step, None, field) if slash else 1
        if stride < 1 or not low <= begin <= high or not low <= end <= high:
            raise InvalidSchedule(f"{field}: the values go from {low} to {high}.")
        # FRI-MON goes over the end.
        span_values = range(begin, end + 1) if begin <= end else [*range(begin, high + 1), *range(low, end + 1)]
        found.update(list(span_values)[::stride])
    return found


def _number(text: str, names: Mapping[str, int] | None, field: str) -> int:
    if names and text in names:
        return names[text]
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        raise InvalidSchedule(f"{field}: {text!r} is no value of a cron field.")
    return int(text)


def _day_of_month(field: str) -> Callable[[date], bool]:
    if field == "L":
        return lambda day: day.day == _length(day)
    if field == "LW":
        return lambda day: day.day == _nearest_weekday(day, _length(day))
    if found := re.fullmatch(r"(\d{1,2})W", field):
        wanted = int(found[1])
        if not 1 <= wanted <= 31:
            raise InvalidSchedule(f"{field}: days go from 1 to 31.")
        return lambda day: wanted <= _length(day) and day.day == _nearest_weekday(day, wanted)
    days = _values(field, 1, 31)
    return lambda day: day.day in days


def _day_of_week(field: str) -> Callable[[date], bool]:
    if found := re.fullmatch(r"(\w+)#([1-5])", field):
        wanted, which = _weekday(found[1], field), int(found[2])
        return lambda day: _of_week(day) == wanted and (day.day - 1) // 7 + 1 == which
    if (found := re.fullmatch(r"(\w+)L", field)) and found[1] not in _DAYS:
        last = _weekday(found[1], field)
        return lambda day: _of_week(day) == last and day.day + 7 > _length(day)
    if field == "L":
        return lambda day: _of_week(day) == _DAYS["SAT"]
    days = _values(field, 1, 7, _DAYS)
    return lambda day: _of_week(day) in days


def _weekday(text: str, field: str) -> int:
    number = _number(text, _DAYS, field)
    if not 1 <= number <= 7:
        raise InvalidSchedule(f"{field}: days of the week go from 1 to 7.")
    return number


def _of_week(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(month: date, number: int) -> int:
    """The working day nearest to a day of the month, in the same month."""
    day = month.replace(day=number)
    if day.isoweekday() == 6:
        return number - 1 if number > 1 else number + 2
    if day.isoweekday() == 7:
        return number + 1 if number < _length(month) else number - 2
    return number
