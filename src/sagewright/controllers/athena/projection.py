"""Partitions that are in no catalog: a table's properties say which there are, and where each lies in S3.

    projection.enabled = true
    projection.<key>.type = enum | integer | date | injected
    projection.<key>.values = a,b                        of an enum
    projection.<key>.range = 1,12 | 2020-01-01,NOW       of the others
    projection.<key>.interval, .interval.unit, .digits, .format
    storage.location.template = s3://bucket/${key}/

Athena works out the places and looks into each. Here it is done the other way round, which gives the same rows: what
lies below the part of the address that is fixed is listed, and what lies in no place that is projected is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sagewright.base.errors import Terminal
from sagewright.controllers.staging import split_uri

Holds = Callable[[str], bool]
"""Whether a value is one of the key's."""

_HOLE: Final = re.compile(r"\$\{([^}]*)\}")
_NOW: Final = re.compile(r"NOW(?:\s*([+-])\s*(\d+)\s*(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?)?", re.IGNORECASE)
_LETTERS: Final = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_DATES: Final = {
    "yyyy": ("%Y", r"\d{4}"),
    "uuuu": ("%Y", r"\d{4}"),
    "yy": ("%y", r"\d{2}"),
    "MM": ("%m", r"\d{2}"),
    "dd": ("%d", r"\d{2}"),
    "DDD": ("%j", r"\d{3}"),
    "HH": ("%H", r"\d{2}"),
    "mm": ("%M", r"\d{2}"),
    "ss": ("%S", r"\d{2}"),
}
"""Java's letters of dates, as strptime has them and as they look."""
_INTEGER: Final = r"-?\d+"
_ANYTHING: Final = "[^/]+"
_DIGITS: Final = 19
"""The most that a whole number has."""
_SECONDS: Final = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400, "WEEK": 604_800}
_MONTHS: Final = {"MONTH": 1, "YEAR": 12}


@dataclass(frozen=True, slots=True)
class Projection:
    """Where the partitions of a table lie."""

    bucket: str
    prefix: str
    """Below which all of them lie."""
    keys: Sequence[str]
    injected: Sequence[str]
    """Those keys whose values a query has to name."""
    _place: re.Pattern[str]
    _holds: Mapping[str, Holds]

    def values(self, key: str) -> list[str] | None:
        """The values of the partition that an object is in; None for an object in none."""
        found = self._place.match(key)
        if found is None:
            return None
        values = [found[f"k{number}"] for number in range(len(self.keys))]
        held = all(self._holds[name](value) for name, value in zip(self.keys, values, strict=True))
        return values if held else None


def enabled(table: Mapping[str, Any]) -> bool:
    return str(table.get("Parameters", {}).get("projection.enabled", "")).lower() == "true"


def of(table: Mapping[str, Any], now: float) -> Projection:
    """The projection that a table's properties describe; `now` in epoch seconds. Raises Terminal for one that cannot be
    read, with the name of the property."""
    told: Mapping[str, str] = table["Parameters"]
    keys = [each["Name"].lower() for each in table.get("PartitionKeys", ())]
    holds, looks, injected = {}, {}, []
    for key in keys:
        kind = told.get(f"projection.{key}.type", "").lower()
        match kind:
            case "enum":
                values = _wanted(told, key, "values").split(",")
                holds[key], looks[key] = _one_of(values), "|".join(map(re.escape, values))
            case "integer":
                holds[key], looks[key] = _integers(told, key), _INTEGER
            case "date":
                holds[key], looks[key] = _dates(told, key, datetime.fromtimestamp(now, UTC).replace(tzinfo=None))
            case "injected":
                holds[key], looks[key] = (lambda _value: True), _ANYTHING
                injected.append(key)
            case _:
                raise _wrong(key, "type", "must be enum, integer, date or injected")
    template = told.get("storage.location.template", "")
    if not template:
        parts = "/".join(f"{key}=${{{key}}}" for key in keys)
        template = f"{table['StorageDescriptor']['Location'].rstrip('/')}/{parts}"
    bucket, path = split_uri(template)
    return Projection(bucket, path.partition("${")[0], keys, injected, _pattern(path, keys, looks), holds)


def _pattern(path: str, keys: Sequence[str], looks: Mapping[str, str]) -> re.Pattern[str]:
    """What the keys of objects in a partition look like."""
    text, seen, at = "", set(), 0
    loose = 0
    for hole in _HOLE.finditer(path):
        key = hole[1].lower()
        loose += _loose(looks.get(key, ""), path[hole.end() : hole.end() + 1])
        if loose > 1:
            # Matching would try all ways to share the text out.
            raise Terminal(
                "NOT_SUPPORTED: In storage.location.template a key must be followed by '/', or by a sign that no value "
                f"of it can go on with: ${{{hole[1]}}} is not."
            )
        if key not in looks:
            raise Terminal(f"INVALID_TABLE_PROPERTY: storage.location.template has ${{{hole[1]}}}, which is no key.")
        number = keys.index(key)
        text += re.escape(path[at : hole.start()])
        text += f"(?P=k{number})" if key in seen else f"(?P<k{number}>{looks[key]})"
        seen.add(key)
        at = hole.end()
    absent = [key for key in keys if key not in seen]
    if absent:
        raise Terminal(f"INVALID_TABLE_PROPERTY: storage.location.template lacks ${{{absent[0]}}}.")
    return re.compile(text + re.escape(path[at:].rstrip("/")) + "/")


