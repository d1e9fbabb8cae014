"""Composite alarms' rules: `ALARM("a") AND NOT (OK("b") OR INSUFFICIENT_DATA("c"))`, read and computed. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<function>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?P<name>\"[^\"]+\"|'[^']+'|[^\s()\"']+)\s*\)"
    r"|(?P<word>AND\b|OR\b|NOT\b|TRUE\b|FALSE\b|\(|\)))"
)
_DEEPEST: Final = 40

Truth = Callable[[Mapping[str, str]], bool]


class InvalidRule(ValueError):
    """What is wrong with a rule, as a sentence."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, read."""

    alarms: frozenset[str]
    """The names or ARNs that it mentions, as names."""
    true: Truth
    """From alarms' states, by name, to whether the rule holds."""


def parse(text: str) -> Rule:
    """Raises InvalidRule."""
    tokens: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            raise InvalidRule(f"it cannot be read at {text[position:].strip()[:20]!r}.")
        tokens.append((found["word"] or found["function"], _name(found["name"] or "")))
        position = found.end()
    reader = _Reader(tokens)
    truth = reader.either()
    if reader.at < len(tokens):
        raise InvalidRule(f"there is {tokens[reader.at][0]!r} too many.")
    return Rule(frozenset(name for _, name in tokens if name), truth)


def _name(given: str) -> str:
    name = given.strip("\"'")
    return name.partition(":alarm:")[2] if name.startswith("arn:") else name


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self.at, self._depth = 0, 0

    def _take(self, word: str) -> bool:
        if self.at < len(self._tokens) and self._tokens[self.at][0] == word:
            self.at += 1
            return True
        return False

    def either(self) -> Truth:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise InvalidRule("it is nested too deeply.")
        parts = [self._both()]
        while self._take("OR"):
            parts.append(self._both())
        self._depth -= 1
        return lambda states: any(part(states) for part in parts)

    def _both(self) -> Truth:
        parts = [self._one()]
        while self._take("AND"):
            parts.append(self._one())
        return lambda states: all(part(states) for part in parts)

    def _one(self) -> Truth:
        negative = False
        while self._take("NOT"):
            negative = not negative
        truth = self._atom()
        return (lambda states: not truth(states)) if negative else truth

    def _atom(self) -> Truth:
        if self.at >= len(self._tokens):
            raise InvalidRule("it ends where an alarm is expected.")
        word, name = self._tokens[self.at]
        self.at += 1
        if word == "(":
            inner = self.either()
            if not self._take(")"):
                raise InvalidRule("a parenthesis is not closed.")
            return inner
        if word in ("TRUE", "FALSE"):
            return lambda _states: word == "TRUE"
        if not name:
            raise InvalidRule(f"{word!r} stands where an alarm is expected.")
        return lambda states: states.get(name) == word
