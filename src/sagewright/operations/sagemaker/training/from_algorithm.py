"""Training jobs that name an algorithm in place of an image: what it says of jobs is checked and filled in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.training import algorithm
from sagewright.resources import training_host
from sagewright.resources.training_job import IMAGE_OF_ALGORITHM


def filled_in(call: Call, request: Params) -> tuple[Params, Params]:
    """The request as its algorithm completes it (default hyperparameters, metric definitions), and what the status
    keeps: the image. A request without an AlgorithmName comes back as it is. Raises ValidationException."""
    asked = request["AlgorithmSpecification"]
    if "AlgorithmName" not in asked:
        return request, {}
    record = algorithm.NOUN.find(call, asked["AlgorithmName"])
    told: Mapping[str, Any] = record.spec["TrainingSpecification"]
    _check_resources(record.name, told, request)
    _check_channels(record.name, told["TrainingChannels"], request)
    values = _hyperparameters(record.name, told.get("SupportedHyperParameters"), request.get("HyperParameters", {}))
    metrics = [*told.get("MetricDefinitions", ()), *asked.get("MetricDefinitions", ())]
    completed = {**request, "AlgorithmSpecification": {**asked, **({"MetricDefinitions": metrics} if metrics else {})}}
    if values:
        completed["HyperParameters"] = values
    return completed, {IMAGE_OF_ALGORITHM: told["TrainingImage"]}


def _check_resources(name: str, told: Mapping[str, Any], request: Params) -> None:
    groups = training_host.groups(request.get("ResourceConfig", {}))
    types = told["SupportedTrainingInstanceTypes"]
    for group in groups:
        if group["InstanceType"] not in types:
            raise validation_error(
                f"Algorithm {name} does not run on {group['InstanceType']}, only on {', '.join(types)}."
            )
    if sum(group["InstanceCount"] for group in groups) > 1 and not told.get("SupportsDistributedTraining"):
        raise validation_error(f"Algorithm {name} does not support distributed training. Set InstanceCount to 1.")


def _check_channels(name: str, told: Sequence[Mapping[str, Any]], request: Params) -> None:
    known = {each["Name"]: each for each in told}
    given = {channel["ChannelName"]: channel for channel in request.get("InputDataConfig", ())}
    missing = [channel for channel, each in known.items() if each.get("IsRequired") and channel not in given]
    if missing:
        raise validation_error(f"Algorithm {name} requires the channels {', '.join(missing)}.")
    default = request["AlgorithmSpecification"].get("TrainingInputMode", "File")
    for channel, asked in given.items():
        if channel not in known:
            raise validation_error(f"Algorithm {name} has no channel {channel!r}, only {', '.join(known)}.")
        _one_of(name, channel, "input mode", asked.get("InputMode", default), known[channel]["SupportedInputModes"])
        if content := asked.get("ContentType"):
            _one_of(name, channel, "content type", content, known[channel]["SupportedContentTypes"])
        if compression := known[channel].get("SupportedCompressionTypes"):
            _one_of(name, channel, "compression type", asked.get("CompressionType", "None"), compression)


def _one_of(name: str, channel: str, what: str, value: str, supported: Sequence[str]) -> None:
    if value not in supported:
        raise validation_error(
            f"Algorithm {name} does not support the {what} {value} for channel {channel}, only {', '.join(supported)}."
        )


def _hyperparameters(
    name: str, told: Sequence[Mapping[str, Any]] | None, given: Mapping[str, str]
) -> Mapping[str, str]:
    """The values given, checked, and the defaults of those that were left out. An algorithm may name none: then all
    are taken."""
    if told is None:
        return given
    known = {each["Name"]: each for each in told}
    unknown = [each for each in given if each not in known]
    if unknown:
        raise validation_error(f"Algorithm {name} has no hyperparameters {', '.join(sorted(unknown))}.")
    defaults = {key: each["DefaultValue"] for key, each in known.items() if "DefaultValue" in each}
    values = {**defaults, **given}
    missing = [key for key, each in known.items() if each.get("IsRequired") and key not in values]
    if missing:
        raise validation_error(f"Algorithm {name} requires the hyperparameters {', '.join(sorted(missing))}.")
    for key, value in given.items():
        _check_value(name, known[key], value)
    return values


def _check_value(name: str, told: Mapping[str, Any], value: str) -> None:
    span = told.get("Range", {})
    choices = span.get("CategoricalParameterRangeSpecification", {}).get("Values")
    if told["Type"] == "Categorical" and choices is not None and value not in choices:
        raise validation_error(
            f"Algorithm {name}: hyperparameter {told['Name']} must be one of {', '.join(choices)}, not {value!r}."
        )
    if told["Type"] not in ("Integer", "Continuous"):
        return
    number = _number(value, whole=told["Type"] == "Integer")
    if number is None:
        kind = "a whole number" if told["Type"] == "Integer" else "a number"
        raise validation_error(f"Algorithm {name}: hyperparameter {told['Name']} must be {kind}, not {value!r}.")
    limits = span.get(f"{told['Type']}ParameterRangeSpecification")
    if limits is None:
        return
    low, high = _number(limits["MinValue"]), _number(limits["MaxValue"])
    if (low is not None and number < low) or (high is not None and number > high):
        raise validation_error(
            f"Algorithm {name}: hyperparameter {told['Name']} must be from {limits['MinValue']} to "
            f"{limits['MaxValue']}, not {value}."
        )


def _number(text: str, *, whole: bool = False) -> float | None:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number
