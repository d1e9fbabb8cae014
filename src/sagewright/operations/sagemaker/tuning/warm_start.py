"""Which tuning jobs another one may begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Params
from sagewright.operations.sagemaker.listing import at
from sagewright.resources.hyper_parameter_tuning_job import LIFE, OBJECTIVE_HYPERPARAMETER, Definition, definitions
from sagewright.resources.record import Record
from sagewright.tuning.ranges import parse

_MOST_CHANGES: Final = 10
_KINDS_WITH_PARENTS: Final = ("Bayesian", "Random")


def parents_named(request: Params) -> Sequence[str]:
    """The names of the parents, each once."""
    given = at(request, "WarmStartConfig.ParentHyperParameterTuningJobs") or ()
    names = [parent.get("HyperParameterTuningJobName") for parent in given]
    if None in names:
        raise validation_error("Each of ParentHyperParameterTuningJobs needs a HyperParameterTuningJobName.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise validation_error(f"Each parent may be named once. Given more than once: {', '.join(twice)}.")
    return names


def check(spec: Params, parents: Sequence[Record]) -> None:
    """Raises a ValidationException unless these may be the parents of a tuning job with that spec."""
    if not parents:
        return
    strategy = spec["HyperParameterTuningJobConfig"]["Strategy"]
    if strategy not in _KINDS_WITH_PARENTS:
        raise validation_error(
            f"A warm start needs one of the strategies {', '.join(_KINDS_WITH_PARENTS)}: not {strategy}."
        )
    own = definitions(spec)
    for parent in parents:
        if parent.state not in LIFE.settled:
            raise validation_error(
                f"Parent tuning job {parent.name} is in status {parent.state}. All parents must have ended."
            )
        theirs = definitions(parent.spec)
        if len(own) > 1 or len(theirs) > 1:
            raise validation_error("A warm start is for tuning jobs with one training job definition.")
        _alike(own[0], theirs[0], parent.name)
        if spec["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm":
            _identical(own[0], theirs[0], parent.name)


def _alike(own: Definition, theirs: Definition, parent: str) -> None:
    if (own.metric, own.type) != (theirs.metric, theirs.type):
        raise validation_error(
            f"The objective must be that of the parent {parent}: {theirs.type} [{theirs.metric}], not {own.type} "
            f"[{own.metric}]."
        )
    mine, before = _names(own), _names(theirs)
    if mine.keys() != before.keys():
        changed = sorted(mine.keys() ^ before.keys())
        raise validation_error(
            "The static and tuned hyperparameters together must be those of all parent tuning jobs. Different from "
            f"{parent}: {', '.join(changed)}."
        )
    kinds = [name for name, kind in mine.items() if kind and before[name] and kind != before[name]]
    if kinds:
        raise validation_error(
            f"The types of tuned hyperparameters must not change. Different from {parent}: {', '.join(kinds)}."
        )
    fixed = [
        name for name, kind in mine.items() if not kind and (before[name] or own.static[name] != theirs.static[name])
    ]
    ours = [name for name in fixed if not _of_the_framework(name)]
    if len(ours) > _MOST_CHANGES:
        raise validation_error(
            f"At most {_MOST_CHANGES} hyperparameters may become static or change their static value. Different from "
            f"{parent}: {', '.join(ours)}."
        )


def _identical(own: Definition, theirs: Definition, parent: str) -> None:
    for what, path in (("training image", "AlgorithmSpecification.TrainingImage"), ("input data", "InputDataConfig")):
        if at(own.request, path) != at(theirs.request, path):
            raise validation_error(
                f"With IdenticalDataAndAlgorithm the {what} must be that of the parent {parent}. Other data or another "
                "image need TransferLearning."
            )


def _names(kind: Definition) -> Mapping[str, str]:
    """Hyperparameters of both sorts, with the type of those that are tuned."""
    tuned = {each.name: type(each).__name__ for each in parse(kind.ranges).ranges}
    return {name: "" for name in kind.static if name != OBJECTIVE_HYPERPARAMETER} | tuned


def _of_the_framework(name: str) -> bool:
    """Where its code lies and how its job is called differ from job to job."""
    return name.startswith("sagemaker_")
