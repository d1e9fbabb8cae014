"""Known surfaces, and searches on them without any server."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from sagewright.tuning.ranges import Continuous, Space
from sagewright.tuning.strategies import STRATEGIES
from sagewright.tuning.trials import Trial

Surface = Callable[[Sequence[float]], float]

BRANIN_SPACE = Space((Continuous("x", -5, 10), Continuous("y", 0, 15)))
HARTMANN_SPACE = Space(tuple(Continuous(f"x{axis}", 0, 1) for axis in range(6)))


def branin(at: Sequence[float]) -> float:
    """Three minima of 0.398."""
    x, y = at
    curve = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return curve**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


_ALPHA = (1.0, 1.2, 3.0, 3.2)
_A = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
_P = (
    (1312, 1696, 5569, 124, 8283, 5886),
    (2329, 4135, 8307, 3736, 1004, 9991),
    (2348, 1451, 3522, 2883, 3047, 6650),
    (4047, 8828, 8732, 5743, 1091, 381),
)


def hartmann(at: Sequence[float]) -> float:
    """In six dimensions; its minimum is -3.322."""
    inner = (
        sum(a * (x - p / 1e4) ** 2 for a, p, x in zip(row, place, at, strict=True))
        for row, place in zip(_A, _P, strict=True)
    )
    return -sum(alpha * math.exp(-each) for alpha, each in zip(_ALPHA, inner, strict=True))


def search(
    strategy: str,
    space: Space,
    surface: Surface,
    *,
    jobs: int,
    seed: int,
    parallel: int = 1,
    first: Sequence[Trial] = (),
) -> list[Trial]:
    """The trials of a search: so many jobs run at a time, and the oldest ends first."""
    searcher = STRATEGIES.load(strategy)(space, seed)
    own: list[Trial] = []

    def end(place: int) -> None:
        ended = own[place]
        loss = surface([float(ended.values[each.name]) for each in space.ranges])
        own[place] = Trial(ended.name, ended.number, ended.values, "succeeded", loss)

    for number in range(1, jobs + 1):
        values = searcher.propose([*first, *own], number)
        assert values is not None
        own.append(Trial(f"job-{number}", number, values))
        if number >= parallel:
            end(number - parallel)
    for place in range(jobs - parallel + 1, jobs):
        end(place)
    return own


def best(trials: Sequence[Trial]) -> float:
    return min(trial.loss for trial in trials if trial.loss is not None)
