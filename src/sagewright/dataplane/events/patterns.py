"""Event patterns: EventBridge's matching language, read once into a function. Pure.

A pattern is a JSON object that mirrors the events it wants. A field holds either a nested object or a list of things
of which one must be true of the event's value. An event's list is matched element by element, and what is asked of
the fields of one object must be true of one and the same element.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

Matcher = Callable[[Mapping[str, Any]], bool]
_Test = Callable[[Any], bool]
"""Whether one scalar of an event is wanted."""

_DEEPEST: Final = 100
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class InvalidPattern(ValueError):
    """What is wrong with a pattern, as a sentence."""


def compiled(text: str) -> Matcher:
    """The function that tells whether an event, a decoded JSON object, is one that the pattern wants.

    Raises InvalidPattern.
    """
    try:
        pattern = orjson.loads(text)
    except ValueError as error:
        raise InvalidPattern(f"It is no JSON: {error}.") from None
    if not isinstance(pattern, dict):
        raise InvalidPattern("Filter is not an object.")
    return _object(pattern, _DEEPEST)


def _object(pattern: Mapping[str, Any], depth: int) -> Matcher:
    if not pattern:
        raise InvalidPattern("Empty objects are not allowed.")
    if not depth:
        raise InvalidPattern("It is nested too deeply.")
    parts = [_field(name, wanted, depth) for name, wanted in pattern.items()]
    return lambda event: all(part(event) for part in parts)


def _field(name: str, wanted: Any, depth: int) -> Matcher:
    if name == "$or" and isinstance(wanted, list):
        return _any_of(wanted, depth)
    if isinstance(wanted, dict):
        inner = _object(wanted, depth - 1)
        return lambda event: any(inner(each) for each in _objects(event.get(name)))
    if not isinstance(wanted, list):
        raise InvalidPattern(f'"{name}" must be an object or an array.')
    if not wanted:
        raise InvalidPattern(f'"{name}" must not be an empty array: it would match nothing.')
    if any(isinstance(each, dict) and "exists" in each for each in wanted):
        return _with_existence(name, wanted)
    tests = [_test(each) for each in wanted]
    return lambda event: any(test(value) for value in _scalars(event, name) for test in tests)


def _any_of(choices: Sequence[Any], depth: int) -> Matcher:
    if len(choices) < 2 or not all(isinstance(each, dict) for each in choices):
        raise InvalidPattern('"$or" must be an array of at least two objects.')
    matchers = [_object(each, depth - 1) for each in choices]
    return lambda event: any(matcher(event) for matcher in matchers)


def _with_existence(name: str, wanted: Sequence[Any]) -> Matcher:
    """A field where one of the alternatives asks whether there is a value at all."""
    there: list[bool] = []
    tests: list[_Test] = []
    for each in wanted:
        if isinstance(each, dict) and "exists" in each:
            if len(each) != 1 or not isinstance(each["exists"], bool):
                raise InvalidPattern("exists match pattern must be either true or false.")
            there.append(each["exists"])
        else:
            tests.append(_test(each))

    def matches(event: Mapping[str, Any]) -> bool:
        values = list(_scalars(event, name))
        return bool(values) in there or any(test(value) for value in values for test in tests)

    return matches


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects that a field holds, itself or in its lists. What is not there looks like an empty object, so
    that a field of it can be wanted absent."""
    found = False
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            found = True
            yield each
        elif isinstance(each, list):
            waiting += each
    if not found:
        yield {}


def _scalars(event: Mapping[str, Any], name: str) -> Iterator[Any]:
    """The values of a field: itself, or all that its lists hold. Objects are no values."""
    waiting = [event[name]] if name in event else []
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif not isinstance(each, Mapping):
            yield each


def _test(wanted: Any) -> _Test:
    if isinstance(wanted, dict):
        if len(wanted) != 1:
            raise InvalidPattern("Only one key allowed in match expression.")
        ((kind, operand),) = wanted.items()
        if kind not in _KINDS:
            raise InvalidPattern(f"Unrecognized match type {kind}.")
        return _KINDS[kind](operand)
    if isinstance(wanted, list):
        raise InvalidPattern("Match value must be String, number, true, false, or null.")
    return lambda value: _same(value, wanted)


def _same(value: Any, wanted: Any) -> bool:
    # In Python, 1 equals True.
    return bool(isinstance(value, bool) == isinstance(wanted, bool) and value == wanted)


def _text(operand: Any, kind: str) -> str:
    if not isinstance(operand, str):
        raise InvalidPattern(f"{kind} match pattern must be a string.")
    return operand


