"""The JSONPath that batch transform knows, as AWS documents it ("Supported JSONPath Operators").

`$`, then any of `.name`, `.*`, `['a','b']`, `[1,-1]`, `[2:5]` and mixtures of the latter two. Both ends of a slice are
part of it: `$[1:4]` is the second to the fifth element. What lies outside of the data is an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from sagewright_container.transform.errors import BadData

Place = int | tuple[int | None, int | None]
"""An index, or the first and the last of a slice; None for the end that is left out."""


class Names(NamedTuple):
    """Members of an object: one for its value, several for an object of these."""

    names: tuple[str, ...]


class Places(NamedTuple):
    """Elements of an array: one index for the element, anything else for an array of these."""

    places: tuple[Place, ...]


class Everything(NamedTuple):
    """All members or elements."""


Step = Names | Places | Everything

_NAME = re.compile(r"\.([^.\[\]'\"*,:\s]+)")
_BRACKET = re.compile(r"\.?\[([^\[\]]*)\]")
_QUOTED = re.compile(r"\s*(?:'([^']*)'|\"([^\"]*)\")\s*")
_NUMBER = re.compile(r"\s*(-?\d+)\s*")
_SLICE = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*")


def parse(path: str) -> tuple[Step, ...]:
    """The steps of a path; none for `$`. Raises BadData."""
    if not path.startswith("$"):
        raise BadData(f"The JSONPath {path!r} must begin with $.")
    steps: list[Step] = []
    position = 1
    while position < len(path):
        if path.startswith(".*", position):
            steps.append(Everything())
            position += 2
        elif match := _NAME.match(path, position):
            steps.append(Names((match[1],)))
            position = match.end()
        elif match := _BRACKET.match(path, position):
            steps.append(_bracket(match[1], path))
            position = match.end()
        else:
            raise BadData(f"The JSONPath {path!r} is not understood from {path[position:]!r} on.")
    return tuple(steps)


def _bracket(inside: str, path: str) -> Step:
    if inside.strip() == "*":
        return Everything()
    pieces = inside.split(",")
    if all(_QUOTED.fullmatch(piece) for piece in pieces):
        found = [_QUOTED.fullmatch(piece) for piece in pieces]
        return Names(tuple((match[1] if match[1] is not None else match[2]) for match in found if match))
    return Places(tuple(_place(piece, path) for piece in pieces))


def _place(piece: str, path: str) -> Place:
    if match := _NUMBER.fullmatch(piece):
        return int(match[1])
    if match := _SLICE.fullmatch(piece):
        return (None if match[1] is None else int(match[1]), None if match[2] is None else int(match[2]))
    raise BadData(f"The JSONPath {path!r} is not understood: [{piece}] is neither an index, a slice nor a name.")


def select(value: Any, steps: Sequence[Step]) -> Any:
    """What a path selects of a JSON value. Raises BadData for what is not there."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    match step:
        case Everything():
            return [select(each, rest) for each in _all(value)]
        case Names((name,)):
            return select(_member(value, name), rest)
        case Names(names):
            return select({name: _member(value, name) for name in names}, rest)
        case Places((int(),)):
            return select(elements(_array(value), step)[0], rest)
        case Places():
            return [select(each, rest) for each in elements(_array(value), step)]


def elements(array: list[Any], step: Places) -> list[Any]:
    """Those at some places, in their order. Raises BadData where one is outside of the array."""
    found: list[Any] = []
    size = len(array)
    for place in step.places:
        if isinstance(place, int):
            if not -size <= place < size:
                raise BadData(f"Index {place} is outside of a record of {size} elements.")
            found.append(array[place])
            continue
        first, last = (0 if place[0] is None else place[0]), (size - 1 if place[1] is None else place[1])
        if not (-size <= first < size and -size <= last < size):
            raise BadData(f"The slice {_spelled(place)} is outside of a record of {size} elements.")
        found += array[first % size : last % size + 1]
    return found


def _spelled(place: tuple[int | None, int | None]) -> str:
    return ":".join("" if end is None else str(end) for end in place)


def _all(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return _array(value)


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise BadData(f"There is no array where the JSONPath needs one, but {_kind(value)}.")
    return value


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        raise BadData(f"There is no object with a member {name!r} where the JSONPath needs one, but {_kind(value)}.")
    if name not in value:
        raise BadData(f"The record has no member {name!r}.")
    return value[name]


def _kind(value: Any) -> str:
    return {dict: "an object", list: "an array", str: "a text", type(None): "null"}.get(type(value), "a plain value")
