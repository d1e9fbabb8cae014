"""Definitions that name an algorithm in place of an image: what it says of tuning is filled in and checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.training import algorithm
from sagewright.operations.sagemaker.training.from_algorithm import filled_in
from sagewright.resources.hyper_parameter_tuning_job import OBJECTIVE_HYPERPARAMETER, Definition, training_request
from sagewright.resources.training_job import IMAGE_OF_ALGORITHM
from sagewright.tuning.ranges import Space


def complete(call: Call, definition: Params, tuned: Collection[str]) -> None:
    """Put the algorithm's metric definitions and default hyperparameters into a definition that names one."""
    asked = definition["AlgorithmSpecification"]
    if "AlgorithmName" not in asked:
        return
    told = _told(call, asked["AlgorithmName"])
    metrics = [*told.get("MetricDefinitions", ()), *asked.get("MetricDefinitions", ())]
    definition["AlgorithmSpecification"] = {**asked, "MetricDefinitions": metrics}
    defaults = {
        each["Name"]: each["DefaultValue"]
        for each in told.get("SupportedHyperParameters", ())
        if "DefaultValue" in each and each["Name"] not in tuned
    }
    definition["StaticHyperParameters"] = {**defaults, **definition["StaticHyperParameters"]}


def image(call: Call, kind: Definition, space: Space) -> str | None:
    """The image that the training jobs of a definition run; None where it names one itself.

    Raises a ValidationException where the algorithm does not take what it would be given.
    """
    name = kind.request["AlgorithmSpecification"].get("AlgorithmName")
    if name is None:
        return None
    told = _told(call, name)
    tunable = {each["Name"]: each.get("IsTunable", False) for each in told.get("SupportedHyperParameters", ())}
    fixed = [each.name for each in space.ranges if tunable.get(each.name) is False]
    if fixed:
        raise validation_error(f"Algorithm {name} does not have these hyperparameters tuned: {', '.join(fixed)}.")
    objectives = [(each["Type"], each["MetricName"]) for each in told.get("SupportedTuningJobObjectiveMetrics", ())]
    if objectives and (kind.type, kind.metric) not in objectives:
        known = ", ".join(f"{type_} [{metric}]" for type_, metric in objectives)
        raise validation_error(
            f"The objective metric for the hyperparameter tuning job, [{kind.metric}], isn't valid for the [{name}] "
            f"algorithm. Provide one of: {known}."
        )
    found = ""
    for end in (0.0, 1.0):
        request = training_request(kind, "candidate", space.at([end] * len(space.ranges)))
        request["HyperParameters"].pop(OBJECTIVE_HYPERPARAMETER, None)  # ours, which no algorithm lists
        request["AlgorithmSpecification"].pop("MetricDefinitions", None)
        found = filled_in(call, request)[1][IMAGE_OF_ALGORITHM]
    return found


def _told(call: Call, name: str) -> Mapping[str, Any]:
    told: Mapping[str, Any] = algorithm.NOUN.find(call, name).spec["TrainingSpecification"]
    return told