def _on_text(test: Callable[[str], bool]) -> _Test:
    return lambda value: isinstance(value, str) and test(value)


def _prefix(operand: Any) -> _Test:
    if isinstance(operand, dict):
        folded = _ignoring_case(operand, "prefix")
        return _on_text(lambda value: value.casefold().startswith(folded))
    start = _text(operand, "prefix")
    return _on_text(lambda value: value.startswith(start))


def _suffix(operand: Any) -> _Test:
    if isinstance(operand, dict):
        folded = _ignoring_case(operand, "suffix")
        return _on_text(lambda value: value.casefold().endswith(folded))
    end = _text(operand, "suffix")
    return _on_text(lambda value: value.endswith(end))


def _ignoring_case(operand: Mapping[str, Any], kind: str) -> str:
    if list(operand) != ["equals-ignore-case"]:
        raise InvalidPattern(f"{kind} match pattern must be a string or hold equals-ignore-case alone.")
    return _text(operand["equals-ignore-case"], kind).casefold()


def _equals_ignore_case(operand: Any) -> _Test:
    folded = _text(operand, "equals-ignore-case").casefold()
    return _on_text(lambda value: value.casefold() == folded)


def _wildcard(operand: Any) -> _Test:
    text = _text(operand, "wildcard")
    pieces: list[str] = []
    literal, escaped = "", False
    for letter in text:
        if escaped:
            if letter not in "*\\":
                raise InvalidPattern("Invalid escape character in wildcard: only * and \\ can be escaped.")
            literal, escaped = literal + letter, False
        elif letter == "\\":
            escaped = True
        elif letter == "*":
            if pieces and not literal:
                raise InvalidPattern("Consecutive wildcard characters are not allowed.")
            pieces.append(literal)
            literal = ""
        else:
            literal += letter
    if escaped:
        raise InvalidPattern("Invalid escape character in wildcard: nothing follows the last \\.")
    return _on_text(lambda value: _fits(value, [*pieces, literal]))


def _fits(value: str, pieces: Sequence[str]) -> bool:
    """Whether a value is these pieces with anything between them; linear, unlike a regular expression."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return value == first
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    at, end = len(first), len(value) - len(last)
    for piece in pieces[1:-1]:
        found = value.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _anything_but(operand: Any) -> _Test:
    if isinstance(operand, dict):
        if len(operand) != 1:
            raise InvalidPattern("Only one key allowed in anything-but match expression.")
        ((kind, unwanted),) = operand.items()
        if kind not in _NEGATED:
            raise InvalidPattern(f"Unsupported anything-but pattern: {kind}.")
        inner = [_KINDS[kind](each) for each in (unwanted if isinstance(unwanted, list) else [unwanted])]
    else:
        unwanted = operand if isinstance(operand, list) else [operand]
        if any(not isinstance(each, str | int | float) or isinstance(each, bool) for each in unwanted):
            raise InvalidPattern("Inside anything-but list, only strings and numbers are allowed.")
        inner = [_test(each) for each in unwanted]
    if not inner:
        raise InvalidPattern("Empty arrays are not allowed in anything-but.")
    return lambda value: not any(test(value) for test in inner)


def _numeric(operand: Any) -> _Test:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise InvalidPattern("Value of numeric must be an array of one or two comparisons.")
    parts = []
    for sign, bound in zip(operand[::2], operand[1::2], strict=True):
        if sign not in _COMPARISONS:
            raise InvalidPattern(f"Unrecognized numeric range operator: {sign}.")
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            raise InvalidPattern(f"Value of {sign} must be numeric.")
        parts.append((_COMPARISONS[sign], bound))
    if len(operand) == 4 and not (operand[0] in (">", ">=") and operand[2] in ("<", "<=") and operand[1] < operand[3]):
        raise InvalidPattern("A numeric range is written from its lower bound (> or >=) to its upper one (< or <=).")

    def within(value: Any) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and all(compare(value, bound) for compare, bound in parts)

    return within


def _cidr(operand: Any) -> _Test:
    text = _text(operand, "cidr")
    if not re.search(r"/\d+$", text):
        raise InvalidPattern(f"Malformed CIDR, one '/' required: {text}.")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise InvalidPattern(f"Malformed CIDR: {error}.") from None

    def inside(value: str) -> bool:
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return _on_text(inside)


_KINDS: Final[Mapping[str, Callable[[Any], _Test]]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
}
_NEGATED: Final = ("prefix", "suffix", "equals-ignore-case", "wildcard")
