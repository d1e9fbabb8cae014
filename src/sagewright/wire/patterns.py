"""The models' regular expressions, written for Java, as Python's `re`. Used by `validate` only.

Java matches the whole value, so `^` and `$` in the models change nothing. Patterns that could take exponential time,
or that Python reads otherwise, have an equivalent in `patterns.json`, which is a list of `pattern` (as the model has
it, and as error messages go on showing it), `instead` and `why`. The tests attack every pattern of every service.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

import orjson

LONGEST: Final = 16_384
"""Longer values are not matched: Python's matcher has no time limit, and some patterns are quadratic."""

# Java's POSIX classes (java.util.regex.Pattern), as the inside of a character class.
_POSIX: Final = {
    "ASCII": r"\x00-\x7f",
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "Digit": "0-9",
    "Graph": r"\x21-\x7e",
    "Lower": "a-z",
    "Print": r"\x20-\x7e",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0b\f\r",
    "Upper": "A-Z",
    "XDigit": "0-9a-fA-F",
}
_REWRITTEN: Final = Path(__file__).with_name("patterns.json")
_PROPERTY: Final = re.compile(r"\\p\{(?:Is)?(\w+)\}|\\p(\w)")
# AWS's idiom for "any character that XML allows" spells surrogate pairs out; Python has whole code points.
_ASTRAL: Final = r"\uD800\uDC00-\uDBFF\uDFFF"
_UNICODE_END: Final = 0x40000
"""Planes beyond the third hold no letters, marks or numbers that anybody can type."""


class Untranslatable(ValueError):
    """A pattern that Python cannot be made to read."""


@cache
def compile_java(pattern: str) -> re.Pattern[str]:
    """Compiled for `fullmatch`. Raises `Untranslatable`."""
    try:
        return re.compile(translate(pattern))
    except re.error as exc:
        raise Untranslatable(f"{pattern!r}: {exc}") from exc


def translate(pattern: str) -> str:
    """The Python spelling of a Java pattern."""
    text = _rewritten().get(pattern, pattern).replace(_ASTRAL, r"\U00010000-\U0010FFFF").replace(r"\z", r"\Z")
    # A hyphen after a class such as \w cannot start a range; Java takes it literally.
    text = re.sub(r"(\\[wWdDsS])-(?=[^\]])", r"\1\\-", text)
    # Properties become ranges from the last to the first, so that positions stay true.
    for match in reversed(list(_PROPERTY.finditer(text))):
        inside = _ranges(match[1] or match[2])
        if not _in_class(text, match.start()):
            inside = f"[{inside}]"
        text = text[: match.start()] + inside + text[match.end() :]
    # Java's \w, \d and \s are ASCII.
    return f"(?a:{text})"


@cache
def _rewritten() -> dict[str, str]:
    return {row["pattern"]: row["instead"] for row in orjson.loads(_REWRITTEN.read_bytes())}


def _in_class(text: str, position: int) -> bool:
    inside, index = False, 0
    while index < position:
        if text[index] == "\\":
            index += 1
        elif text[index] == "[":
            inside = True
        elif text[index] == "]":
            inside = False
        index += 1
    return inside


def _ranges(name: str) -> str:
    if name in _POSIX:
        return _POSIX[name]
    found = "".join(ranges for category, ranges in _categories().items() if category.startswith(name))
    if not found:
        raise Untranslatable(f"no character has the property {name!r}")
    return found


@cache
def _categories() -> dict[str, str]:
    """Unicode's general categories (`Lu`, `Zs`, …) as ranges. Takes 30 ms, once, for the first tag."""
    found: dict[str, list[str]] = {}
    position = 0
    for category, run in groupby(unicodedata.category(chr(code)) for code in range(_UNICODE_END)):
        size = sum(1 for _ in run)
        found.setdefault(category, []).append(f"\\U{position:08x}-\\U{position + size - 1:08x}")
        position += size
    return {category: "".join(ranges) for category, ranges in found.items()}
