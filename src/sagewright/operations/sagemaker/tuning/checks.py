"""What CreateHyperParameterTuningJob refuses, and what it fills in, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.training import checks as training_checks
from sagewright.operations.sagemaker.tuning import from_algorithm
from sagewright.resources.hyper_parameter_tuning_job import (
    OBJECTIVE_HYPERPARAMETER,
    Definition,
    definitions,
    resources,
    training_request,
)
from sagewright.resources.training_metrics import built_in
from sagewright.tuning import autotune
from sagewright.tuning.ranges import Categorical, Space, parse

_MOST_JOBS: Final[Mapping[str, int]] = {"Random": 10_000}
_MOST_JOBS_OF_OTHERS: Final = 750
_MOST_PARALLEL: Final = 100
_MOST_HYPERPARAMETERS: Final = 100
_MOST_RESOURCE: Final = 20_000
EPOCHS: Final = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
"""Static hyperparameters that Hyperband's MaxResource is taken from where it is not given."""
_RANGES: Final = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")


def checked(call: Call, request: Params) -> Params:
    """The spec of a request, with all that it leaves open. Raises a ValidationException, in AWS's words where they are
    known."""
    _one_kind_or_several(request)
    spec = _completed(call, request)
    config = spec["HyperParameterTuningJobConfig"]
    kinds = definitions(spec)
    spaces = [_space(kind) for kind in kinds]
    for kind, space in zip(kinds, spaces, strict=True):
        _check_hyperparameters(kind, space)
        _check_objective(kind)
        training_checks.check(training_request(kind, "candidate", space.at([0.5] * len(space.ranges))))
    if len({kind.type for kind in kinds}) > 1:
        raise validation_error("The objectives of all training job definitions must be of the same type.")
    _check_strategy(config, kinds, spaces)
    _check_limits(config, spaces, autotuned="Autotune" in spec)
    return spec


def _one_kind_or_several(request: Params) -> None:
    if ("TrainingJobDefinition" in request) == ("TrainingJobDefinitions" in request):
        raise validation_error("Exactly one of TrainingJobDefinition and TrainingJobDefinitions must be given.")
    config, given = request["HyperParameterTuningJobConfig"], request.get("TrainingJobDefinitions", ())
    names = [each.get("DefinitionName") for each in given]
    if given and (None in names or len(set(names)) < len(names)):
        raise validation_error("Each of TrainingJobDefinitions needs a DefinitionName of its own.")
    if given and ("ParameterRanges" in config or "HyperParameterTuningJobObjective" in config):
        raise validation_error(
            "With TrainingJobDefinitions, ranges and objectives belong to the definitions, as HyperParameterRanges and "
            "TuningObjective."
        )
    alone = request.get("TrainingJobDefinition", {})
    for own, in_config in (
        ("HyperParameterRanges", "ParameterRanges"),
        ("TuningObjective", "HyperParameterTuningJobObjective"),
    ):
        if own in alone and in_config in config:
            raise validation_error(f"{own} and {in_config} of HyperParameterTuningJobConfig exclude each other.")
    for each in given or [alone]:
        if ("ResourceConfig" in each) == ("HyperParameterTuningResourceConfig" in each):
            raise validation_error(
                "Exactly one of ResourceConfig and HyperParameterTuningResourceConfig must be given."
            )
        tuning = each.get("HyperParameterTuningResourceConfig", {})
        single = {"InstanceType", "InstanceCount", "VolumeSizeInGB"} & tuning.keys()
        if "InstanceConfigs" in tuning and single:
            raise validation_error(f"InstanceConfigs and {', '.join(sorted(single))} exclude each other.")


def _completed(call: Call, request: Params) -> Params:
    """With empty ranges, built-in metric definitions and, where Autotune is on, its choices."""
    spec = dict(request)
    config = dict(request["HyperParameterTuningJobConfig"])
    many = "TrainingJobDefinitions" in request
    given = [dict(each) for each in request.get("TrainingJobDefinitions", [request.get("TrainingJobDefinition")])]
    for each in given:
        holder, member = (
            (each, "HyperParameterRanges") if many or "HyperParameterRanges" in each else (config, "ParameterRanges")
        )
        ranges, static = _ranged(holder.get(member, {}), "Autotune" in request)
        holder[member] = ranges
        each["ResourceConfig"] = resources(each)  # which clients that attach themselves read, however it was given
        each["StaticHyperParameters"] = {**each.get("StaticHyperParameters", {}), **static}
        from_algorithm.complete(call, each, [one["Name"] for kind in _RANGES for one in ranges[kind]])
        _name_the_metric(each, config)
    if "Autotune" in request:
        config = autotune.rules(config)
    config.setdefault("TrainingJobEarlyStoppingType", "Off")
    config["ResourceLimits"] = dict(config["ResourceLimits"])
    spec["HyperParameterTuningJobConfig"] = config
    spec["TrainingJobDefinitions" if many else "TrainingJobDefinition"] = given if many else given[0]
    return spec


def _ranged(given: Mapping[str, Any], may_choose: bool) -> tuple[dict[str, Any], Mapping[str, str]]:
    """ParameterRanges with all of its lists, and the hyperparameters that Autotune leaves as they are."""
    auto = given.get("AutoParameters", ())
    if auto and not may_choose:
        raise validation_error("AutoParameters need Autotune: set its Mode to Enabled.")
    found, static = autotune.chosen(auto)
    return {**given, **{kind: [*given.get(kind, ()), *found[kind]] for kind in _RANGES}}, static


