"""The texts of policies: wildcards, variables, and ARNs that are compared part by part. Pure.

Wildcards and variables: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html and
…/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol


class Context(Protocol):
    """What is known of a request: condition keys, lower-cased, to their values. A mapping is one."""

    def get(self, key: str, /) -> Sequence[str] | None:
        """The values of a key; None for a key that the request does not have."""


class _Nothing:
    def get(self, _key: str, /) -> None:
        return None


NOTHING: Final[Context] = _Nothing()
"""A context that knows no key."""

_VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_ESCAPES: Final = frozenset("*?$")


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key, 'default'}`."""

    key: str
    """Lower-cased."""
    default: str | None


Piece = str | Variable


def pieces(text: str) -> Sequence[Piece]:
    """A text cut at its variables. `${*}`, `${?}` and `${$}` stay as they are: they stand for the character itself."""
    found: list[Piece] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        name, comma, default = match[1].partition(",")
        if name in _ESCAPES and not comma:
            continue
        found.append(text[end : match.start()])
        found.append(Variable(name.strip().lower(), default.strip().strip("'") if comma else None))
        end = match.end()
    found.append(text[end:])
    return [piece for piece in found if piece != ""]


def value_of(variable: Variable, context: Context) -> str | None:
    """What a variable stands for; None where nothing gives it one value."""
    values = context.get(variable.key)
    if values is not None and len(values) == 1:
        return values[0]
    return variable.default


class Text:
    """A text that is compared as it is, once its variables are filled."""

    __slots__ = ("_pieces", "constant")

    def __init__(self, text: str, *, variables: bool = True) -> None:
        self._pieces = pieces(text) if variables else [text]
        self.constant: str | None = None
        """The text itself where no variable is in it."""
        if not any(isinstance(piece, Variable) for piece in self._pieces):
            self.constant = "".join(_unescaped(str(piece), variables) for piece in self._pieces)

    def filled(self, context: Context) -> str | None:
        """None where a variable has no value: such a text equals nothing."""
        if self.constant is not None:
            return self.constant
        out: list[str] = []
        for piece in self._pieces:
            value = _unescaped(piece, True) if isinstance(piece, str) else value_of(piece, context)
            if value is None:
                return None
            out.append(value)
        return "".join(out)


def _unescaped(text: str, variables: bool) -> str:
    return _VARIABLE.sub(lambda match: match[1], text) if variables else text


class Glob:
    """A text with `*` for any characters and `?` for one. What variables stand for is taken literally.

    With `arn`, a wildcard stays in its part of the ARN (the parts end with a colon), but for those in the last part and
    one that ends the text.
    """

    __slots__ = ("_arn", "_fixed", "_pieces", "anything")

    def __init__(self, text: str, *, arn: bool = False, variables: bool = True) -> None:
        self.anything = text == "*"
        self._arn = arn
        self._pieces = pieces(text) if variables else [text]
        self._fixed: re.Pattern[str] | None = None
        if not any(isinstance(piece, Variable) for piece in self._pieces):
            self._fixed = re.compile(self._source(NOTHING) or "", re.DOTALL)

    def matches(self, text: str, context: Context) -> bool | None:
        """None where a variable has no value: whether it matches cannot be told."""
        if self.anything:
            return True
        if self._fixed is not None:
            return self._fixed.fullmatch(text) is not None
        source = self._source(context)
        return None if source is None else _compiled(source).fullmatch(text) is not None

    def _source(self, context: Context) -> str | None:
        """The regular expression; None where a variable has no value."""
        out: list[str] = []
        colons = 0
        for number, piece in enumerate(self._pieces):
            if isinstance(piece, Variable):
                value = value_of(piece, context)
                if value is None:
                    return None
                colons += value.count(":")
                out.append(re.escape(value))
                continue
            last = number == len(self._pieces) - 1
            for letter in re.findall(r"\$\{[*?$]\}|.", piece, re.DOTALL):
                colons += letter == ":"
                out.append(_letter(letter, bounded=self._arn and colons < _PARTS))
            if last and piece.endswith("*"):
                out[-1] = _ANY
        return linear(out)


_PARTS: Final = 5
"""Colons before the last part of an ARN."""
_ANY: Final = ".*"
_ANY_OF_PART: Final = "[^:]*"


def linear(steps: Sequence[str]) -> str:
    """One regular expression of many steps, which takes time in proportion to the text that it is matched with.

    Python's matcher tries all ways to share a text among wildcards, of which there are more than anybody can wait
    for. But the first place where the steps after a wildcard fit is as good as any later one: more is left for those
    that follow. So each is settled for good (an atomic group) when the next one begins; only the last goes on trying.
    """
    out: list[str] = []
    wildcard, after = "", ""
    for step in steps:
        if step not in (_ANY, _ANY_OF_PART):
            after += step
            continue
        if not wildcard:
            out.append(after)
        elif after:  # of two in a row the second is enough
            out.append(f"(?>{wildcard}?{after})")
        wildcard, after = step, ""
    return "".join((*out, wildcard, after))


def wildcards(text: str) -> str:
    """The regular expression of a text with `*` and `?` only: an action."""
    return linear([_letter(letter, bounded=False) for letter in text])


def _letter(letter: str, *, bounded: bool) -> str:
    match letter:
        case "*":
            return _ANY_OF_PART if bounded else _ANY
        case "?":
            return "[^:]" if bounded else "."
        case _:
            return re.escape(letter[2] if len(letter) > 1 else letter)


@lru_cache(maxsize=4096)
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source, re.DOTALL)


def as_list(value: object) -> list[str]:
    """A member that may be one string or several; what is none is left out."""
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, (list, tuple)) else []
