"""Grid search: every combination of categorical values, once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from sagewright.tuning.ranges import Categorical, Integer, Range, Space
from sagewright.tuning.trials import Trial


class Grid:
    """In the order in which the values were given; the last range changes fastest."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space

    def propose(self, trials: Sequence[Trial], number: int) -> dict[str, str] | None:
        return next(_left(self._space, trials), None)


def untried(space: Space, trials: Sequence[Trial]) -> list[dict[str, str]]:
    """All combinations that no job has had; of an infinite space none are told."""
    return list(_left(space, trials)) if math.isfinite(space.size) else []


def _left(space: Space, trials: Sequence[Trial]) -> Iterator[dict[str, str]]:
    had = {tuple(space.only(trial.values).values()) for trial in trials if not trial.parent}
    for values in itertools.product(*(_all(each) for each in space.ranges)):
        if values not in had:
            yield dict(zip((each.name for each in space.ranges), values, strict=True))


def _all(given: Range) -> Sequence[str]:
    if isinstance(given, Categorical):
        return given.values
    assert isinstance(given, Integer), "continuous ranges have no end"
    return [str(value) for value in range(given.low, given.high + 1)]
