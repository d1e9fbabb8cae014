"""Random search: every job is drawn for itself, whatever the others found."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random as Generator
from typing import Final

from sagewright.tuning.ranges import Space
from sagewright.tuning.strategies.grid import untried
from sagewright.tuning.trials import Trial

_DRAWS: Final = 50


class Random:
    """Uniform on the scales of the ranges."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed

    def propose(self, trials: Sequence[Trial], number: int) -> dict[str, str] | None:
        return drawn(self._space, trials, generator(self._seed, number))


def generator(seed: int, number: int) -> Generator:
    """Chance for the job with that number alone, so that a restart changes nothing."""
    return Generator(f"{seed}/{number}")  # noqa: S311 - a draw, not a secret


def drawn(space: Space, trials: Sequence[Trial], chance: Generator) -> dict[str, str] | None:
    """Values that nobody has had; None where there are no more."""
    had = {tuple(space.only(trial.values).values()) for trial in trials if not trial.parent}
    for _ in range(_DRAWS):
        values = space.at([chance.random() for _ in space.ranges])
        if tuple(values.values()) not in had:
            return values
    left = untried(space, trials)  # nearly all were tried, or there are no more
    return chance.choice(left) if left else None
