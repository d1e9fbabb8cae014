"""Bayesian search: a Gaussian process while there are some dozens of jobs, Optuna's Parzen estimator beyond.

numpy and Optuna are loaded with this module: by the first such search, never with the server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sagewright.tuning.ranges import Space
from sagewright.tuning.strategies import gaussian
from sagewright.tuning.strategies.parzen import Parzen
from sagewright.tuning.strategies.random import drawn, generator
from sagewright.tuning.trials import Trial

_SCATTERED: Final = 8
"""Jobs that are spread over the space before anything is learned from them; fewer where there are few ranges."""
_FEWEST: Final = 3
_DOZENS: Final = 64
"""Jobs until which the process is fast; it is the better one of the two where there are few."""


class Bayesian:
    """Learns from the jobs that have ended."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed
        self._parzen = Parzen(space)

    def propose(self, trials: Sequence[Trial], number: int) -> dict[str, str] | None:
        chance = generator(self._seed, number)
        had = {tuple(self._space.only(trial.values).values()) for trial in trials if not trial.parent}
        for values in self._promising(trials, number, chance.getrandbits(32)):
            if tuple(values.values()) not in had:
                return values
        return drawn(self._space, trials, chance)

    def _promising(self, trials: Sequence[Trial], number: int, seed: int) -> Iterator[dict[str, str]]:
        """What to try, the best first."""
        learned = sum(trial.state == "succeeded" and trial.loss is not None for trial in trials)
        scattered = max(_FEWEST, min(_SCATTERED, 2 + 2 * len(self._space.ranges)))
        if len(trials) < scattered or learned < _FEWEST:
            yield self._space.at(spread(len(self._space.ranges), self._seed, number))
        elif learned > _DOZENS:
            yield self._parzen.ask(trials, seed)
        else:
            for position in self._expected(trials, seed):
                yield self._space.at(position)

    def _expected(self, trials: Sequence[Trial], seed: int) -> Sequence[Sequence[float]]:
        points, losses, pending = [], [], []
        for trial in trials:
            position = self._space.positions(trial.values)
            if position is not None and trial.state == "succeeded" and trial.loss is not None:
                points.append(position)
                losses.append(trial.loss)
            elif position is not None and trial.state == "pending":
                pending.append(position)
        return gaussian.candidates(self._space, points, losses, pending, seed) if len(points) >= _FEWEST else []


def spread(dimensions: int, seed: int, number: int) -> list[float]:
    """Position `number` of an evenly spread sequence (Kronecker's, by the generalised golden ratio), which begins
    where the seed says."""
    ratio = 2.0
    for _ in range(30):
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    begin = generator(seed, 0)
    return [(begin.random() + number * ratio ** -(axis + 1)) % 1.0 for axis in range(dimensions)]
