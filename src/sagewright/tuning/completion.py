"""When a tuning job has tried enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_BETTER: Final = 0.01
"""What counts as an improvement, beside the best until then."""
_CONVERGED: Final = (10, 2)
"""Jobs without an improvement after which search has converged: at least so many, and so many for each range."""
ATTEMPTS: Final = 5
"""Jobs of which one has to succeed, or there is no use in going on."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """TuningJobCompletionCriteria, with the target as a loss."""

    target: float | None = None
    not_improving: int | None = None
    on_convergence: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How search went, from the losses in the order in which their jobs ended."""

    not_improving: int = 0
    """Jobs since the last one that was better than the best before it, by one percent at least."""
    best: float | None = None


def progress(losses: Sequence[float]) -> Progress:
    """What the losses of the jobs that succeeded tell, oldest first."""
    best: float | None = None
    mark: float | None = None
    since = 0
    for loss in losses:
        if mark is None or loss < mark - abs(mark) * _BETTER:
            mark, since = loss, 0
        else:
            since += 1
        best = loss if best is None else min(best, loss)
    return Progress(since, best)


def converged(state: Progress, ranges: int) -> bool:
    """Whether nothing better is to be expected."""
    fewest, each = _CONVERGED
    return state.best is not None and state.not_improving >= max(fewest, each * ranges)


def over(criteria: Criteria, state: Progress, ranges: int) -> bool:
    """Whether one of the criteria is met."""
    if state.best is None:
        return False
    if criteria.target is not None and state.best <= criteria.target:
        return True
    if criteria.not_improving is not None and state.not_improving >= criteria.not_improving:
        return True
    return criteria.on_convergence and converged(state, ranges)
