"""Filter patterns of CloudWatch Logs: which messages a pattern matches. Pure.

The syntax: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html

    error timeout       both terms, in any order, case-sensitive
    "timed out"         a phrase
    ?ERROR ?WARN        any of these
    ERROR -timeout      the one and not the other
    %re%                a regular expression
    { $.a.b = "x" && ($.n > 3 || $.list[0] IS NULL) }      members of a message that is JSON; * stands for anything
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

Matcher = Callable[[str], bool]
_JsonMatcher = Callable[[Any], bool]


class BadPattern(ValueError):
    """The pattern cannot be read; the message says why."""


def compile_pattern(pattern: str) -> Matcher:
    """A function that says whether a message matches. Raises BadPattern."""
    text = pattern.strip()
    if text.startswith("{"):
        if not text.endswith("}"):
            raise BadPattern("a JSON pattern ends in }")
        return _json(text[1:-1])
    if text.startswith("["):
        raise BadPattern("space-delimited patterns ([a, b, …]) are not done yet; use terms")
    return _terms(text)


_TERM: Final = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%((?:[^%\\]|\\.)+)%|([^\s"%?-][^\s]*))')


def _terms(text: str) -> Matcher:
    needed: list[Matcher] = []
    optional: list[Matcher] = []
    refused: list[Matcher] = []
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
            raise BadPattern(f"{text[position:]!r} is neither a term nor a quoted phrase")
        sign, phrase, expression, word = found.groups()
        position = found.end()
        matcher = _expression(expression) if expression is not None else _contains(_unquoted(phrase, word))
        {"": needed, "?": optional, "-": refused}[sign].append(matcher)
    # AWS ignores the optional terms where there are needed ones.
    if needed or not optional:
        return lambda message: all(m(message) for m in needed) and not any(m(message) for m in refused)
    return lambda message: any(m(message) for m in optional) and not any(m(message) for m in refused)


def _unquoted(phrase: str | None, word: str | None) -> str:
    return word or "" if phrase is None else re.sub(r"\\(.)", r"\1", phrase)


def _contains(term: str) -> Matcher:
    return lambda message: term in message


def _expression(text: str) -> Matcher:
    try:
        compiled = re.compile(text)
    except re.error as error:
        raise BadPattern(f"%{text}% is no regular expression: {error}") from error
    return lambda message: compiled.search(message) is not None


# JSON patterns: a small recursive-descent parser whose result is a function of the decoded message.

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<path>\$(?:\.[\w-]+|\[(?:\d+|"[^"]+"|'[^']+')\])+)
      | (?P<compare><=|>=|!=|=|<|>)
      | (?P<joint>&&|\|\||[()])
      | (?P<phrase>"(?:[^"\\]|\\.)*")
      | %(?P<regex>(?:[^%\\]|\\.)+)%
      | (?P<word>[^\s()&|=<>!"]+)
    )""",
    re.VERBOSE,
)
_STEP: Final = re.compile(r"""\.([\w-]+)|\[(\d+)\]|\["([^"]+)"\]|\['([^']+)'\]""")
_NOTHING: Final = object()
_ORDERS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def _json(text: str) -> Matcher:
    parser = _Parser(text)
    matches = parser.either()
    parser.finish()

    def matcher(message: str) -> bool:
        if "{" not in message:
            return False
        try:
            return matches(orjson.loads(message))
        except orjson.JSONDecodeError:
            return False

    return matcher


class _Parser:
    """Reads `either := both ("||" both)*`, `both := one ("&&" one)*`, `one := "(" either ")" | path comparison`."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if found is None:
                raise BadPattern(f"{text[position:]!r} cannot be read")
            kind = found.lastgroup or ""
            self._tokens.append((kind, found[kind]))
            position = found.end()
        self._next = 0

    def either(self) -> _JsonMatcher:
        parts = [self._both()]
        while self._take("||"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda value: any(part(value) for part in parts)

    def _both(self) -> _JsonMatcher:
        parts = [self._one()]
        while self._take("&&"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda value: all(part(value) for part in parts)

    def _one(self) -> _JsonMatcher:
        if self._take("("):
            inner = self.either()
            if not self._take(")"):
                raise BadPattern("a parenthesis is not closed")
            return inner
        kind, path = self._pop()
        if kind != "path":
            raise BadPattern(f"{path!r} stands where a selector such as $.name was expected")
        return self._comparison(path)

    def _comparison(self, path: str) -> _JsonMatcher:
        kind, word = self._pop()
        if kind == "compare":
            return _compared(path, word, *self._pop())
        rest = word.upper()
        if rest in ("IS", "NOT"):
            rest = f"{rest} {self._pop()[1].upper()}"
        test = _STATES.get(rest)
        if test is None:
            raise BadPattern(f"{word!r} is no comparison")
        return lambda value: test(_select(value, path))

    def finish(self) -> None:
        if self._next < len(self._tokens):
            raise BadPattern(f"{self._tokens[self._next][1]!r} is left over")

    def _take(self, wanted: str) -> bool:
        if self._next < len(self._tokens) and self._tokens[self._next] == ("joint", wanted):
            self._next += 1
            return True
        return False

    def _pop(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise BadPattern("the pattern ends too early")
        self._next += 1
        return self._tokens[self._next - 1]


_STATES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "IS TRUE": lambda value: value is True,
    "IS FALSE": lambda value: value is False,
    "IS NULL": lambda value: value is None,
    "EXISTS": lambda value: value is not _NOTHING,
    "NOT EXISTS": lambda value: value is _NOTHING,
}


def _select(value: Any, path: str) -> Any:
    for member, index, *quoted in _STEP.findall(path):
        name = member or quoted[0] or quoted[1]
        if index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        elif not index and isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return _NOTHING
    return value


def _compared(path: str, comparison: str, kind: str, wanted: str) -> _JsonMatcher:
    if kind not in ("phrase", "word", "regex"):
        raise BadPattern(f"{wanted!r} stands where a value was expected")
    if comparison in _ORDERS:
        order, number = _ORDERS[comparison], _number(wanted)
        if kind != "word" or number is None:
            raise BadPattern(f"{wanted!r} is not a number, and only numbers are less or greater")
        return lambda value: _is_number(found := _select(value, path)) and order(found, number)
    equal = _equals(kind, wanted)
    if comparison == "=":
        return lambda value: equal(_select(value, path))
    return lambda value: (found := _select(value, path)) is not _NOTHING and not equal(found)


def _equals(kind: str, wanted: str) -> Callable[[Any], bool]:
    if kind == "regex":
        matches = _expression(wanted)
        return lambda found: isinstance(found, str) and matches(found)
    text = re.sub(r"\\(.)", r"\1", wanted[1:-1]) if kind == "phrase" else wanted
    pattern = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)
    number = _number(text) if kind == "word" else None

    def equal(found: Any) -> bool:
        if number is not None and _is_number(found):
            return bool(found == number)
        return isinstance(found, str) and pattern.fullmatch(found) is not None

    return equal


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
