"""Requests made from the service models: a valid one for each operation, and all the ways to break it.

Nothing here is random: the same model gives the same requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from sagewright.wire.patterns import LONGEST, Untranslatable, compile_java, translate

# Python's own parser of patterns: from 3.11 on it is private, before that it was a module of its own.
_parser: Any = __import__("re._parser", fromlist=["parse"])

Path = tuple[str | int, ...]
Given = Callable[[Path, Shape, bool], Any]
"""What stands at a path instead of an invented value (an ARN of a role that exists); None to invent one where one is
wanted, which the last argument says, and to leave the member out where none is."""

DEEPEST: Final = 6
"""Shapes that contain themselves are not followed further."""
_ANY: Final = "a"
_NOW: Final = 1_700_000_000
_MOST: Final = 3000
"""Values are not made longer than this to break a limit."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A request with one constraint broken."""

    path: Path
    constraint: str
    """`required`, `type`, `min`, `max`, `pattern` or `enum`."""
    request: dict[str, Any]


def minimal(operation: OperationModel, given: Given | None = None) -> dict[str, Any]:
    """The smallest request that the model allows: required members only."""
    return _structure(operation.input_shape, (), given or _nothing, whole=False)


def whole(operation: OperationModel, given: Given | None = None) -> dict[str, Any]:
    """A request with every member that the model has, one level of each list and map."""
    return _structure(operation.input_shape, (), given or _nothing, whole=True)


def broken(operation: OperationModel, request: Mapping[str, Any]) -> Iterator[Broken]:
    """Every constraint of the members in `request`, broken one at a time."""
    if operation.input_shape is not None:
        yield from _broken(operation.input_shape, request, (), request)


def member_shape(operation: OperationModel, path: Path) -> Shape:
    """The shape at a path. Raises KeyError."""
    shape: Any = operation.input_shape
    for step in path:
        shape = shape.members[str(step)] if isinstance(shape, StructureShape) else _inner(shape)
    found: Shape = shape
    return found


def _nothing(_path: Path, _shape: Shape, _wanted: bool) -> Any:
    return None


def _inner(shape: Shape) -> Shape:
    inner: Shape = shape.member if isinstance(shape, ListShape) else shape.value  # type: ignore[attr-defined]
    return inner


# Valid values.


def _structure(shape: Shape | None, path: Path, given: Given, *, whole: bool) -> dict[str, Any]:
    if not isinstance(shape, StructureShape):
        return {}
    wanted = list(shape.members) if whole and not shape.is_tagged_union else list(shape.required_members)
    if shape.is_tagged_union:
        wanted = list(shape.members)[:1]
    made = {}
    for member in shape.members:
        there = given((*path, member), shape.members[member], member in wanted)
        if there is not None:
            made[member] = there
        elif member in wanted and (len(path) < DEEPEST or member in shape.required_members):
            made[member] = value(shape.members[member], (*path, member), given, whole=whole)
    return made


def value(shape: Shape, path: Path, given: Given, *, whole: bool) -> Any:
    """A valid value of a shape at a path; `whole` with all of its members."""
    least = int(shape.metadata.get("min", 0))
    match shape:
        case StructureShape():
            return {} if shape.is_document_type else _structure(shape, path, given, whole=whole)
        case ListShape():
            count = max(least, 1 if whole and len(path) < DEEPEST else 0)
            return [_given(shape.member, (*path, number), given, whole=whole) for number in range(count)]
        case MapShape():
            count = max(least, 1 if whole and len(path) < DEEPEST else 0)
            return {
                text(shape.key) + str(number or ""): _given(shape.value, (*path, "value"), given, whole=whole)
                for number in range(count)
            }
    return scalar(shape)


def _given(shape: Shape, path: Path, given: Given, *, whole: bool) -> Any:
    there = given(path, shape, True)
    return value(shape, path, given, whole=whole) if there is None else there


def scalar(shape: Shape) -> Any:
    """A valid value of a shape that holds no others."""
    least = shape.metadata.get("min", 0)
    match shape.type_name:
        case "string":
            return text(shape)
        case "integer" | "long":
            return int(least) or min(1, int(shape.metadata.get("max", 1)))
        case "float" | "double":
            return float(least)
        case "boolean":
            return True
        case "timestamp":
            return _NOW
        case "blob":
            return "YQ==" if least <= 1 else "YWFh" * int(least)
    raise TypeError(f"no example for {shape.type_name}")


def text(shape: Shape) -> str:
    """A valid string: the first word of an enum, else the shortest that fits pattern and length."""
    enum = list(getattr(shape, "enum", None) or shape.metadata.get("enum", ()))
    if enum:
        return str(enum[0])
    least, most = int(shape.metadata.get("min", 0)), int(shape.metadata.get("max", LONGEST))
    return _fitting(shape.metadata.get("pattern"), max(least, 1) if most else 0, most)