def _loose(looks: str, follows: str) -> bool:
    """Whether it is not plain where a value ends."""
    if looks == _INTEGER:
        return follows.isdigit() or follows == "$"
    if "|" not in looks and looks != _ANYTHING:
        return False  # of one length
    return follows not in ("/", "") or "/" in looks.replace(_ANYTHING, "")


def _one_of(values: Sequence[str]) -> Holds:
    known = frozenset(values)
    return lambda value: value in known


def _integers(told: Mapping[str, str], key: str) -> Holds:
    low, high = _range(told, key)
    try:
        first, last = int(low), int(high)
        step, digits = (int(told.get(f"projection.{key}.{each}", default)) for each, default in _DEFAULTS)
    except ValueError:
        raise _wrong(key, "range", "must be two whole numbers, interval and digits one each") from None
    if step < 1:
        raise _wrong(key, "interval", "must be 1 or more")
    if not 0 <= digits <= _DIGITS:
        raise _wrong(key, "digits", f"must be at most {_DIGITS}")

    def holds(value: str) -> bool:
        number = int(value[: _DIGITS + 2])
        return first <= number <= last and (number - first) % step == 0 and value == f"{number:0{digits}d}"

    return holds


_DEFAULTS: Final = (("interval", "1"), ("digits", "1"))


def _dates(told: Mapping[str, str], key: str, now: datetime) -> tuple[Holds, str]:
    form, looks = _format(told, key)

    def read(text: str) -> datetime:
        relative = _NOW.fullmatch(text.strip())
        if relative is None:
            return datetime.strptime(text, form)  # noqa: DTZ007 # all of them are UTC
        moved = now if relative[1] is None else _moved(now, int(f"{relative[1]}{relative[2]}"), relative[3].upper())
        return datetime.strptime(moved.strftime(form), form)  # noqa: DTZ007

    try:
        first, last = map(read, _range(told, key))
    except (ValueError, OverflowError):
        raise _wrong(key, "range", "must be two dates of the format, or NOW and times before or after it") from None
    aligned = _alignment(told, key, form, first)

    def holds(value: str) -> bool:
        try:
            moment = read(value)
        except ValueError:
            return False
        return first <= moment <= last and aligned(moment)

    return holds, looks


def _format(told: Mapping[str, str], key: str) -> tuple[str, str]:
    """(of strptime, regular expression) of a format of Java's."""
    form = looks = ""
    for part in _LETTERS.finditer(_wanted(told, key, "format")):
        if part[2] is not None:
            if part[0] not in _DATES or _DATES[part[0]][0] in form:
                raise _wrong(key, "format", f"has {part[0]}: it can have {', '.join(_DATES)}, each once")
            form, looks = form + _DATES[part[0]][0], looks + _DATES[part[0]][1]
        else:
            text = part[0] if part[1] is None else part[1].replace("''", "'")
            form, looks = form + text.replace("%", "%%"), looks + re.escape(text)
    return form, looks


def _alignment(told: Mapping[str, str], key: str, form: str, first: datetime) -> Callable[[datetime], bool]:
    """Whether a moment is some intervals after the first."""
    unit = told.get(f"projection.{key}.interval.unit", "").upper().removesuffix("S")
    interval = told.get(f"projection.{key}.interval", "")
    if "%H" in form and not (unit and interval):
        raise _wrong(key, "interval", "and its unit are needed where the format has hours")
    unit = unit or ("DAY" if "%d" in form or "%j" in form else "MONTH" if "%m" in form else "YEAR")
    step = int(interval or "1") if re.fullmatch(r"\d{0,9}", interval, re.ASCII) else 0
    if step < 1:
        raise _wrong(key, "interval", "must be a whole number, 1 or more")
    if unit in _MONTHS:
        months = step * _MONTHS[unit]
        return lambda moment: ((moment.year - first.year) * 12 + moment.month - first.month) % months == 0
    if unit not in _SECONDS:
        raise _wrong(key, "interval.unit", "must be YEARS, MONTHS, WEEKS, DAYS, HOURS, MINUTES or SECONDS")
    seconds = step * _SECONDS[unit]
    return lambda moment: (moment - first).total_seconds() % seconds == 0


def _moved(moment: datetime, count: int, unit: str) -> datetime:
    if unit in _SECONDS:
        return moment + timedelta(seconds=count * _SECONDS[unit])
    months = moment.year * 12 + moment.month - 1 + count * _MONTHS[unit]
    return moment.replace(year=months // 12, month=months % 12 + 1, day=min(moment.day, 28))


def _range(told: Mapping[str, str], key: str) -> tuple[str, str]:
    ends = [part.strip() for part in _wanted(told, key, "range").split(",")]
    if len(ends) != 2:
        raise _wrong(key, "range", "must have a first and a last value with a comma between")
    return ends[0], ends[1]


def _wanted(told: Mapping[str, str], key: str, name: str) -> str:
    found = told.get(f"projection.{key}.{name}", "")
    if not found:
        raise _wrong(key, name, "is missing")
    return found


def _wrong(key: str, name: str, why: str) -> Terminal:
    return Terminal(f"INVALID_TABLE_PROPERTY: The property projection.{key}.{name} {why}.")
