"""Sums by hours, days and months."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sagewright.dataplane.cost.ledger import Use
from sagewright.dataplane.cost.sums import Granularity, edges, sums
from sagewright.resources.usage import Entry, Line


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def use(start: str, end: str, count: int = 1, share: float = 1.0) -> Use:
    line = Line("Training", "ml.m5.large", count, at(start), at(end), usd_per_hour=0.1, share=share)
    return Use(Entry("us-east-1", "arn", "j", "", "", {}, [line]), line)


@pytest.mark.parametrize(
    ("start", "end", "granularity", "found"),
    [
        ("2026-01-31", "2026-03-02", "MONTHLY", ["01-31", "02-01", "03-01", "03-02"]),
        ("2026-02-27", "2026-03-02", "DAILY", ["02-27", "02-28", "03-01", "03-02"]),
        ("2026-01-01T22", "2026-01-02T00", "HOURLY", ["01-01", "01-01", "01-02"]),
    ],
)
def test_stretches_end_where_the_calendar_does(
    start: str, end: str, granularity: Granularity, found: list[str]
) -> None:
    borders = edges(at(start), at(end), granularity)
    assert [datetime.fromtimestamp(each, UTC).strftime("%m-%d") for each in borders] == found


def test_a_use_is_dealt_over_the_days_that_it_was_in() -> None:
    borders = [at(f"2026-01-{day:02}") for day in (1, 2, 3, 4)]
    found = sums([use("2026-01-01T18:00", "2026-01-03T06:00", count=2)], borders, lambda each: (each.entry.name,))
    assert [day["j",].hours for day in found] == [12, 48, 12]
    assert [round(day["j",].usd, 6) for day in found] == [1.2, 4.8, 1.2]


def test_what_reaches_over_the_ends_counts_within_them() -> None:
    borders = [at("2026-01-02"), at("2026-01-03")]
    uses = [use("2026-01-01", "2026-02-01"), use("2025-01-01", "2025-01-02"), use("2026-01-03", "2026-01-04")]
    (day,) = sums(uses, borders, lambda _: ())
    assert day[()].hours == 24


def test_spot_instances_cost_their_share() -> None:
    (day,) = sums([use("2026-01-01", "2026-01-02", share=0.3)], [at("2026-01-01"), at("2026-01-02")], lambda _: ())
    assert day[()].usd == pytest.approx(0.72)
