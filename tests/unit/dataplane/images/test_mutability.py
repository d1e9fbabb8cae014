"""Which tags may move."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.dataplane.images.mutability import fixed, matches

DEV = {"imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev*"}]}


@pytest.mark.parametrize(
    ("settings", "stay"),
    [
        ({}, []),
        ({"imageTagMutability": "MUTABLE"}, []),
        ({"imageTagMutability": "IMMUTABLE"}, ["v1", "dev-1"]),
        ({"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", **DEV}, ["v1"]),
        ({"imageTagMutability": "MUTABLE_WITH_EXCLUSION", **DEV}, ["dev-1"]),
    ],
)
def test_the_settings_say_which_stay(settings: dict[str, Any], stay: list[str]) -> None:
    assert [tag for tag in ("v1", "dev-1") if fixed(settings, tag)] == stay


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_patterns_match_as_a_regular_expression_would(pattern: str, text: str) -> None:
    expected = re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None
    assert matches(pattern, text) == expected
