"""Bayesian search: Optuna's tree-structured Parzen estimator over all ranges at once; who still runs counts as bad.

Optuna is imported by the first such search, never with the server.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from sagewright.tuning.ranges import Categorical, Integer, Range, Space
from sagewright.tuning.strategies.random import drawn, generator
from sagewright.tuning.trials import Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import TrialState

_SCATTERED: Final = 8
"""Jobs that are spread over the space before anything is learned from them; fewer where there are few ranges."""
_FEWEST: Final = 3
_COUNTED: Final = 10_000


class Bayesian:
    """Keeps a study in step with the trials that it is shown."""

    def __init__(self, space: Space, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        # It says so of two options that have been there for years; and divides by zero where losses are far apart.
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="optuna")
        self._optuna = optuna
        self._space, self._seed = space, seed
        self._distributions = {each.name: self._distribution(each) for each in space.ranges}
        self._begin()

    def propose(self, trials: Sequence[Trial], number: int) -> dict[str, str] | None:
        chance = generator(self._seed, number)
        learned = sum(trial.state == "succeeded" and trial.loss is not None for trial in trials)
        scattered = max(_FEWEST, min(_SCATTERED, 2 + 2 * len(self._space.ranges)))
        if len(trials) < scattered or learned < _FEWEST:
            values = self._space.at(spread(len(self._space.ranges), self._seed, number))
        else:
            self._follow(trials)
            values = self._ask(chance.getrandbits(32))
        had = {tuple(self._space.only(trial.values).values()) for trial in trials if not trial.parent}
        return values if tuple(values.values()) not in had else drawn(self._space, trials, chance)

    def _begin(self) -> None:
        self._study = self._optuna.create_study()
        self._count = 0
        self._told: dict[str, tuple[int, Trial]] = {}
        """By a job's name: its number in the study, and as what it is there."""

    def _follow(self, trials: Sequence[Trial]) -> None:
        """Tell the study what has happened since. Where losses are measured anew, it is made anew."""
        states = self._optuna.trial.TrialState
        if any(
            trial.name in self._told and self._told[trial.name][1].loss not in (None, trial.loss) for trial in trials
        ):
            self._begin()
        for trial in trials:
            number, before = self._told.get(trial.name, (-1, None))
            if before is None:
                self._add(trial, self._state(trial))
            elif before.state != trial.state:
                state = self._state(trial)
                self._study.tell(number, trial.loss if state == states.COMPLETE else None, state=state)
                self._told[trial.name] = (number, trial)

    def _add(self, trial: Trial, state: TrialState) -> None:
        positions = self._space.positions(trial.values)
        if positions is None or state == self._optuna.trial.TrialState.FAIL:
            return  # a parent's that lies outside, or nothing to learn from
        pairs = zip(self._space.ranges, positions, strict=True)
        made = self._optuna.trial.create_trial(
            state=state,
            value=trial.loss if state == self._optuna.trial.TrialState.COMPLETE else None,
            params={each.name: _param(each, trial.values[each.name], at) for each, at in pairs},
            distributions=self._distributions,
        )
        self._study.add_trial(made)
        self._told[trial.name] = (self._count, trial)
        self._count += 1

    def _ask(self, seed: int) -> dict[str, str]:
        self._study.sampler = self._optuna.samplers.TPESampler(
            multivariate=True, constant_liar=True, n_startup_trials=_FEWEST, seed=seed
        )
        asked = self._study.ask(self._distributions)
        # It is told to the study once its job is there. One that was only asked for must not count as running.
        self._study.tell(asked, state=self._optuna.trial.TrialState.FAIL)
        self._count += 1
        return {each.name: _text(each, asked.params[each.name]) for each in self._space.ranges}

    def _state(self, trial: Trial) -> TrialState:
        states = self._optuna.trial.TrialState
        if trial.state == "pending":
            return states.RUNNING
        return states.COMPLETE if trial.state == "succeeded" and trial.loss is not None else states.FAIL

    @staticmethod
    def _distribution(given: Range) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if isinstance(given, Categorical):
            return CategoricalDistribution(given.values)
        if _is_counted(given):
            return IntDistribution(given.low, given.high, log=given.scale == "Logarithmic")
        return FloatDistribution(0.0, 1.0)


def spread(dimensions: int, seed: int, number: int) -> list[float]:
    """Position `number` of an evenly spread sequence (Kronecker's, by the generalised golden ratio), which begins
    where the seed says."""
    ratio = 2.0
    for _ in range(30):
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    begin = generator(seed, 0)
    return [(begin.random() + number * ratio ** -(axis + 1)) % 1.0 for axis in range(dimensions)]


def _param(given: Range, text: str, position: float) -> Any:
    if isinstance(given, Categorical):
        return text
    return int(text) if _is_counted(given) else position


def _text(given: Range, param: Any) -> str:
    return str(param) if isinstance(given, Categorical) or _is_counted(given) else given.at(param)


def _is_counted(given: Range) -> TypeGuard[Integer]:
    """Whether each of its numbers matters by itself; of very many, only their places on the scale do."""
    return isinstance(given, Integer) and given.size <= _COUNTED
