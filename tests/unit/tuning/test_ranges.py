from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.tuning.ranges import Categorical, Continuous, Integer, Space, parse


def integer(low: str, high: str, scale: str = "Auto") -> dict[str, Any]:
    return {"IntegerParameterRanges": [{"Name": "a", "MinValue": low, "MaxValue": high, "ScalingType": scale}]}


def continuous(low: str, high: str, scale: str = "Auto") -> dict[str, Any]:
    return {"ContinuousParameterRanges": [{"Name": "a", "MinValue": low, "MaxValue": high, "ScalingType": scale}]}


def test_ends_and_middle_of_each_scale() -> None:
    assert [Continuous("a", 1, 3).at(u) for u in (0, 0.5, 1)] == ["1.0", "2.0", "3.0"]
    assert [float(Continuous("a", 1e-4, 1, "Logarithmic").at(u)) for u in (0, 0.5, 1)] == pytest.approx([1e-4, 1e-2, 1])
    reverse = [float(Continuous("a", 0, 0.9999, "ReverseLogarithmic").at(u)) for u in (0, 0.5, 1)]
    assert reverse == pytest.approx([0, 0.99, 0.9999])
    assert [Integer("a", 1, 4).at(u) for u in (0, 0.24, 0.26, 0.74, 0.76, 1)] == ["1", "1", "2", "3", "4", "4"]
    assert [Categorical("a", ("x", "y")).at(u) for u in (0, 0.49, 0.5, 1)] == ["x", "x", "y", "y"]


@given(st.floats(0, 1), st.sampled_from(["Linear", "Logarithmic", "ReverseLogarithmic"]))
def test_a_value_is_found_where_it_was_taken_from(position: float, scale: Any) -> None:
    made = Continuous("a", 0.001, 0.999, scale)
    assert made.position(made.at(position)) == pytest.approx(position, abs=1e-6)


@given(st.integers(1, 500), st.sampled_from(["Linear", "Logarithmic"]))
def test_every_integer_has_a_place(value: int, scale: Any) -> None:
    made = Integer("a", 1, 500, scale)
    position = made.position(str(value))
    assert position is not None
    assert made.at(position) == str(value)


def test_what_is_not_in_a_range_has_no_position() -> None:
    space = Space((Integer("a", 1, 4), Categorical("b", ("x",))))
    assert space.positions({"a": "5", "b": "x"}) is None
    assert space.positions({"a": "one", "b": "x"}) is None
    assert space.positions({"a": "1"}) is None
    assert space.positions({"a": "1", "b": "y"}) is None
    assert space.positions({"a": "1", "b": "x", "c": "more"}) is not None


@pytest.mark.parametrize(
    ("ranges", "scale"),
    [
        (continuous("1e-5", "0.1"), "Logarithmic"),
        (continuous("0.1", "0.9"), "Linear"),
        (continuous("0.1", "0.99999"), "ReverseLogarithmic"),
        (continuous("-1", "1"), "Linear"),
        (continuous("0.01", "0.1", "Logarithmic"), "Logarithmic"),
        (integer("1", "5000"), "Logarithmic"),
        (integer("1", "5000", "Linear"), "Linear"),
        (integer("0", "5000"), "Linear"),
    ],
)
def test_auto_takes_the_scale_that_suits(ranges: dict[str, Any], scale: str) -> None:
    (found,) = parse(ranges).ranges
    assert isinstance(found, Integer | Continuous)
    assert found.scale == scale


@pytest.mark.parametrize(
    ("ranges", "reason"),
    [
        (integer("3", "2"), "must be less than its MaxValue"),
        (integer("2", "2"), "must be less than its MaxValue"),
        (integer("1.5", "2"), r"MinValue \[1.5\] of the integer hyperparameter \[a\] is not an integer"),
        (integer("1", "9" * 200), "MaxValue of the integer hyperparameter .* is too large"),
        (continuous("a", "2"), "is not a number"),
        (continuous("nan", "2"), "is not a number"),
        ({"CategoricalParameterRanges": [{"Name": "", "Values": ["x"]}]}, "needs a name"),
        (continuous("0", "inf"), "is not a number"),
        (continuous("0", "1", "Logarithmic"), "needs values above 0"),
        (continuous("0.5", "1", "ReverseLogarithmic"), "within 0 <= x < 1"),
        (integer("1", "2", "ReverseLogarithmic"), "continuous ranges only"),
        ({"CategoricalParameterRanges": [{"Name": "a", "Values": ["x", "x"]}]}, "must differ"),
        (integer("1", "2") | continuous("1", "2"), "Given more than once: a"),
        ({"CategoricalParameterRanges": [{"Name": f"p{n}", "Values": ["x"]} for n in range(31)]}, "At most 30"),
    ],
)
def test_ranges_that_cannot_be_searched(ranges: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(ranges)


def test_the_widest_ranges_are_searched() -> None:
    for found in (parse(continuous("-1e308", "1e308")), parse(integer(str(-(2**53)), str(2**53)))):
        for position in (0.0, 0.3, 1.0):
            assert found.positions(found.at([position])) is not None


def test_how_many_combinations_there_are() -> None:
    assert Space((Integer("a", 1, 4), Categorical("b", ("x", "y")))).size == 8
    assert Space((Integer("a", 1, 4), Continuous("b", 0, 1))).size == float("inf")
