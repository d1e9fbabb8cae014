"""How an alarm judges: the tables of CloudWatch's user guide on missing data."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.dataplane.alarms.judging import TREATMENTS, Rule, judge

KEEP = "the state it had"


def datapoints(text: str) -> list[float | None]:
    """`0` is within the threshold, `X` is not, `-` is missing; oldest first."""
    return [{"0": 0.0, "X": 9.0, "-": None}[letter] for letter in text.replace(" ", "")]


def judged(text: str, *, needed: int, missing: str) -> str:
    rule = Rule("GreaterThanThreshold", 5.0, 3, needed, missing)
    return judge(rule, datapoints(text), KEEP).state


def row(text: str, missing: str, ignore: str, breaching: str, not_breaching: str) -> tuple[str, Sequence[str]]:
    return text, (breaching, not_breaching, ignore, missing)


ALL_OF_THREE = [
    row("0 - X - X", "OK", "OK", "OK", "OK"),
    row("- - - - 0", "OK", "OK", "OK", "OK"),
    row("- - - - -", "INSUFFICIENT_DATA", KEEP, "ALARM", "OK"),
    row("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    row("- - X - -", "ALARM", KEEP, "ALARM", "OK"),
]
TWO_OF_THREE = [
    row("0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    row("0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
    row("0 - X - -", "OK", "OK", "ALARM", "OK"),
    row("- - - - 0", "OK", "OK", "ALARM", "OK"),
    row("- - - X -", "ALARM", KEEP, "ALARM", "OK"),
    row("- - - - X", "OK", KEEP, "ALARM", "OK"),  # premature
]


@pytest.mark.parametrize(("text", "states"), ALL_OF_THREE)
def test_three_datapoints_of_three(text: str, states: Sequence[str]) -> None:
    assert [judged(text, needed=3, missing=treatment) for treatment in TREATMENTS] == list(states)


@pytest.mark.parametrize(("text", "states"), TWO_OF_THREE)
def test_two_datapoints_of_three(text: str, states: Sequence[str]) -> None:
    assert [judged(text, needed=2, missing=treatment) for treatment in TREATMENTS] == list(states)


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanThreshold", [6]),
        ("GreaterThanOrEqualToThreshold", [5, 6]),
        ("LessThanThreshold", [4]),
        ("LessThanOrEqualToThreshold", [4, 5]),
    ],
)
def test_comparisons(comparison: str, breaching: list[float]) -> None:
    rule = Rule(comparison, 5.0, 1, 1, "missing")
    assert [value for value in (4, 5, 6) if judge(rule, [value], "OK").state == "ALARM"] == breaching


def test_the_reason_names_the_datapoints() -> None:
    rule = Rule("GreaterThanThreshold", 5.0, 2, 2, "missing")
    told = judge(rule, [1.0, 7.0, 9.0], "OK")
    assert told.values == [9.0, 7.0]
    assert "2 out of the last 2 datapoints [9.0, 7.0] were greater than the threshold (5.0)" in told.reason


@given(
    st.lists(st.sampled_from([None, 0.0, 9.0]), min_size=5, max_size=5),
    st.integers(1, 3),
    st.sampled_from(TREATMENTS),
)
def test_breaching_is_never_milder_than_not_breaching(values: list[float | None], needed: int, missing: str) -> None:
    severity = {"OK": 0, "INSUFFICIENT_DATA": 0, "ALARM": 1}

    def state(treatment: str) -> int:
        return severity[judge(Rule("GreaterThanThreshold", 5.0, 3, needed, treatment), values, "OK").state]

    assert state("notBreaching") <= state(missing) <= state("breaching")
