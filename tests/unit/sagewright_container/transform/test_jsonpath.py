"""The JSONPath subset, as AWS's guide has it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.operations.sagemaker.inference import transform_job
from sagewright_container.transform.errors import BadData
from sagewright_container.transform.jsonpath import parse, select

RECORD = {"id": 7, "features": [1, 2, 3, 4, 5, 6], "deep": {"a": {"b": "c"}, "x": 1}, "rows": [{"v": 1}, {"v": 2}]}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", RECORD),
        ("$.id", 7),
        ("$['id']", 7),
        ('$["id"]', 7),
        ("$.deep.a.b", "c"),
        ("$.deep['a'].b", "c"),
        ("$.deep.['a','x']", {"a": {"b": "c"}, "x": 1}),
        ("$['id','deep']", {"id": 7, "deep": RECORD["deep"]}),
        ("$.features[1]", 2),
        ("$.features[-1]", 6),
        ("$.features[1,3,5]", [2, 4, 6]),
        ("$.features[1:4]", [2, 3, 4, 5]),
        ("$.features[:5]", [1, 2, 3, 4, 5, 6]),
        ("$.features[4:]", [5, 6]),
        ("$.features[:]", [1, 2, 3, 4, 5, 6]),
        ("$.features[-2:]", [5, 6]),
        ("$.features[0,4:]", [1, 5, 6]),
        ("$.features[3:1]", []),
        ("$.deep.*", [{"b": "c"}, 1]),
        ("$.features[*]", [1, 2, 3, 4, 5, 6]),
        ("$.rows.*.v", [1, 2]),
        ("$.rows[0,1].v", [1, 2]),
    ],
)
def test_what_a_path_selects(path: str, found: Any) -> None:
    assert select(RECORD, parse(path)) == found
    assert transform_job._PATH.fullmatch(path), "the server refuses what the container understands"


@pytest.mark.parametrize(
    "path", ["", "id", "$id", "$..id", "$.", "$[", "$['a'", "$[a]", "$[1,'a']", "$[?(@.x)]", "$[1:2:3]"]
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(BadData):
        parse(path)
    assert not transform_job._PATH.fullmatch(path), "the server takes what the container does not understand"


@given(st.text(alphabet="$.*[]'\"ab01-:, ", max_size=12))
def test_server_and_container_understand_the_same(rest: str) -> None:
    path = "$" + rest
    try:
        parse(path)
        understood = True
    except BadData:
        understood = False
    assert bool(transform_job._PATH.fullmatch(path)) == understood


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("$.none", "no member 'none'"),
        ("$.id.x", "no object with a member 'x' where the JSONPath needs one, but a plain value"),
        ("$[0]", "no array where the JSONPath needs one, but an object"),
        ("$.features[6]", "Index 6 is outside of a record of 6 elements"),
        ("$.features[-7]", "Index -7 is outside"),
        ("$.features[6:]", "slice 6: is outside"),
        ("$.features[:6]", "slice :6 is outside"),
        ("$['id','none']", "no member 'none'"),
    ],
)
def test_what_is_not_there_is_an_error(path: str, words: str) -> None:
    with pytest.raises(BadData, match=words):
        select(RECORD, parse(path))