def _name_the_metric(definition: Params, config: Mapping[str, Any]) -> None:
    """What training jobs are told, and what a built-in algorithm prints, stand in the definition, as on AWS."""
    objective = definition.get("TuningObjective") or config.get("HyperParameterTuningJobObjective") or {}
    static = definition["StaticHyperParameters"]
    algorithm = dict(definition["AlgorithmSpecification"])
    if not algorithm.get("MetricDefinitions"):
        algorithm["MetricDefinitions"] = list(built_in(algorithm.get("TrainingImage", ""), static))
    definition["AlgorithmSpecification"] = algorithm
    if "MetricName" in objective:
        definition["StaticHyperParameters"] = {**static, OBJECTIVE_HYPERPARAMETER: objective["MetricName"]}


def _space(kind: Definition) -> Space:
    try:
        space = parse(kind.ranges)
    except ValueError as error:
        raise validation_error(str(error)) from None
    if not space.ranges:
        where = f" of training job definition [{kind.name}]" if kind.name else ""
        raise validation_error(f"At least one hyperparameter{where} needs a range.")
    return space


def _check_hyperparameters(kind: Definition, space: Space) -> None:
    names = {each.name for each in space.ranges}
    if both := sorted(names & kind.static.keys()):
        raise validation_error(
            f"Hyperparameters cannot be both static and tuned: {', '.join(both)}. Remove them from "
            "StaticHyperParameters or from the ranges."
        )
    if len(names) + len(kind.static) > _MOST_HYPERPARAMETERS:
        raise validation_error(
            f"A training job has at most {_MOST_HYPERPARAMETERS} hyperparameters, static and tuned ones together."
        )


def _check_objective(kind: Definition) -> None:
    if not kind.metric:
        raise validation_error(
            "An objective metric is required: HyperParameterTuningJobObjective, or the TuningObjective of each of "
            "TrainingJobDefinitions."
        )
    known = [each["Name"] for each in kind.request["AlgorithmSpecification"]["MetricDefinitions"]]
    if not known:
        raise validation_error(
            "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric "
            "definitions."
        )
    if kind.metric not in known:
        raise validation_error(
            f"The objective metric for the hyperparameter tuning job, [{kind.metric}], isn't valid. Provide one of the "
            f"metric definitions: [{', '.join(known)}]."
        )


def _check_strategy(config: Params, kinds: Sequence[Definition], spaces: Sequence[Space]) -> None:
    strategy, limits = config["Strategy"], config["ResourceLimits"]
    hyperband = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig")
    if strategy == "Grid":
        ranges = [each for space in spaces for each in space.ranges]
        if any(not isinstance(each, Categorical) for each in ranges):
            raise validation_error(
                "Grid search takes categorical ranges only. Give values instead of MinValue and MaxValue."
            )
        total = sum(int(space.size) for space in spaces)
        if limits.setdefault("MaxNumberOfTrainingJobs", total) != total:
            raise validation_error(
                f"MaxNumberOfTrainingJobs [{limits['MaxNumberOfTrainingJobs']}] must equal the number of combinations "
                f"of the grid, [{total}]. It may be left out."
            )
    if strategy != "Hyperband":
        if hyperband is not None:
            raise validation_error("HyperbandStrategyConfig is for the strategy Hyperband only.")
        return
    if config["TrainingJobEarlyStoppingType"] != "Off":
        raise validation_error("TrainingJobEarlyStoppingType must be Off with Hyperband, which ends jobs by itself.")
    least, most = resource_bounds(config, kinds)
    if least >= most:
        raise validation_error(f"MinResource [{least}] must be less than MaxResource [{most}].")
    if most > _MOST_RESOURCE:
        raise validation_error(f"MaxResource [{most}] can be at most {_MOST_RESOURCE}.")
    config["StrategyConfig"] = {"HyperbandStrategyConfig": {"MinResource": least, "MaxResource": most}}


def resource_bounds(config: Mapping[str, Any], kinds: Sequence[Definition]) -> tuple[int, int]:
    """Hyperband's MinResource and MaxResource, the latter from the epochs of the definitions where it is not given."""
    given = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    if "MaxResource" in given:
        return given.get("MinResource", 1), given["MaxResource"]
    found = [kind.static[name].strip('"') for kind in kinds for name in EPOCHS if name in kind.static]
    numbers = [int(text) for text in found if text.isascii() and text.isdigit()]
    if not numbers:
        raise validation_error(
            "MaxResource parameter is not provided and could not be inferred from provided static hyperparameters of "
            f"TrainingJobDefinition. It is taken from the first of them that is there: {', '.join(EPOCHS)}."
        )
    return given.get("MinResource", 1), max(numbers)


def _check_limits(config: Params, spaces: Sequence[Space], *, autotuned: bool) -> None:
    limits = config["ResourceLimits"]
    strategy, parallel = config["Strategy"], limits["MaxParallelTrainingJobs"]
    total = sum(space.size for space in spaces)
    most = _MOST_JOBS.get(strategy, _MOST_JOBS_OF_OTHERS)
    usual = autotune.jobs(sum(len(space.ranges) for space in spaces)) if autotuned else most
    jobs = limits.setdefault("MaxNumberOfTrainingJobs", int(min(usual, total)))
    if parallel > jobs:
        raise validation_error(
            f"MaxParallelTrainingJobs [{parallel}] must be less than or equal to MaxNumberOfTrainingJobs [{jobs}]."
        )
    if total < jobs:
        raise validation_error(
            "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
            f"combinations for the provided ranges [{float(total)}] must be equal or greater than the value of "
            f"MaxNumberOfJobs, [{jobs}]. Provide additional ranges."
        )
    for what, asked, limit in (
        ("training jobs per hyperparameter tuning job", jobs, most),
        ("parallel training jobs per hyperparameter tuning job", parallel, _MOST_PARALLEL),
    ):
        if asked > limit:
            raise AwsError("ResourceLimitExceeded", f"The limit of {what} ({strategy}) is {limit}. Asked for: {asked}.")
