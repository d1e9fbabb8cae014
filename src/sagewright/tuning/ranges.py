"""Ranges of hyperparameters, their scales, and how values are spelled.

A value is a position between 0 and 1 on the scale of its range, so that every strategy works in a unit cube.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from sagewright.tuning.trials import Values

Scale = Literal["Linear", "Logarithmic", "ReverseLogarithmic"]

_DECADES: Final = 1000.0
"""Auto means a logarithmic scale for ranges whose ends are this far apart, by ratio."""
MOST_RANGES: Final = 30
_LARGEST_INTEGER: Final = 2**53
"""Up to there a double tells every integer from the next."""


class Range(ABC):
    """What one hyperparameter may be."""

    name: str

    @property
    @abstractmethod
    def size(self) -> float:
        """How many values it has; infinite for continuous ranges."""

    @abstractmethod
    def at(self, position: float) -> str:
        """The value at a position from 0 to 1."""

    @abstractmethod
    def position(self, text: str) -> float | None:
        """Where a value stands; None for what is not in the range."""


@dataclass(frozen=True)
class Integer(Range):
    """Whole numbers from `low` to `high`, both of them included."""

    name: str
    low: int
    high: int
    scale: Scale = "Linear"

    @property
    def size(self) -> float:
        return self.high - self.low + 1

    def at(self, position: float) -> str:
        # Each number has an equal share of the scale, the first and the last as well.
        low, high = _scaled(self.low - 0.5, self.scale), _scaled(self.high + 0.5, self.scale)
        value = round(_unscaled(_between(low, high, position), self.scale))
        return str(min(max(value, self.low), self.high))

    def position(self, text: str) -> float | None:
        try:
            value = int(text)
        except ValueError:
            return None
        if not self.low <= value <= self.high:
            return None
        low, high = _scaled(self.low - 0.5, self.scale), _scaled(self.high + 0.5, self.scale)
        return _share(low, high, _scaled(value, self.scale))


@dataclass(frozen=True)
class Continuous(Range):
    """Numbers from `low` to `high`."""

    name: str
    low: float
    high: float
    scale: Scale = "Linear"

    @property
    def size(self) -> float:
        return math.inf

    def at(self, position: float) -> str:
        low, high = _scaled(self.low, self.scale), _scaled(self.high, self.scale)
        value = _unscaled(_between(low, high, position), self.scale)
        return repr(min(max(value, self.low), self.high))

    def position(self, text: str) -> float | None:
        try:
            value = float(text)
        except ValueError:
            return None
        if not self.low <= value <= self.high:
            return None
        low, high = _scaled(self.low, self.scale), _scaled(self.high, self.scale)
        return _share(low, high, _scaled(value, self.scale))


@dataclass(frozen=True)
class Categorical(Range):
    """One of some texts, which have no order."""

    name: str
    values: tuple[str, ...]

    @property
    def size(self) -> float:
        return len(self.values)

    def at(self, position: float) -> str:
        return self.values[min(int(position * len(self.values)), len(self.values) - 1)]

    def position(self, text: str) -> float | None:
        return (self.values.index(text) + 0.5) / len(self.values) if text in self.values else None


@dataclass(frozen=True)
class Space:
    """All ranges of one search, in the order in which they were given."""

    ranges: tuple[Range, ...]

    @cached_property
    def size(self) -> float:
        """How many combinations there are."""
        return math.prod((each.size for each in self.ranges), start=1)

    def at(self, positions: Sequence[float]) -> dict[str, str]:
        return {each.name: each.at(u) for each, u in zip(self.ranges, positions, strict=True)}

    def positions(self, values: Values) -> list[float] | None:
        """Where values stand; None where one of them is missing or outside."""
        found = [each.position(values[each.name]) if each.name in values else None for each in self.ranges]
        return None if None in found else [u for u in found if u is not None]

    def only(self, values: Values) -> dict[str, str]:
        return {each.name: values[each.name] for each in self.ranges if each.name in values}


def parse(ranges: Mapping[str, Any]) -> Space:
    """The space of a request's ParameterRanges. Raises ValueError with the sentence that the caller reads."""
    found: list[Range] = [
        *(_integer(each) for each in ranges.get("IntegerParameterRanges", ())),
        *(_continuous(each) for each in ranges.get("ContinuousParameterRanges", ())),
        *(_categorical(each) for each in ranges.get("CategoricalParameterRanges", ())),
    ]
    names = [each.name for each in found]
    if "" in names:
        raise ValueError("Each hyperparameter needs a name.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"Each hyperparameter may have one range. Given more than once: {', '.join(twice)}.")
    if len(found) > MOST_RANGES:
        raise ValueError(f"At most {MOST_RANGES} hyperparameters can be searched. Given: {len(found)}.")
    return Space(tuple(found))


def _integer(given: Mapping[str, Any]) -> Integer:
    name = given["Name"]
    low, high = (_number(given, member, "integer", int) for member in ("MinValue", "MaxValue"))
    _ordered(name, low, high)
    return Integer(name, low, high, _scale(name, given.get("ScalingType", "Auto"), low, high, reverse=False))


def _continuous(given: Mapping[str, Any]) -> Continuous:
    name = given["Name"]
    low, high = (_number(given, member, "continuous", float) for member in ("MinValue", "MaxValue"))
    _ordered(name, low, high)
    return Continuous(name, low, high, _scale(name, given.get("ScalingType", "Auto"), low, high, reverse=True))


def _categorical(given: Mapping[str, Any]) -> Categorical:
    name, values = given["Name"], given["Values"]
    if twice := sorted({value for value in values if values.count(value) > 1}):
        raise ValueError(f"The values of categorical hyperparameter [{name}] must differ. Twice: {', '.join(twice)}.")
    return Categorical(name, tuple(values))


def _number(given: Mapping[str, Any], member: str, kind: str, read: type[int] | type[float]) -> Any:
    try:
        value = read(given[member])
    except ValueError:
        value = math.nan
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        raise ValueError(f"{member} of the integer hyperparameter [{given['Name']}] is too large.")
    if not math.isfinite(value):
        raise ValueError(
            f"{member} [{given[member]}] of the {kind} hyperparameter [{given['Name']}] is not "
            f"{'an integer' if read is int else 'a number'}."
        )
    return value


def _ordered(name: str, low: float, high: float) -> None:
    if low >= high:
        raise ValueError(
            f"MinValue [{low}] of hyperparameter [{name}] must be less than its MaxValue [{high}]. A hyperparameter "
            "that does not change belongs into StaticHyperParameters."
        )


def _scale(name: str, wanted: str, low: float, high: float, *, reverse: bool) -> Scale:
    if wanted == "Logarithmic":
        if low <= 0:
            raise ValueError(f"Logarithmic scaling needs values above 0. MinValue of hyperparameter [{name}] is {low}.")
        return "Logarithmic"
    if wanted == "ReverseLogarithmic":
        if not reverse:
            raise ValueError(f"ReverseLogarithmic scaling is for continuous ranges only, unlike [{name}].")
        if not 0 <= low < high < 1:
            raise ValueError(
                f"ReverseLogarithmic scaling needs a range within 0 <= x < 1.0. That of hyperparameter [{name}] is "
                f"{low} to {high}."
            )
        return "ReverseLogarithmic"
    if wanted == "Auto" and low > 0 and high / low >= _DECADES:
        return "Logarithmic"
    if wanted == "Auto" and reverse and 0 <= low < high < 1 and (1 - low) / (1 - high) >= _DECADES:
        return "ReverseLogarithmic"
    return "Linear"


def _between(low: float, high: float, share: float) -> float:
    """Without the difference of the two, which may be more than a double holds."""
    return low * (1 - share) + high * share


def _share(low: float, high: float, value: float) -> float:
    return (value / 2 - low / 2) / (high / 2 - low / 2)


def _scaled(value: float, scale: Scale) -> float:
    if scale == "Logarithmic":
        return math.log(value)
    return -math.log1p(-value) if scale == "ReverseLogarithmic" else float(value)


def _unscaled(value: float, scale: Scale) -> float:
    if scale == "Logarithmic":
        return math.exp(value)
    return -math.expm1(-value) if scale == "ReverseLogarithmic" else value
