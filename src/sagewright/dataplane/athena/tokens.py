"""A statement's words. Strings, names between quotes and comments are told apart, and nothing more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

_PATTERN: Final = re.compile(
    r"""(?P<gap>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^']|'')*')
    |(?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
    |(?P<word>[^\W\d]\w*)
    |(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
    |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)


class SyntaxProblem(ValueError):
    """The statement cannot be read; the message says where."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a statement."""

    kind: Literal["string", "name", "word", "number", "sign", "end"]
    text: str
    """As written, without its quotes."""
    start: int
    end: int

    def says(self, word: str) -> bool:
        """Whether it is this keyword or sign."""
        return self.kind in ("word", "sign") and self.text.lower() == word.lower()


def tokens(statement: str) -> list[Token]:
    """All of them; the last one is of the kind `end`."""
    return [*_found(statement), Token("end", "the end of the statement", len(statement), len(statement))]


def _found(statement: str) -> Iterator[Token]:
    for match in _PATTERN.finditer(statement):
        kind, text = match.lastgroup, match[0]
        if kind == "gap":
            continue
        if kind == "sign" and (text in "'\"`" or statement.startswith("/*", match.start())):
            raise SyntaxProblem(f"SYNTAX_ERROR: What begins with {text} at position {match.start() + 1} has no end.")
        if kind in ("string", "name"):
            text = text[1:-1].replace(text[0] * 2, text[0])
        yield Token(kind, text, match.start(), match.end())  # type: ignore[arg-type]


class Reader:
    """Reads words one after the other. All methods that want something raise SyntaxProblem where it is not there."""

    def __init__(self, statement: str) -> None:
        self.statement = statement
        self.words = tokens(statement)
        while len(self.words) > 1 and self.words[-2].says(";"):
            del self.words[-2]
        self.at = 0

    @property
    def next(self) -> Token:
        return self.words[self.at]

    def take(self, *words: str) -> bool:
        """Go past these keywords or signs if they come next, all of them."""
        ahead = self.words[self.at : self.at + len(words)]
        if len(ahead) < len(words) or not all(token.says(word) for token, word in zip(ahead, words, strict=True)):
            return False
        self.at += len(words)
        return True

    def want(self, *words: str) -> None:
        if not self.take(*words):
            raise self.unexpected(" ".join(words).upper())

    def name(self) -> str:
        """A name, in lower case as the catalog has it."""
        if self.next.kind not in ("word", "name"):
            raise self.unexpected("a name")
        self.at += 1
        return self.words[self.at - 1].text.lower()

    def plain_name(self) -> str:
        """A name as it is written: those of prepared statements have either case."""
        self.name()
        return self.words[self.at - 1].text

    def pieces(self) -> list[str]:
        """What stands between commas, up to the end, each as it was written."""
        found, start, depth = [], self.next.start, 0
        while True:
            token = self.next
            if token.kind == "end" or (depth == 0 and token.says(",")):
                found.append(self.statement[start : self.words[self.at - 1].end].strip())
                if token.kind == "end":
                    return found
                start = token.end
            depth += (token.text in ("(", "[")) - (token.text in (")", "]")) if token.kind == "sign" else 0
            self.at += 1

    def property(self) -> str:
        """A string of a table's properties, as Hive reads it: between quotes of either kind."""
        if self.next.kind == "name" and self.statement[self.next.start] == '"':
            self.at += 1
            return self.words[self.at - 1].text
        return self.string()

    def string(self) -> str:
        if self.next.kind != "string":
            raise self.unexpected("a string between '")
        self.at += 1
        return self.words[self.at - 1].text

    def names(self) -> list[str]:
        """A list of names between brackets."""
        self.want("(")
        found = [self.name()]
        while self.take(","):
            found.append(self.name())
        self.want(")")
        return found

    def end(self) -> None:
        if self.next.kind != "end":
            raise self.unexpected("the end of the statement")

    def rest(self) -> str:
        """All that comes, as it was written, up to the end."""
        return self.statement[self.next.start : self.words[-2].end] if self.next.kind != "end" else ""

    def unexpected(self, wanted: str) -> SyntaxProblem:
        line = self.statement.count("\n", 0, self.next.start) + 1
        return SyntaxProblem(f"SYNTAX_ERROR: line {line}: '{self.next.text}' stands where {wanted} is expected.")


def candidates(statement: str) -> list[tuple[str | None, str]]:
    """(database, name) of all that may be a table in a query: names that stand alone or behind a database's.

    More than there are tables: the query itself, once it is understood, says which it reads.
    """
    words = [token for token in tokens(statement) if token.kind != "end"]
    found: dict[tuple[str | None, str], None] = {}
    number = 0
    while number < len(words):
        if words[number].kind not in ("word", "name"):
            number += 1
            continue
        path = [words[number].text.lower()]
        while number + 2 < len(words) and words[number + 1].says(".") and words[number + 2].kind in ("word", "name"):
            path.append(words[number + 2].text.lower())
            number += 2
        number += 1
        if len(path) == 1:
            found[None, path[0]] = None
        else:
            found[path[-2], path[-1]] = None
    return list(found)


def filled_in(statement: str, values: list[str]) -> str:
    """The statement with values for its question marks. Raises SyntaxProblem where they do not fit."""
    holes = [token for token in tokens(statement) if token.says("?")]
    if len(holes) != len(values):
        raise SyntaxProblem(
            f"SYNTAX_ERROR: The statement has {len(holes)} parameters, and {len(values)} values are given for them."
        )
    for hole, value in reversed(list(zip(holes, values, strict=True))):
        statement = statement[: hole.start] + _checked(value) + statement[hole.end :]
    return statement


def _checked(value: str) -> str:
    """A parameter is one value and no piece of a statement."""
    words = [token for token in tokens(value) if token.kind != "end"]
    if words and words[-1].end != len(value.rstrip()):
        words = []  # a comment behind it would go on over the statement
    signed = words[1:] if words and words[0].text in ("-", "+") and words[0].kind == "sign" else words
    match signed:
        case [Token(kind="number" | "string")]:
            return value
        case [Token(kind="word") as word] if word.text.lower() in ("null", "true", "false"):
            return value
        case [Token(kind="word") as word, _] if signed[1].kind == "string" and word.text.lower() in (
            "date",
            "timestamp",
            "decimal",
        ):
            return value
    raise SyntaxProblem(f"SYNTAX_ERROR: The execution parameter {value} is no value. Put strings between ' and '.")
