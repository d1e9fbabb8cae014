"""Schedule expressions."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.dataplane.events.schedules import InvalidSchedule, parse

SATURDAY = datetime(2025, 11, 1, 10, 30, tzinfo=UTC).timestamp()


def following(text: str, moment: float = SATURDAY) -> str | None:
    due = parse(text).after(moment, moment)
    return None if due is None else datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("cron(0 12 * * ? *)", "2025-11-01 12:00"),
        ("cron(30 10 * * ? *)", "2025-11-02 10:30"),
        ("cron(0/15 * * * ? *)", "2025-11-01 10:45"),
        ("cron(15 10 ? * 6L 2025-2030)", "2025-11-28 10:15"),
        ("cron(0 8 1 * ? *)", "2025-12-01 08:00"),
        ("cron(0 18 ? * MON-FRI *)", "2025-11-03 18:00"),
        ("cron(0 18 ? * FRI-MON *)", "2025-11-01 18:00"),
        ("cron(0 0 L * ? *)", "2025-11-30 00:00"),
        ("cron(0 0 1W * ? *)", "2025-11-03 00:00"),
        ("cron(0 0 LW * ? *)", "2025-11-28 00:00"),
        ("cron(0 0 ? * TUE#1 *)", "2025-11-04 00:00"),
        ("cron(0 0 ? * 2#5 *)", "2025-12-29 00:00"),
        ("cron(0 0 29 FEB ? *)", "2028-02-29 00:00"),
        ("cron(0 0 1 1,7 ? 2027)", "2027-01-01 00:00"),
        ("cron(0 0 30 2 ? *)", None),
        ("cron(0 0 1 1 ? 2020)", None),
        ("rate(5 minutes)", "2025-11-01 10:35"),
        ("rate(1 hour)", "2025-11-01 11:30"),
        ("rate(2 days)", "2025-11-03 10:30"),
    ],
)
def test_when_it_is_due_next(text: str, due: str | None) -> None:
    assert following(text) == due


@pytest.mark.parametrize(
    "text",
    [
        "rate(1 minutes)",
        "rate(2 minute)",
        "rate(0 minutes)",
        "rate(5 seconds)",
        "every day",
        "cron(0 12 * * *)",
        "cron(0 12 * * * *)",
        "cron(0 12 ? * ? *)",
        "cron(60 12 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 12 0 * ? *)",
        "cron(0 12 ? * 8 *)",
        "cron(0 12 ? * XYZ *)",
        "cron(0/0 12 * * ? *)",
        "cron(0 12 * * ? 1900)",
        "at(2030-01-01T00:00:00)",
    ],
)
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse(text)


def test_rates_keep_their_beat() -> None:
    rate = parse("rate(10 minutes)")
    assert [rate.after(moment, 100) for moment in (100, 700, 701, 1299, 1300)] == [700, 1300, 1300, 1300, 1900]


def test_once_is_once() -> None:
    at = parse("at(2025-11-01T12:00:00)", ZoneInfo("Europe/Berlin"), once=True)
    due = at.after(SATURDAY, 0)
    assert due is not None
    assert datetime.fromtimestamp(due, UTC).hour == 11
    assert at.after(due, 0) is None


@given(
    st.integers(0, 59),
    st.integers(0, 23),
    st.sampled_from(["* * ?", "1/3 * ?", "? * MON", "? 3-5 SUN", "L * ?", "15W 2 ?"]),
    st.floats(0, 4e9),
)
def test_what_is_due_comes_later_and_fits(minute: int, hour: int, days: str, moment: float) -> None:
    due = parse(f"cron({minute} {hour} {days} *)").after(moment, 0)
    assert due is not None
    when = datetime.fromtimestamp(due, UTC)
    assert due > moment
    assert (when.minute, when.hour, when.second) == (minute, hour, 0)