@cache
def _fitting(pattern: str | None, least: int, most: int) -> str:
    if pattern is None:
        return _ANY * least
    try:
        matcher, tree = compile_java(pattern), _parser.parse(translate(pattern))
    except Untranslatable:
        return _ANY * least
    for extra in (0, 1, 2, 3, 5, 8, 12, 20, 36, 64, 128, 256, 512, 1024):
        for letter in "a1A/-sm":
            made = _spelled(tree, extra, letter)[:most]
            if least <= len(made) and matcher.fullmatch(made):
                return made
    return _ANY * least


def _spelled(tree: Any, extra: int, letter: str) -> str:
    """A string that a parsed pattern matches, its repetitions `extra` times longer than they must be."""
    made = []
    for code, argument in tree:
        match str(code):
            case "LITERAL":
                made.append(chr(argument))
            case "NOT_LITERAL":
                made.append(letter if ord(letter) != argument else "b")
            case "ANY":
                made.append(letter)
            case "IN":
                made.append(_of_class(argument, letter))
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, inner = argument
                made.append("".join(_spelled(inner, extra, letter) for _ in range(min(int(most), int(least) + extra))))
            case "SUBPATTERN":
                made.append(_spelled(argument[3], extra, letter))
            case "ATOMIC_GROUP":
                made.append(_spelled(argument, extra, letter))
            case "BRANCH":
                made.append(_spelled(argument[1][0], extra, letter))
            case _:  # AT, ASSERT, ASSERT_NOT: the caller checks the whole
                pass
    return "".join(made)


def _of_class(items: Any, letter: str) -> str:
    # The letter that was asked for, if the class has it; else the first that it has.
    spelled = re.compile(_class_text(items))
    if spelled.match(letter):
        return letter
    return next((chr(code) for code in range(32, 0x3000) if spelled.match(chr(code))), letter)


def _class_text(items: Any) -> str:
    parts = []
    for code, argument in items:
        match str(code):
            case "NEGATE":
                parts.append("^")
            case "LITERAL":
                parts.append(re.escape(chr(argument)))
            case "RANGE":
                parts.append(f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}")
            case "CATEGORY":
                parts.append({"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}.get(str(argument)[9:], r"\w"))
    return f"(?a:[{''.join(parts)}])"


# Broken values.


def _broken(shape: Shape, value: Any, path: Path, request: Mapping[str, Any]) -> Iterator[Broken]:
    for constraint, wrong in _wrong(shape, value):
        if path:
            yield Broken(path, constraint, _with(request, path, wrong))
    match shape:
        case StructureShape() if isinstance(value, Mapping) and not shape.is_document_type:
            for member in shape.required_members:
                if member in value:
                    yield Broken((*path, member), "required", _without(request, (*path, member)))
            for member, inner in value.items():
                yield from _broken(shape.members[member], inner, (*path, member), request)
        case ListShape():
            for number, inner in enumerate(value[:1]):
                yield from _broken(shape.member, inner, (*path, number), request)
        case MapShape():
            for key, inner in list(value.items())[:1]:
                yield from _broken(shape.value, inner, (*path, key), request)


def _wrong(shape: Shape, value: Any) -> Iterator[tuple[str, Any]]:
    """Values that the shape forbids, by the constraint that forbids them."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    match shape.type_name:
        case "string":
            yield "type", [1]
            if getattr(shape, "enum", None) or shape.metadata.get("enum"):
                yield "enum", "no-such-word"
                return
            if least:
                yield "min", ""
            if most is not None and int(most) < _MOST:
                yield "max", _ANY * (int(most) + 1)
            odd = _misfit(shape.metadata.get("pattern"), int(least or 0), int(most or LONGEST))
            if odd is not None:
                yield "pattern", odd
        case "integer" | "long" | "float" | "double":
            yield "type", "seven"
            if least is not None:
                yield "min", int(least) - 1
            if most is not None:
                yield "max", int(most) + 1
        case "boolean":
            yield "type", "perhaps"
        case "timestamp":
            yield "type", {"when": "ever"}
        case "structure" if not getattr(shape, "is_document_type", False):
            yield "type", "text"
        case "list":
            yield "type", "text"
            if least and value:
                yield "min", []
            if most is not None and int(most) < _MOST and value:
                yield "max", value[:1] * (int(most) + 1)
        case "map":
            yield "type", ["text"]


@cache
def _misfit(pattern: str | None, least: int, most: int) -> str | None:
    """A string of allowed length that the pattern does not match; None where it matches everything."""
    if pattern is None:
        return None
    try:
        matcher = compile_java(pattern)
    except Untranslatable:
        return None
    candidates = (letter * max(1, least) for letter in "\x07!é_ /-a1")
    return next((odd for odd in candidates if len(odd) <= most and not matcher.fullmatch(odd)), None)


def _with(request: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    changed, last = _opened(request, path)
    changed[1][last] = value
    return changed[0]


def _without(request: Mapping[str, Any], path: Path) -> dict[str, Any]:
    changed, last = _opened(request, path)
    del changed[1][last]
    return changed[0]


def _opened(request: Mapping[str, Any], path: Path) -> tuple[tuple[dict[str, Any], Any], Any]:
    copy = deepcopy(dict(request))
    inner: Any = copy
    for step in path[:-1]:
        inner = inner[step]
    return (copy, inner), path[-1]
