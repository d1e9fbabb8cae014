"""Where the statements of a policy stand in its text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from json import JSONDecoder
from typing import Final, NamedTuple

_DECODER: Final = JSONDecoder()
_BLANK: Final = re.compile(r"[ \t\r\n]*")


class Span(NamedTuple):
    """From the first character to the one behind the last: lines and columns, counted from one."""

    start: tuple[int, int]
    end: tuple[int, int]


def spans(document: str) -> Sequence[Span]:
    """Those of the statements, in their order. The document is one that was read before, so it is well formed."""
    found: Sequence[tuple[int, int]] = ()
    for name, start in _members(document):
        if name == "Statement":  # of two, the later one counts
            found = tuple(_elements(document, start)) if document[start] == "[" else (_whole(document, start),)
    return [Span(_place(document, start), _place(document, end)) for start, end in found]


def _members(document: str) -> Iterator[tuple[str, int]]:
    """The names of an object's members, and where their values begin."""
    at = _past(document, _past(document, 0) + 1)
    while document[at] != "}":
        name, at = _DECODER.raw_decode(document, at)
        start = _past(document, _past(document, at) + 1)
        yield name, start
        at = _next(document, _whole(document, start)[1])


def _elements(document: str, at: int) -> Iterator[tuple[int, int]]:
    at = _past(document, at + 1)
    while document[at] != "]":
        start, end = _whole(document, at)
        yield start, end
        at = _next(document, end)


def _whole(document: str, start: int) -> tuple[int, int]:
    return start, _DECODER.raw_decode(document, start)[1]


def _next(document: str, at: int) -> int:
    """Where the next thing begins, behind a comma if there is one."""
    at = _past(document, at)
    return _past(document, at + 1) if document[at] == "," else at


def _past(document: str, at: int) -> int:
    found = _BLANK.match(document, at)
    assert found is not None
    return found.end()


def _place(document: str, at: int) -> tuple[int, int]:
    return document.count("\n", 0, at) + 1, at - document.rfind("\n", 0, at)
