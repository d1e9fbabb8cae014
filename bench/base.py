"""What all measurements share: figures, a run's settings and progress, and taking turns."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

OURS: Final = "sagewright"
ROOT: Final = Path(__file__).resolve().parents[1]

Sample = Callable[[], Mapping[str, float]]
"""Does the work once; gives a value for each figure, by the figure's name."""


class Missing(Exception):
    """Something that a measurement needs is not on this machine: the sentence that the report prints."""


@dataclass
class Figure:
    """One quantity, and its samples for each subject."""

    what: str
    unit: str
    more: bool = True
    """Whether more is better."""
    goal: float | None = None
    """What ours is to reach."""
    goal_above: str | None = None
    """A subject whose median `goal` is added to."""
    share_of: str | None = None
    """A subject whose median `goal` is multiplied with."""
    samples: dict[str, list[float]] = field(default_factory=dict)

    def median(self, subject: str) -> float | None:
        """The median of a subject's samples; None where it has none."""
        samples = self.samples.get(subject)
        return statistics.median(samples) if samples else None

    def ratio(self, subject: str) -> float | None:
        """Ours over the subject's."""
        ours, other = self.median(OURS), self.median(subject)
        return None if ours is None or not other else ours / other

    def target(self) -> float | None:
        """What ours is to reach, in the figure's unit."""
        relative = self.goal_above or self.share_of
        if self.goal is None or relative is None:
            return self.goal
        reference = self.median(relative)
        if reference is None:
            return None
        return reference + self.goal if self.goal_above else reference * self.goal


class Run:
    """One measurement's settings, its folder (emptied afterwards), its notes and its progress."""

    def __init__(
        self,
        folder: Path,
        *,
        rounds: int,
        quick: bool,
        out: Path,
        only: Sequence[str] = (),
        sizes: Sequence[int] = (),
    ) -> None:
        """`out` is where charts go; it need not be there. `only` names what a measurement of several is to measure,
        `sizes` which of its numbers of rows; all of them where there are none."""
        self.folder = folder
        self._out = out
        self.rounds = rounds
        self.quick = quick
        self.only = tuple(only)
        self.sizes = tuple(sizes)
        self.failed: list[str] = []
        """Of what a measurement of several could not measure, the names."""
        self.notes: list[str] = []
        self.shown: list[str] = []
        self._width = 0
        self._short: tempfile.TemporaryDirectory[str] | None = None

    def short_folder(self) -> Path:
        """Another folder for as long, by a path that is short enough for everybody's sockets."""
        if self._short is None:
            self._short = tempfile.TemporaryDirectory()
        return Path(self._short.name)

    def amount(self, full: float, quick: float) -> float:
        """A duration or size that depends on how thorough the run is."""
        return quick if self.quick else full

    def note(self, sentence: str) -> None:
        """Something the reader of the table has to know."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def show(self, text: str) -> None:
        """Lines to be printed under the table as they are."""
        self.shown.append(text)

    def keep(self, name: str, text: str) -> None:
        """A file that stays when the run is over; a note says where."""
        self._out.mkdir(parents=True, exist_ok=True)
        (self._out / name).write_text(text)
        self.note(f"the chart is {os.path.relpath(self._out / name)}.")

    def say(self, text: str) -> None:
        """Progress, on standard error: one line that changes on a terminal, else a line each."""
        if sys.stderr.isatty():
            sys.stderr.write("\r" + f"  {text}".ljust(self._width)[:100])
            self._width = min(len(text) + 2, 100)
        else:
            sys.stderr.write(f"  {text}\n")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the progress line away."""
        if sys.stderr.isatty():
            sys.stderr.write("\r" + " " * self._width + "\r")

    def alternate(
        self, label: str, figures: Sequence[Figure], subjects: Mapping[str, Sample], *, warm: bool = True
    ) -> None:
        """Let the subjects take turns, `rounds` times; who begins changes from round to round.

        `warm` runs each subject once before anything counts, unless the run is a quick one.
        """
        by_name = {figure.what: figure for figure in figures}
        names = list(subjects)
        for number in range(0 if warm and not self.quick else 1, self.rounds + 1):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                self.say(f"{label}: {f'round {number} of {self.rounds}' if number else 'warming up'}, {name}")
                values = subjects[name]()
                if number:
                    for what, value in ((what, value) for what, value in values.items() if what in by_name):
                        by_name[what].samples.setdefault(name, []).append(value)


def rate(call: Callable[[], object], seconds: float, *, every: float = 1) -> float:
    """How often `call` runs in a second, times `every`; called for at least `seconds` and at least once."""
    done, begun = 0, time.perf_counter()
    while True:
        call()
        done += 1
        passed = time.perf_counter() - begun
        if passed >= seconds:
            return done * every / passed
