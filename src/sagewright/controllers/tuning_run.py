"""What a server knows of one tuning job that it works on: its training jobs, and what search makes of them.

All of it is read from records, and can be forgotten at any time: a server that was killed reads it again.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sagewright.controllers.pump import NAMESPACE
from sagewright.resources import hyper_parameter_tuning_job as noun
from sagewright.resources import training_job
from sagewright.resources.hyper_parameter_tuning_job import Definition
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store
from sagewright.telemetry.metrics import Metric, Metrics
from sagewright.tuning import early_stopping, warm_start
from sagewright.tuning.completion import Progress, progress
from sagewright.tuning.ranges import parse
from sagewright.tuning.strategies import STRATEGIES
from sagewright.tuning.trials import State, Trial

_FOREVER: Final = 2.0**40
"""Epoch seconds beyond all times."""
_LARGEST: Final = 1e100
"""Losses beyond are alike: their squares and sums must be numbers too."""
_STATES: Final[Mapping[noun.ObjectiveStatus, State]] = {
    "Pending": "pending",
    "Succeeded": "succeeded",
    "Failed": "failed",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What to start next."""

    definition: Definition
    values: Mapping[str, str]


class TuningRun:
    """One tuning job's training jobs, newest as `refresh` saw them. Used by one thread at a time."""

    def __init__(self, tuning: Record, store: Store, metrics: Metrics) -> None:
        self._store, self._metrics = store, metrics.at(tuning.key.account, tuning.key.region)
        self._tuning = tuning
        config = tuning.spec["HyperParameterTuningJobConfig"]
        self.strategy: str = config["Strategy"]
        self.definitions = noun.definitions(tuning.spec)
        self._spaces = [parse(each.ranges) for each in self.definitions]
        self.ranges = max(len(space.ranges) for space in self._spaces)
        seed = config.get("RandomSeed")
        # Without a seed of the user's own, one that no restart changes.
        self._seed = int(hashlib.sha256(tuning.uid.encode()).hexdigest()[:8], 16) if seed is None else int(seed)
        self._strategies = [
            STRATEGIES.load(self.strategy)(space, self._seed + place) for place, space in enumerate(self._spaces)
        ]
        bounds = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig")
        self._hyperband = early_stopping.Hyperband(bounds["MinResource"], bounds["MaxResource"]) if bounds else None
        self.stops_early = bounds is not None or config.get("TrainingJobEarlyStoppingType") == "Auto"
        self.children: dict[int, Record] = {}
        """All training jobs that are there, by their numbers."""
        self._open: dict[int, Key] = {}
        """Those that had not ended when they were last looked at."""
        self._trials: dict[int, Trial] = {}
        for child in children(store, tuning):
            self._take(child)
        self.parents: Sequence[Record] = [child for parent in self._parents() for child in children(store, parent)]
        self._parents_trials = [self._trial(child, parent=child.status["TuningJobName"]) for child in self.parents]

    @property
    def running(self) -> Sequence[Record]:
        """Training jobs that have not ended."""
        return [self.children[number] for number in sorted(self._open)]

    @property
    def watched(self) -> Sequence[Key]:
        return list(self._open.values())

    def refresh(self) -> None:
        """Look at those that had not ended."""
        for number, key in list(self._open.items()):
            child = self._store.get(key)
            if child is None or child.status.get("TuningJobId") != self._tuning.uid:
                del self._open[number], self.children[number]
                self._trials.pop(number, None)
            elif child.version != self.children[number].version:
                self._take(child)

    def add(self, child: Record) -> None:
        """One was started."""
        self._take(child)

    def candidate(self, number: int) -> Candidate | None:
        """What the training job with that number is to try; None when all was tried."""
        for turn in range(len(self.definitions)):
            place = (number - 1 + turn) % len(self.definitions)
            values = self._values(place, number)
            if values is not None:
                return Candidate(self.definitions[place], values)
        return None

    def _values(self, place: int, number: int) -> Mapping[str, str] | None:
        definition, space = self.definitions[place], self._spaces[place]
        own = [
            self._trials[n]
            for n in sorted(self._trials)
            if self.children[n].status.get("TrainingJobDefinitionName", "") == definition.name
        ]
        kind = self._tuning.spec.get("WarmStartConfig", {}).get("WarmStartType")
        if kind is None:
            return self._strategies[place].propose(own, number)
        if kind == "TransferLearning" and self.strategy == "Bayesian":
            had = [space.only(trial.values) for trial in own]
            first = [values for values in warm_start.begins_with(space, self._parents_trials) if values not in had]
            if first:
                return first[0]
        return self._strategies[place].propose(warm_start.observed(kind, self._parents_trials, own), number)

    # What they achieved.

    def told(self) -> Mapping[State, int]:
        """How many training jobs there are, by what became of their objective."""
        counts: dict[State, int] = {"pending": 0, "succeeded": 0, "failed": 0}
        for trial in self._trials.values():
            counts[trial.state] += 1
        return counts

    def progress(self) -> Progress:
        """How search goes, over all definitions."""
        ended = sorted(self._succeeded(), key=lambda pair: pair[0].status.get("TrainingEndTime", pair[0].modified))
        return progress([loss for _, loss in ended])

    def best(self) -> Record | None:
        """The training job with the best objective; of equal ones the earliest."""
        found = min(self._succeeded(), key=lambda pair: pair[1], default=None)
        return None if found is None else found[0]

    def overall_best(self) -> Record | None:
        """The best of ours and of the parents'."""
        parents = [(child, self.loss(child)) for child in self.parents]
        found = [*self._succeeded(), *((child, loss) for child, loss in parents if loss is not None)]
        best = min(found, key=lambda pair: pair[1], default=None)
        return None if best is None else best[0]

    def loss(self, child: Record) -> float | None:
        """Its objective, turned so that less is better."""
        return _loss(child, noun.objective(child)[1])

    def hopeless(self) -> Sequence[Record]:
        """Running training jobs that are not worth their end."""
        if not self.stops_early:
            return []
        trials = [self._trials[number] for number in sorted(self._trials)]
        found = []
        for number in sorted(self._open):
            child = self.children[number]
            if child.intent != "run":
                continue
            others = [t for t in trials if t.number != number and self._alike(child, self.children[t.number])]
            if self._hyperband is not None:
                ends = self._hyperband.ends(self._trials[number], others)
            else:
                ends = early_stopping.below_median(self._trials[number], others)
            if ends:
                found.append(child)
        return found

    def _alike(self, one: Record, other: Record) -> bool:
        return one.status.get("TrainingJobDefinitionName") == other.status.get("TrainingJobDefinitionName")

    def _succeeded(self) -> Iterator[tuple[Record, float]]:
        for number in sorted(self._trials):
            loss = self._trials[number].loss
            if loss is not None:
                yield self.children[number], loss

    # From records to what search sees.

    def _take(self, child: Record) -> None:
        number = int(child.status["TuningNumber"])
        self.children[number] = child
        self._trials[number] = self._trial(child)
        if child.state in training_job.LIFE.settled:
            self.children[number] = replace(child, spec={})  # thousands of them are held
            self._open.pop(number, None)
        else:
            self._open[number] = child.key

    def _trial(self, child: Record, parent: str = "") -> Trial:
        status, value = noun.objective(child)
        tuned = child.status.get("TunedHyperParameters", {})
        # What was static with a parent may be tuned now.
        values = {**child.spec.get("HyperParameters", {}), **tuned} if parent else tuned
        curve = self._curve(child) if self.stops_early and not parent else ()
        return Trial(
            child.name, int(child.status["TuningNumber"]), values, _STATES[status], _loss(child, value), curve, parent
        )

    def _curve(self, child: Record) -> Sequence[float]:
        """The objective as it was told, step by step."""
        wanted = child.status["TuningObjective"]["MetricName"]
        metric = Metric(NAMESPACE, wanted, {"TrainingJobName": child.name})
        periods = self._metrics.query(metric, child.created - 1, _FOREVER, period=_FOREVER)
        values = [value for period in periods for value, _ in period.samples if math.isfinite(value)]
        return [loss for value in values if (loss := _loss(child, value)) is not None]

    def _parents(self) -> Sequence[Record]:
        given = self._tuning.spec.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", ())
        keys = [self._tuning.key._replace(name=parent["HyperParameterTuningJobName"]) for parent in given]
        return [parent for parent in map(self._store.get, keys) if parent is not None]


def _loss(child: Record, value: float | None) -> float | None:
    if value is None:
        return None
    loss = -value if child.status["TuningObjective"]["Type"] == "Maximize" else value
    return min(max(loss, -_LARGEST), _LARGEST)


def children(store: Store, tuning: Record) -> Iterator[Record]:
    """All training jobs of a tuning job that are there."""
    key = tuning.key
    query = Query(key.account, key.region, training_job.KIND, facets={"TuningJobId": tuning.uid})
    return store.every(query)
