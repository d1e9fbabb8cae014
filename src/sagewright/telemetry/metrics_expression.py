"""Metric math as text, read into a tree. Pure.

either     = both (("OR" | "||") both)*             both  = compared (("AND" | "&&") compared)*
compared   = sum (("<" | "<=" | …) sum)?            sum   = product (("+" | "-") product)*
product    = signed (("*" | "/") signed)*           signed = "-" signed | power
power      = atom ("^" signed)?                     atom  = number | text | name | call | array | "(" either ")"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'[^']*'|\"(?:[^\"\\]|\\.)*\")|(?P<sign><=|>=|==|!=|&&|\|\||[-+*/^()<>,\[\]]))"
)
_COMPARISONS: Final = ("<", "<=", ">", ">=", "==", "!=")
_DEEPEST: Final = 40


class MathError(ValueError):
    """What is wrong with an expression, as a sentence."""


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """Another query's id, or a word such as REPEAT."""

    name: str


@dataclass(frozen=True, slots=True)
class Array:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Apply:
    """A function or, under its sign, an operator."""

    function: str
    arguments: tuple[Node, ...]


Node = Number | Text | Name | Array | Apply


def parse(text: str) -> Node:
    """Raises MathError."""
    reader = _Reader(text)
    tree = reader.either()
    if reader.at < len(reader.tokens):
        raise reader.unexpected()
    return tree


def names(node: Node) -> set[str]:
    """All ids and words that an expression mentions."""
    match node:
        case Name(name):
            return {name}
        case Array(items) | Apply(_, items):
            return {name for item in items for name in names(item)}
        case _:
            return set()


def calls(node: Node) -> set[str]:
    """All functions and operators that an expression uses."""
    match node:
        case Apply(function, items):
            return {function}.union(*(calls(item) for item in items))
        case Array(items):
            return {function for item in items for function in calls(item)}
        case _:
            return set()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        self.at, self._depth = 0, 0
        position, end = 0, len(text.rstrip())
        while position < end:
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                raise MathError(f"Unexpected {text[position:].strip()[:1]!r} in expression {text!r}.")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()

    def unexpected(self) -> MathError:
        where = self.tokens[self.at][1] if self.at < len(self.tokens) else "end"
        return MathError(f"Unexpected {where!r} in expression {self.text!r}.")

    def _next(self, *signs: str) -> str | None:
        """Take the next token if it is one of these signs or words."""
        if self.at < len(self.tokens) and self.tokens[self.at][0] != "text" and self.tokens[self.at][1] in signs:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def _need(self, sign: str) -> None:
        if self._next(sign) is None:
            raise self.unexpected()

    def either(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise MathError("The expression is nested too deeply.")
        node = self._both()
        while self._next("OR", "||"):
            node = Apply("OR", (node, self._both()))
        self._depth -= 1
        return node

    def _both(self) -> Node:
        node = self._compared()
        while self._next("AND", "&&"):
            node = Apply("AND", (node, self._compared()))
        return node

    def _compared(self) -> Node:
        node = self._sum()
        if sign := self._next(*_COMPARISONS):
            node = Apply(sign, (node, self._sum()))
        return node

    def _sum(self) -> Node:
        node = self._product()
        while sign := self._next("+", "-"):
            node = Apply(sign, (node, self._product()))
        return node

    def _product(self) -> Node:
        node = self._signed()
        while sign := self._next("*", "/"):
            node = Apply(sign, (node, self._signed()))
        return node

    def _signed(self) -> Node:
        negative = False
        while self._next("-"):
            negative = not negative
        node = self._power()
        return Apply("NEGATE", (node,)) if negative else node

    def _power(self) -> Node:
        node = self._atom()
        while self._next("^"):
            negative = bool(self._next("-"))
            exponent = self._atom()
            node = Apply("^", (node, Apply("NEGATE", (exponent,)) if negative else exponent))
        return node

    def _atom(self) -> Node:
        if self.at >= len(self.tokens):
            raise self.unexpected()
        kind, token = self.tokens[self.at]
        self.at += 1
        match kind, token:
            case "number", _:
                return Number(float(token))
            case "text", _:
                return Text(re.sub(r"\\(.)", r"\1", token[1:-1]) if token[0] == '"' else token[1:-1])
            case "name", _ if self._next("("):
                return Apply(token, self._items(")"))
            case "name", _:
                return Name(token)
            case _, "[":
                return Array(self._items("]"))
            case _, "(":
                node = self.either()
                self._need(")")
                return node
        self.at -= 1
        raise self.unexpected()

    def _items(self, end: str) -> tuple[Node, ...]:
        if self._next(end):
            return ()
        items = [self.either()]
        while self._next(","):
            items.append(self.either())
        self._need(end)
        return tuple(items)
