"""What was asked of a record, what came of it, and whether both stores of its group tell the same story.

Whether a change that got no answer was made is told by its row in the offline store, which every change has a mark in:
of what was put or updated its note, of a deletion the last three digits of its event time, which do not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

LOST: Final = "no answer"
DELETED: Final = "is_deleted"
Values = Mapping[str, str]
Row = Mapping[str, str]
"""The columns that are not null, features and `is_deleted`, as text."""


def at(hour: int, mark: int) -> str:
    """An event time: the hours of three days, in twelves. All marks of an hour are the same time."""
    return f"2026-01-0{1 + hour // 2}T{hour % 2 * 12:02}:00:00.000000{mark:03}Z"


@dataclass(frozen=True)
class Step:
    """One request about one record."""

    kind: Literal["put", "offline put", "soft", "hard", "update", "get"]
    values: Values = field(default_factory=dict)
    """As sent; of a deletion, its event time."""
    hour: int | None = None
    """The event time; None for an update that leaves it, and for a get."""
    answer: str = ""
    """'' for yes, an error's code, or LOST."""
    got: Values | None = None
    """What a get got."""

    @property
    def mark(self) -> str:
        """What tells its row from others of the record."""
        return self.values["at" if self.kind in ("soft", "hard") else "note"]


@dataclass
class Story:
    """Steps of a record that only one client asks about, one after the other."""

    identifier: str
    steps: list[Step] = field(default_factory=list)

    def complaints(self, rows: Sequence[Row], online: Values | None) -> Iterator[str]:
        """What of the stores' contents is not as it must be; `online` is what GetRecord answers at last."""
        marks = {_mark(row) for row in rows}
        model = _Model(self.identifier)
        for number, step in enumerate(self.steps):
            if step.kind == "get":
                if step.got != model.online():
                    yield f"{self.identifier}, step {number}: got {step.got}, not {model.online()}"
                continue
            lost = step.answer == LOST
            if lost and step.mark not in marks:
                continue  # it was not made
            answer = model.step(step)
            if (answer != "") if lost else (answer != step.answer):
                yield f"{self.identifier}, step {number}: {step} should have been answered with {answer!r}"
        yield from _differences(self.identifier, rows, model.rows)
        if online != model.online():
            yield f"{self.identifier}: {online} is online at last, not {model.online()}"


@dataclass
class SharedStory:
    """What many clients put and softly deleted at once, each time with another event time: whatever came first, the
    newest of the offline store's rows is what is online."""

    identifier: str
    steps: list[Step] = field(default_factory=list)

    def complaints(self, rows: Sequence[Row], online: Values | None) -> Iterator[str]:
        made = {step.values["at"]: _row(step, self.identifier) for step in self.steps}
        there = {row["at"] for row in rows}
        certain = {step.values["at"] for step in self.steps if step.answer != LOST}
        yield from _differences(self.identifier, rows, [made[when] for when in made if when in certain | there])
        newest = max(rows, key=lambda row: row["at"], default=None)
        expected = None if newest is None or newest[DELETED] == "true" else _features(newest)
        if online != expected:
            yield f"{self.identifier}: {online} is online at last, not {expected}"


class _Model:
    """What is to come of the steps of one record, said in the plainest way."""

    def __init__(self, identifier: str) -> None:
        self.rows: list[Row] = []
        self._identifier = identifier
        self._kept: tuple[int, Values, bool] | None = None
        """Event time, values, and whether it was softly deleted."""

    def online(self) -> Values | None:
        return None if self._kept is None or self._kept[2] else {"id": self._identifier, **self._kept[1]}

    def step(self, step: Step) -> str:
        """The answer."""
        if step.kind == "update":
            if self._kept is None or self._kept[2]:
                return "ResourceNotFound"
            hour = self._kept[0] if step.hour is None else step.hour
            if hour < self._kept[0]:
                return "ConflictException"
            step = Step("put", {**self._kept[1], **step.values}, hour)
        assert step.hour is not None
        before = -1 if self._kept is None else self._kept[0]
        if step.kind == "put" and step.hour >= before:
            self._kept = step.hour, step.values, False
        if step.kind == "soft" and step.hour > before:
            self._kept = step.hour, step.values, True
        if step.kind == "hard":
            if step.hour <= before:
                return "ValidationError"
            self._kept = None
        self.rows.append(_row(step, self._identifier))
        return ""


def _row(step: Step, identifier: str) -> Row:
    deleted = step.kind in ("soft", "hard")
    return {"id": identifier, **step.values, DELETED: str(deleted).lower()}


def _features(row: Row) -> Values:
    return {name: value for name, value in row.items() if name != DELETED}


def _mark(row: Row) -> str:
    return row["at"] if row[DELETED] == "true" else row["note"]


def _differences(identifier: str, found: Sequence[Row], expected: Sequence[Row]) -> Iterator[str]:
    there, wanted = (Counter(tuple(sorted(row.items())) for row in rows) for rows in (found, expected))
    for row, many in ((wanted - there) | (there - wanted)).items():
        yield f"{identifier}: {dict(row)} is {there[row]} times in the offline store, not {wanted[row]} ({many} off)"


def values_of(record: Sequence[Any]) -> Values:
    """A record as it is sent."""
    return {each["FeatureName"]: each["ValueAsString"] for each in record}


def record_of(values: Values) -> list[dict[str, str]]:
    """The same the other way round."""
    return [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]
