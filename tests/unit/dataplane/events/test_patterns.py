"""Event patterns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.dataplane.events.patterns import InvalidPattern, compiled


def matches(pattern: Any, event: Any) -> bool:
    return compiled(json.dumps(pattern))(event)


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        (["a"], "a", True),
        (["a", "b"], "b", True),
        (["a"], "A", False),
        (["a"], ["x", "a"], True),
        ([1], 1.0, True),
        ([1], True, False),
        ([True], 1, False),
        ([None], None, True),
        ([""], "", True),
        ([{"prefix": "ab"}], "abc", True),
        ([{"prefix": {"equals-ignore-case": "AB"}}], "abc", True),
        ([{"suffix": ".png"}], "a.png", True),
        ([{"suffix": {"equals-ignore-case": ".PNG"}}], "a.png", True),
        ([{"suffix": "x"}], 5, False),
        ([{"equals-ignore-case": "HeLLo"}], "hello", True),
        ([{"anything-but": "a"}], "b", True),
        ([{"anything-but": ["a", "b"]}], "b", False),
        ([{"anything-but": [1, 2]}], 3, True),
        ([{"anything-but": {"prefix": "a"}}], "ab", False),
        ([{"anything-but": {"prefix": ["a", "b"]}}], "ca", True),
        ([{"anything-but": {"suffix": ".png"}}], "a.jpg", True),
        ([{"anything-but": {"wildcard": "*/lib/*"}}], "a/lib/b", False),
        ([{"anything-but": {"equals-ignore-case": ["A"]}}], "a", False),
        ([{"numeric": ["=", 5]}], 5.0, True),
        ([{"numeric": [">", 0, "<=", 5]}], 5, True),
        ([{"numeric": [">", 0, "<=", 5]}], 0, False),
        ([{"numeric": [">", 0]}], "5", False),
        ([{"exists": True}], "x", True),
        ([{"exists": False}], "x", False),
        ([{"exists": True}], {"inner": 1}, False),
        ([{"cidr": "10.0.0.0/24"}], "10.0.0.255", True),
        ([{"cidr": "10.0.0.0/24"}], "10.0.1.0", False),
        ([{"cidr": "10.0.0.0/24"}], "no address", False),
        ([{"wildcard": "dir/*.py"}], "dir/a/b.py", True),
        ([{"wildcard": "*.py"}], "a.pyc", False),
        ([{"wildcard": "a\\*b"}], "a*b", True),
        ([{"wildcard": "a\\*b"}], "axb", False),
        ([{"wildcard": "ab*ba"}], "aba", False),
    ],
)
def test_what_a_field_wants(wanted: list[Any], value: Any, expected: bool) -> None:
    assert matches({"f": wanted}, {"f": value}) is expected


def test_all_fields_must_match_and_nested_ones_too() -> None:
    pattern = {"source": ["aws.sagemaker"], "detail": {"Status": ["Failed"]}}
    assert matches(pattern, {"source": "aws.sagemaker", "detail": {"Status": "Failed"}})
    assert not matches(pattern, {"source": "aws.sagemaker", "detail": {"Status": "Completed"}})
    assert not matches(pattern, {"source": "aws.sagemaker", "detail": "Failed"})


def test_what_is_absent() -> None:
    assert matches({"detail": {"a": {"b": [{"exists": False}]}}}, {"detail": {}})
    assert matches({"a": [{"exists": False}, "x"]}, {})
    assert matches({"a": [{"exists": False}, "x"]}, {"a": "x"})
    assert not matches({"a": [{"exists": False}, "x"]}, {"a": "y"})


def test_the_fields_of_one_element_of_a_list_belong_together() -> None:
    pattern = {"list": {"a": [1], "b": [2]}}
    assert matches(pattern, {"list": [{"a": 0}, {"a": 1, "b": 2}]})
    assert not matches(pattern, {"list": [{"a": 1, "b": 0}, {"a": 0, "b": 2}]})


def test_or() -> None:
    pattern = {"s": ["x"], "$or": [{"a": [1]}, {"b": {"c": [2]}}]}
    assert matches(pattern, {"s": "x", "b": {"c": 2}})
    assert matches(pattern, {"s": "x", "a": 1})
    assert not matches(pattern, {"s": "x"})
    assert not matches(pattern, {"s": "y", "a": 1})


@pytest.mark.parametrize(
    "pattern",
    [
        "no json",
        "[]",
        "{}",
        '{"a": "b"}',
        '{"a": []}',
        '{"a": {}}',
        '{"a": [["b"]]}',
        '{"a": [{"nonsense": 1}]}',
        '{"a": [{"prefix": 1}]}',
        '{"a": [{"prefix": "a", "suffix": "b"}]}',
        '{"a": [{"exists": "yes"}]}',
        '{"a": [{"numeric": ["~", 1]}]}',
        '{"a": [{"numeric": ["<", 1, ">", 0]}]}',
        '{"a": [{"numeric": [">", 5, "<", 1]}]}',
        '{"a": [{"numeric": ["=", "1"]}]}',
        '{"a": [{"anything-but": []}]}',
        '{"a": [{"anything-but": [null]}]}',
        '{"a": [{"anything-but": {"numeric": ["=", 1]}}]}',
        '{"a": [{"cidr": "10.0.0.0"}]}',
        '{"a": [{"cidr": "10.0.0.0/99"}]}',
        '{"a": [{"wildcard": "a**b"}]}',
        '{"a": [{"wildcard": "a\\\\b"}]}',
        '{"$or": [{"a": [1]}]}',
        '{"a":' * 200 + "[1]" + "}" * 200,
    ],
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        compiled(pattern)


def test_a_field_that_is_called_or_is_one_when_it_holds_an_object() -> None:
    assert matches({"$or": {"a": [1]}}, {"$or": {"a": 1}})


_scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text("abA*", max_size=3)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner)
)
_events = st.dictionaries(st.sampled_from("xyz"), _values)
_operators = st.one_of(
    _scalars,
    st.builds(lambda text: {"prefix": text}, st.text("abA", max_size=2)),
    st.builds(lambda text: {"wildcard": f"{text}*"}, st.text("abA", max_size=2)),
    st.builds(lambda bound: {"numeric": [">", bound]}, st.integers(-5, 5)),
    st.builds(lambda there: {"exists": there}, st.booleans()),
)
_patterns = st.recursive(
    st.lists(_operators, min_size=1, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, min_size=1),
).filter(lambda pattern: isinstance(pattern, dict))


@given(_patterns, _events)
def test_any_event_can_be_matched_against_any_pattern(pattern: Any, event: Any) -> None:
    assert matches(pattern, event) in (True, False)


@given(_events, st.sampled_from("xyz"), st.lists(_operators, min_size=1, max_size=3), st.lists(_operators, min_size=1))
def test_more_alternatives_match_more(event: Any, name: str, some: list[Any], more: list[Any]) -> None:
    assert matches({name: some}, event) <= matches({name: [*some, *more]}, event)


@given(_patterns, _patterns, _events)
def test_or_is_either(one: Any, other: Any, event: Any) -> None:
    assert matches({"$or": [one, other]}, event) == (matches(one, event) or matches(other, event))


@given(st.dictionaries(st.sampled_from("xyz"), _scalars, min_size=1))
def test_an_event_matches_the_pattern_made_of_its_own_values(event: Any) -> None:
    assert matches({name: [value] for name, value in event.items()}, event)


@given(st.text("ab/", max_size=8), st.lists(st.text("ab/", max_size=2), min_size=2, max_size=4))
def test_wildcards_match_as_the_regular_expression_would(value: str, pieces: list[str]) -> None:
    import re

    text = "*".join([pieces[0], *(piece or "a" for piece in pieces[1:-1]), pieces[-1]])
    wanted = re.fullmatch(".*".join(map(re.escape, text.split("*"))), value) is not None
    assert matches({"f": [{"wildcard": text}]}, {"f": value}) is wanted
