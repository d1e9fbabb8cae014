"""The models' regular expressions: all of them can be read, none of them can be made to hang."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagewright.wire import patterns
from sagewright.wire.model import SERVICES, service
from sagewright.wire.patterns import Untranslatable, compile_java, translate

REWRITTEN = orjson.loads(patterns._REWRITTEN.read_bytes())
UNREADABLE: set[str] = set()
"""Patterns that cannot be checked at all. Empty today: a new botocore that adds one must be looked at."""
SLOW = 0.1
"""Seconds of a processor that one match may take here; an exponential pattern takes far longer on the strings below."""


@cache
def every_pattern() -> tuple[str, ...]:
    models = (service(name) for name in SERVICES)
    shapes = (shape for model in models for shape in model._service_description["shapes"].values())  # type: ignore[attr-defined]
    return tuple(sorted({shape["pattern"] for shape in shapes if "pattern" in shape}))


def test_every_pattern_can_be_read() -> None:
    unreadable = set()
    for pattern in every_pattern():
        try:
            compile_java(pattern)
        except Untranslatable:
            unreadable.add(pattern)
    assert unreadable == UNREADABLE


def test_no_pattern_can_be_made_to_hang() -> None:
    nested = [pattern for pattern in every_pattern() if re.search(r"\)[*+{]", pattern)]
    assert len(nested) > 100
    worst: dict[str, float] = {}
    for pattern in nested:
        compiled = compile_java(pattern)
        for text in attacks(pattern):
            start = time.thread_time()
            compiled.fullmatch(text)
            taken = time.thread_time() - start
            worst[pattern] = max(worst.get(pattern, 0.0), taken)
            if taken > SLOW:
                break
    assert {pattern: taken for pattern, taken in worst.items() if taken > SLOW} == {}


def attacks(pattern: str) -> Iterator[str]:
    """Strings that match nearly: one repetition at a time pumped up, and an end that spoils it."""
    tree = parser.parse(translate(pattern))
    seen = set()
    for target in range(6):
        for branch in range(2):
            counter = [-1]
            text = "".join(grown(tree, target, branch, counter))[:2000]
            if text not in seen:
                seen.add(text)
                yield from (text + "\x01", text + "!", text + " ")


def grown(tree: Any, target: int, branch: int, counter: list[int]) -> Iterator[str]:
    for op, value in tree:
        if op is codes.LITERAL:
            yield chr(value)
        elif op is codes.IN:
            yield one_of(value)
        elif op is codes.BRANCH:
            yield from grown(value[1][branch % len(value[1])], target, branch, counter)
        elif op is codes.SUBPATTERN:
            yield from grown(value[3], target, branch, counter)
        elif op in {codes.MAX_REPEAT, codes.MIN_REPEAT}:
            low, high, inner = value
            counter[0] += 1
            count = min(high, 26) if counter[0] == target else min(max(low, 1), 26, high)
            for _ in range(count):
                yield from grown(inner, target, branch, counter)
        elif op in {codes.ANY, codes.NOT_LITERAL}:
            yield "a"


def one_of(members: Any) -> str:
    for op, value in members:
        if op is codes.RANGE and value[0] <= ord("a") <= value[1]:
            return "a"
        if op is codes.CATEGORY and value is codes.CATEGORY_SPACE:
            return " "
    op, value = members[0]
    return chr(value) if op is codes.LITERAL else chr(value[0]) if op is codes.RANGE else "a"


# Only equivalences: where the original cannot be read there is nothing to compare with.
EQUIVALENT = [row for row in REWRITTEN if "${" not in row["pattern"] and "(?i)" not in row["pattern"]]


@pytest.mark.parametrize("row", EQUIVALENT, ids=lambda row: row["why"].split(":")[0])
@given(data=st.data())
@settings(max_examples=400, deadline=None, derandomize=True)
def test_a_rewritten_pattern_means_the_same(row: dict[str, str], data: st.DataObject) -> None:
    start = data.draw(st.sampled_from(["", "https://", "$."]))
    text = start + data.draw(st.text("aA0-_./*: \t\x01$@[]", max_size=9))
    assert bool(re.fullmatch(row["pattern"], text)) == bool(re.fullmatch(row["instead"], text))


@pytest.mark.parametrize("row", REWRITTEN, ids=lambda row: row["why"].split(":")[0])
def test_a_rewritten_pattern_is_still_in_use(row: dict[str, str]) -> None:
    assert row["pattern"] in every_pattern()


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", ["é ü=1", "日本", "٣"], ["a#", "a\n"]),
        (r"\p{ASCII}*", ["a~\x00"], ["é"]),
        (r"\A\S[\p{Print}]*\z", ["a b"], [" a", "a\n", "aé"]),
        ("arn:[\\p{Alnum}\\-]+:x", ["arn:aws-cn:x"], ["arn:é:x"]),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", ["a\t日😀"], ["\n", "\x00"]),
        (r"[\w-_]*", ["a-_"], ["é"]),
        (r"^\w+\d$", ["a1"], ["é1", "a٣", "a1\n"]),
        (r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", ["a--b"], ["a_b", "-a", "a-", "a" * 64]),
    ],
)
def test_java_s_meaning(pattern: str, good: list[str], bad: list[str]) -> None:
    compiled = compile_java(pattern)
    assert [text for text in good if not compiled.fullmatch(text)] == []
    assert [text for text in bad if compiled.fullmatch(text)] == []
