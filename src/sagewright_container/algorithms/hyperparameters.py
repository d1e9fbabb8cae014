"""Hyperparameters declared as data, and the checking of a request's strings against the declarations."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from sagewright_container.algorithms.errors import ClientError

Kind = Literal["Integer", "Continuous", "Categorical", "FreeText", "List", "NestedList", "Tuple"]


class Range(NamedTuple):
    """Numbers from `low` to `high`; None is no bound; an open end leaves the bound itself out."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int | float) or math.isnan(number):
            return False
        above = self.low is None or number > self.low or (number == self.low and not self.low_open)
        below = self.high is None or number < self.high or (number == self.high and not self.high_open)
        return above and below

    def __str__(self) -> str:
        low = "(-inf" if self.low is None else f"{'(' if self.low_open else '['}{self.low}"
        high = "+inf)" if self.high is None else f"{self.high}{')' if self.high_open else ']'}"
        return f"{low}, {high}"


class Hyperparameter(NamedTuple):
    """One hyperparameter as AWS documents it.

    `range` bounds a number; `choices` are the words allowed (of each member, for lists); `words` may stand in a
    number's place (`auto`) and are left as they are. `default` is what
    the algorithm gets when the request says nothing; None leaves it to the library. `tunable` is the range,
    or are the words, that AWS recommends for tuning. `aliases` are other names for the same. `ignored` is accepted
    and without effect.
    """

    name: str
    kind: Kind
    range: Range = Range()
    choices: tuple[Any, ...] = ()
    words: tuple[str, ...] = ()
    default: Any = None
    required: bool = False
    tunable: Range | tuple[str, ...] | None = None
    aliases: tuple[str, ...] = ()
    ignored: bool = False

    def parse(self, text: str) -> Any:
        """The value of a request's string. Raises ClientError that names the hyperparameter."""
        if text.strip() in self.words:
            return text.strip()
        try:
            value = _PARSERS[self.kind](text.strip())
        except (ValueError, SyntaxError) as error:
            what = " or ".join((_WORDS[self.kind], *self.words))
            raise ClientError(f"Hyperparameter {self.name}: {text!r} is not {what}.") from error
        self._check(value, text)
        return value

    def _check(self, value: Any, text: str) -> None:
        for member in _members(self.kind, value):
            if self.choices and member not in self.choices:
                allowed = ", ".join(map(str, self.choices))
                raise ClientError(f"Hyperparameter {self.name}: {text} is not one of: {allowed}.")
            if isinstance(member, int | float) and member not in self.range:
                raise ClientError(f"Hyperparameter {self.name}: {text} is not in {self.range}.")


def integer(name: str, low: float | None = None, high: float | None = None, **more: Any) -> Hyperparameter:
    """A whole number between two bounds, both included."""
    return Hyperparameter(name=name, kind="Integer", range=Range(low, high), **more)


def number(name: str, within: Range, **more: Any) -> Hyperparameter:
    """A real number."""
    return Hyperparameter(name=name, kind="Continuous", range=within, **more)


def choice(name: str, *choices: str, **more: Any) -> Hyperparameter:
    """One of some words."""
    return Hyperparameter(name=name, kind="Categorical", choices=choices, **more)


def flag(name: str, **more: Any) -> Hyperparameter:
    """Whether to do something: `true` or `false`, as Python writes them too."""
    return choice(name, "true", "false", "True", "False", **more)


def validate(declared: Iterable[Hyperparameter], given: Mapping[str, str]) -> dict[str, Any]:
    """A request's values by their declared names, with defaults. Raises ClientError on the first wrong one."""
    rows = list(declared)
    by_name = {name: row for row in rows for name in (row.name, *row.aliases)}
    values: dict[str, Any] = {}
    for name, text in given.items():
        row = by_name.get(name)
        if row is None:
            near = importlib.import_module("difflib").get_close_matches(name, by_name, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ClientError(f"Hyperparameter {name} is not known to this algorithm.{hint}")
        if row.name in values:
            raise ClientError(f"Hyperparameter {row.name} is given twice, once as {name}.")
        values[row.name] = row.parse(str(text))
    for row in rows:
        if row.required and row.name not in values:
            raise ClientError(f"Hyperparameter {row.name} is required, and was not given.")
        if row.default is not None:
            values.setdefault(row.name, row.default)
    return {name: value for name, value in values.items() if not by_name[name].ignored}


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        value = float(text)  # a tuner hands out "3.0"
        if not value.is_integer():
            raise
        return int(value)


def _sequence(text: str) -> Any:
    value = importlib.import_module("ast").literal_eval(text)
    if not isinstance(value, list | tuple):
        raise ValueError(text)
    return value


def _nested(text: str) -> list[list[Any]]:
    value = _sequence(text)
    if not all(isinstance(inner, list | tuple) for inner in value):
        raise ValueError(text)
    return [list(inner) for inner in value]


def _members(kind: Kind, value: Any) -> Iterable[Any]:
    if kind == "NestedList":
        return [member for inner in value for member in inner]
    return value if kind in ("List", "Tuple") else [value]


_PARSERS: dict[Kind, Callable[[str], Any]] = {
    "Integer": _integer,
    "Continuous": float,
    "Categorical": str,
    "FreeText": str,
    "List": lambda text: [word.strip() for word in text.split(",")],
    "NestedList": _nested,
    "Tuple": lambda text: tuple(_sequence(text)),
}

_WORDS: dict[Kind, str] = {
    "Integer": "a whole number",
    "Continuous": "a number",
    "Categorical": "a word",
    "FreeText": "a text",
    "List": "a list of words with commas between them",
    "NestedList": "a list of lists, such as [[1, 2], [3]]",
    "Tuple": "a tuple, such as (1, 0, -1)",
}
