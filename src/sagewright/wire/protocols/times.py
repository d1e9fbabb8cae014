"""Timestamps in the three forms that AWS uses: epoch seconds, ISO 8601, and HTTP dates (RFC 7231)."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

Moment = float | int | datetime


def epoch(moment: Moment) -> float | int:
    """Epoch seconds of what an operation hands us; a naive `datetime` is taken as UTC."""
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return moment


def number(moment: Moment) -> float | int:
    """`unixTimestamp` as AWS prints it: seconds with at most three decimals."""
    seconds = epoch(moment)
    return seconds if isinstance(seconds, int) else round(seconds, 3)


def iso8601(moment: Moment) -> str:
    """`2026-11-20T23:15:00Z`, or with milliseconds where there are any."""
    when = datetime.fromtimestamp(round(epoch(moment), 3), UTC)
    text = when.strftime("%Y-%m-%dT%H:%M:%S")
    millis = when.microsecond // 1000
    return f"{text}.{millis:03d}Z" if millis else f"{text}Z"


def iso8601_millis(moment: Moment) -> str:
    """The same with its milliseconds always written, as S3 does in its listings."""
    when = datetime.fromtimestamp(round(epoch(moment), 3), UTC)
    return f"{when.strftime('%Y-%m-%dT%H:%M:%S')}.{when.microsecond // 1000:03d}Z"


def rfc822(moment: Moment) -> str:
    """`Fri, 20 Nov 2026 23:15:00 GMT`, with whole seconds: HTTP dates have no fraction."""
    return format_datetime(datetime.fromtimestamp(int(epoch(moment)), UTC), usegmt=True)


FORMATS: dict[str, Callable[[Moment], Any]] = {
    "unixTimestamp": number,
    "unixtimestamp": number,
    "iso8601": iso8601,
    "iso8601-millis": iso8601_millis,  # ours, not the model's: what S3 takes for iso8601
    "rfc822": rfc822,
}
"""Writers by the model's `timestampFormat`."""


def parse(value: Any) -> float:
    """Epoch seconds of any of the three forms. Raises `ValueError` when it is none of them.

    Readers take all forms whatever the model says, as AWS does: SDKs differ in what they send.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str):
        seconds = _parse_text(value.strip())
    else:
        raise ValueError(f"not a timestamp: {type(value).__name__}")
    if not math.isfinite(seconds) or not -62135596800 <= seconds <= 253402300799.999:
        raise ValueError("timestamp out of range")  # years 1 to 9999, as far as `datetime` goes
    return seconds


def _parse_text(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(epoch(datetime.fromisoformat(text)))
    except ValueError:
        pass
    try:
        return float(epoch(parsedate_to_datetime(text)))
    except (ValueError, TypeError, IndexError, OverflowError) as exc:
        raise ValueError("not a timestamp") from exc
