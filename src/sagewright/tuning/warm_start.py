"""What parents' jobs are worth to a search."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from sagewright.tuning.ranges import Space
from sagewright.tuning.trials import Trial

Kind = Literal["IdenticalDataAndAlgorithm", "TransferLearning"]
_FIRST: Final = 3
"""How many of the parents' best a transfer begins with."""
_ENOUGH: Final = 3


def observed(kind: Kind, parents: Sequence[Trial], own: Sequence[Trial]) -> list[Trial]:
    """Everything to learn from, parents first.

    With the same data and algorithm a parent's job counts as one of ours. Of other data only the order is alike: each
    tuning job's losses are then measured by their own mean and deviation, ours once there are a few of them.
    """
    useful = [trial for trial in parents if trial.state == "succeeded"]
    if kind == "IdenticalDataAndAlgorithm":
        return [*useful, *own]
    names = dict.fromkeys(trial.parent for trial in useful)
    alike = [trial for name in names for trial in _measured([t for t in useful if t.parent == name])]
    if sum(trial.loss is not None for trial in own) < _ENOUGH:
        return [
            *alike,
            *(replace(trial, state="pending", loss=None) if trial.loss is not None else trial for trial in own),
        ]
    return [*alike, *_measured(own)]


def begins_with(space: Space, parents: Sequence[Trial]) -> list[Mapping[str, str]]:
    """The values that did best with other data: what a transfer tries first, the best of each parent in turn."""
    by_parent: dict[str, list[Trial]] = {}
    for trial in parents:
        if trial.state == "succeeded" and space.positions(trial.values) is not None:
            by_parent.setdefault(trial.parent, []).append(trial)
    ranked = [sorted(trials, key=lambda trial: trial.loss or 0.0) for trials in by_parent.values()]
    found: list[Mapping[str, str]] = []
    for place in range(_FIRST):
        for trials in ranked:
            values = space.only(trials[place].values) if place < len(trials) else None
            if values is not None and values not in found:
                found.append(values)
    return found[:_FIRST]


def _measured(trials: Sequence[Trial]) -> list[Trial]:
    losses = [trial.loss for trial in trials if trial.loss is not None]
    mean = statistics.fmean(losses) if losses else 0.0
    spread = statistics.pstdev(losses) if losses else 0.0
    return [
        trial if trial.loss is None else replace(trial, loss=(trial.loss - mean) / (spread or 1.0)) for trial in trials
    ]
