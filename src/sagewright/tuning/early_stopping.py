"""Which running jobs are not worth their end: the median rule, and Hyperband's rungs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sagewright.tuning.trials import Trial

_FEWEST: Final = 3
"""Jobs that must have ended before the median of them says something."""
REDUCTION: Final = 3
"""One in this many goes on from a rung of Hyperband to the next."""


def below_median(running: Trial, others: Sequence[Trial]) -> bool:
    """Whether a running job is worse than the median of what earlier ones were on average until the same step.

    That is the rule which AWS documents for TrainingJobEarlyStoppingType `Auto`. It judges steps that others went
    beyond: who has told its last value is about to keep its model.
    """
    step = len(running.curve)
    ended = [trial.curve for trial in others if trial.state == "succeeded" and len(trial.curve) >= step]
    if not step or len(ended) < _FEWEST or sum(len(curve) > step for curve in ended) * 2 < len(ended):
        return False
    averages = [statistics.fmean(curve[:step]) for curve in ended]
    return running.curve[-1] > statistics.median(averages)


@dataclass(frozen=True, slots=True)
class Hyperband:
    """The rungs of asynchronous successive halving, in several brackets.

    A job's resource is how often it has told its objective: an epoch, mostly. At each rung of its bracket it goes on
    if it is among the best third of those that came there; the brackets begin later and later, for what learns slowly.
    """

    least: int
    most: int

    @property
    def rungs(self) -> tuple[int, ...]:
        found = [self.least]
        while found[-1] * REDUCTION < self.most:
            found.append(found[-1] * REDUCTION)
        return tuple(found)

    def bracket(self, number: int) -> tuple[int, ...]:
        """The rungs of the job with that number. Brackets that end more jobs early get more of them."""
        rungs = self.rungs
        shares = [REDUCTION ** (len(rungs) - skipped) for skipped in range(len(rungs))]
        turn = (number - 1) % sum(shares)
        for skipped, share in enumerate(shares):
            if turn < share:
                return rungs[skipped:]
            turn -= share
        return rungs

    def ends(self, running: Trial, others: Sequence[Trial]) -> bool:
        """Whether it has used up what a job may, or was not good enough at one of its rungs."""
        if len(running.curve) > self.most:
            return True
        for rung in self.bracket(running.number):
            if rung > len(running.curve):
                return False
            there = [
                trial.curve[rung - 1]
                for trial in others
                if trial.number != running.number and len(trial.curve) >= rung and rung in self.bracket(trial.number)
            ]
            better = sum(loss < running.curve[rung - 1] for loss in there)
            if len(there) + 1 >= REDUCTION and better >= max(1, (len(there) + 1) // REDUCTION):
                return True
        return False
