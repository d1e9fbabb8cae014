"""Times of records: text to microseconds since the epoch, and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

SECOND: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = -62_135_596_800 * SECOND
LAST: Final = 253_402_300_800 * SECOND - 1
"""The end of the year 9999."""
_ISO: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:?[0-9]{2})"
)
_LONGEST: Final = 64


class BadTime(ValueError):
    """Text that is no time; the message says what would be one."""


def of_text(text: str) -> int:
    """`2026-01-31T12:00:00Z`, with up to nine digits of a second; of those, six count. Raises BadTime."""
    found = _ISO.fullmatch(text) if len(text) <= _LONGEST else None
    if found is not None:
        second, fraction, zone = found.groups()
        try:
            passed = datetime.fromisoformat(second + ("+00:00" if zone == "Z" else zone)) - _EPOCH
        except ValueError:
            pass
        else:
            time = (passed.days * 86_400 + passed.seconds) * SECOND + int((fraction or "0")[:6].ljust(6, "0"))
            if _FIRST <= time <= LAST:
                return time
    raise BadTime("must be a time in ISO 8601 such as 2026-01-31T12:00:00Z or 2026-01-31T12:00:00.000Z")


def of_number(text: str) -> int:
    """Seconds since the epoch, as a decimal number. Raises BadTime."""
    try:
        # Decimals of any size are cheap to read, but not to multiply: their size is looked at first.
        number = Decimal(text) if len(text) <= _LONGEST else Decimal("NaN")
        if number.is_finite() and number.adjusted() < 12:
            time = int(number * SECOND)
            if _FIRST <= time <= LAST:
                return time
    except InvalidOperation:
        pass
    raise BadTime("must be a time in seconds since 1970 such as 1769860800 or 1769860800.5, before the year 10000")


def as_datetime(time: int) -> datetime:
    """The same in UTC."""
    return _EPOCH + timedelta(microseconds=time)


def iso(time: int) -> str:
    """`2026-01-31T12:00:00Z`, with milliseconds where there are any."""
    text = as_datetime(time).isoformat(timespec="milliseconds" if time % SECOND else "seconds")
    return text.replace("+00:00", "Z")
