"""Statistics by name."""

from __future__ import annotations

import pytest

from sagewright.telemetry.metrics import Period, Point
from sagewright.telemetry.metrics_statistics import InvalidStatistic, statistic


@pytest.fixture
def ten() -> Period:
    """The numbers from 1 to 10."""
    period = Period(0, "None")
    for value in range(1, 11):
        period.add(Point.of(0, value))
    return period


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Average", 5.5),
        ("SampleCount", 10),
        ("p50", 5),
        ("p100", 10),
        ("p99.9", 10),
        ("tm90", 5),
        ("TM(10%:90%)", 5.5),
        ("TM(:90%)", 5),
        ("TM(2:8)", 5.5),
        ("tc90", 9),
        ("TC(8:)", 2),
        ("ts50", 15),
        ("TS(80%:)", 19),
        ("wm80", (36 + 16) / 10),
        ("PR(:3)", 30),
        ("PR(2:8)", 60),
        ("IQM", 5.5),
    ],
)
def test_values(ten: Period, name: str, value: float) -> None:
    assert statistic(name)(ten) == pytest.approx(value)


def test_samples_on_a_border_count_in_part(ten: Period) -> None:
    assert statistic("TC(25%:75%)")(ten) == 5
    assert statistic("ts25")(ten) == 1 + 2 + 3 / 2


def test_what_statistic_sets_hide_is_not_guessed() -> None:
    period = Period(0, "None")
    period.add(Point(0, 3, 6, 1, 3))
    assert statistic("p50")(period) is None
    assert statistic("Average")(period) == 2


@pytest.mark.parametrize("name", ["", "avg", "p101", "TM()", "TM(:)", "TM(90%:10%)", "TM(10%:90)", "PR(10%:)", "p-1"])
def test_what_is_none(name: str) -> None:
    with pytest.raises(InvalidStatistic):
        statistic(name)
