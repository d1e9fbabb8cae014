"""Optuna's tree-structured Parzen estimator over all ranges at once; who still runs counts as bad.

Loaded by the first Bayesian search.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Final, TypeGuard

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from sagewright.tuning.ranges import Categorical, Integer, Range, Space
from sagewright.tuning.trials import Trial

_COUNTED: Final = 10_000


class Parzen:
    """A study that is kept in step with the trials that it is shown."""

    def __init__(self, space: Space) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        # It says so of two options that have been there for years; and divides by zero where losses are far apart.
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="optuna")
        self._space = space
        self._distributions = {each.name: _distribution(each) for each in space.ranges}
        self._begin()

    def ask(self, trials: Sequence[Trial], seed: int) -> dict[str, str]:
        """What to try, after all that has happened."""
        self._follow(trials)
        self._study.sampler = optuna.samplers.TPESampler(
            multivariate=True, constant_liar=True, n_startup_trials=1, seed=seed
        )
        asked = self._study.ask(self._distributions)
        # It is told to the study once its job is there. One that was only asked for must not count as running.
        self._study.tell(asked, state=TrialState.FAIL)
        self._count += 1
        return {each.name: _text(each, asked.params[each.name]) for each in self._space.ranges}

    def _begin(self) -> None:
        self._study = optuna.create_study()
        self._count = 0
        self._told: dict[str, tuple[int, Trial]] = {}
        """By a job's name: its number in the study, and as what it is there."""

    def _follow(self, trials: Sequence[Trial]) -> None:
        """Tell the study what has happened since. Where losses are measured anew, it is made anew."""
        if any(
            trial.name in self._told and self._told[trial.name][1].loss not in (None, trial.loss) for trial in trials
        ):
            self._begin()
        for trial in trials:
            number, before = self._told.get(trial.name, (-1, None))
            if before is None:
                self._add(trial)
            elif before.state != trial.state:
                state = _state(trial)
                self._study.tell(number, trial.loss if state == TrialState.COMPLETE else None, state=state)
                self._told[trial.name] = (number, trial)

    def _add(self, trial: Trial) -> None:
        positions, state = self._space.positions(trial.values), _state(trial)
        if positions is None or state == TrialState.FAIL:
            return  # a parent's that lies outside, or nothing to learn from
        pairs = zip(self._space.ranges, positions, strict=True)
        made = optuna.trial.create_trial(
            state=state,
            value=trial.loss if state == TrialState.COMPLETE else None,
            params={each.name: _param(each, trial.values[each.name], at) for each, at in pairs},
            distributions=self._distributions,
        )
        self._study.add_trial(made)
        self._told[trial.name] = (self._count, trial)
        self._count += 1


def _state(trial: Trial) -> TrialState:
    if trial.state == "pending":
        return TrialState.RUNNING
    return TrialState.COMPLETE if trial.state == "succeeded" and trial.loss is not None else TrialState.FAIL


def _distribution(given: Range) -> BaseDistribution:
    if isinstance(given, Categorical):
        return CategoricalDistribution(given.values)
    if _is_counted(given):
        return IntDistribution(given.low, given.high, log=given.scale == "Logarithmic")
    return FloatDistribution(0.0, 1.0)


def _param(given: Range, text: str, position: float) -> Any:
    if isinstance(given, Categorical):
        return text
    return int(text) if _is_counted(given) else position


def _text(given: Range, param: Any) -> str:
    return str(param) if isinstance(given, Categorical) or _is_counted(given) else given.at(param)


def _is_counted(given: Range) -> TypeGuard[Integer]:
    """Whether each of its numbers matters by itself; of very many, only their places on the scale do."""
    return isinstance(given, Integer) and given.size <= _COUNTED
