"""The life of a tuning job, its training definitions, and the training jobs that it starts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sagewright.resources.lifecycle import Lifecycle
from sagewright.resources.owner import OWNER, owner
from sagewright.resources.record import Record
from sagewright.resources.training_job import IMAGE_OF_ALGORITHM
from sagewright.resources.training_job import LIFE as TRAINING_LIFE

KIND: Final = "hyper-parameter-tuning-job"
OBJECTIVE_HYPERPARAMETER: Final = "_tuning_objective_metric"
"""By which a training job learns what it is judged by."""
IMAGES: Final = "images_of_algorithms"
"""Where the status keeps the images of definitions that name an algorithm, by their names."""
_DEFAULT_VOLUME: Final = 30
"""GiB."""

LIFE: Final = Lifecycle(
    noun="HyperParameterTuningJob",
    transitions={
        ("InProgress", "complete"): "Completed",
        ("InProgress", "fail"): "Failed",
        ("InProgress", "stop"): "Stopping",
        ("Stopping", "stopped"): "Stopped",
        ("Stopping", "fail"): "Failed",
    },
    settled=("Completed", "Failed", "Stopped"),
)

NO_JOBS: Final[Mapping[str, Any]] = {
    "TrainingJobStatusCounters": {
        "Completed": 0,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    },
    "ObjectiveStatusCounters": {"Succeeded": 0, "Pending": 0, "Failed": 0},
}

ObjectiveStatus = Literal["Succeeded", "Pending", "Failed"]

# What a training job takes over as it is.
_TAKEN_OVER: Final = (
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "RetryStrategy",
    "Environment",
)


@dataclass(frozen=True, slots=True)
class Definition:
    """One kind of training job that a tuning job starts."""

    name: str
    """DefinitionName; '' where there is one kind only and it has none."""
    metric: str
    """The objective's name; '' where none is given."""
    type: str
    """`Minimize` or `Maximize`."""
    ranges: Mapping[str, Any]
    static: Mapping[str, str]
    request: Mapping[str, Any]
    """The definition as it was given."""


def definitions(spec: Mapping[str, Any]) -> Sequence[Definition]:
    """Those of a request or of a tuning job's spec, in their order. With one alone, the tuning job's own configuration
    says objective and ranges."""
    config = spec["HyperParameterTuningJobConfig"]
    given = spec.get("TrainingJobDefinitions") or [spec["TrainingJobDefinition"]]
    alone = "TrainingJobDefinition" in spec
    found = []
    for each in given:
        objective = (config.get("HyperParameterTuningJobObjective") if alone else None) or each.get("TuningObjective")
        ranges = (config.get("ParameterRanges") if alone else None) or each.get("HyperParameterRanges")
        found.append(
            Definition(
                each.get("DefinitionName", ""),
                (objective or {}).get("MetricName", ""),
                (objective or {}).get("Type", ""),
                ranges or {},
                each.get("StaticHyperParameters", {}),
                each,
            )
        )
    return found


def training_request(definition: Definition, name: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The CreateTrainingJob of one candidate."""
    given = definition.request
    kept = given.get("CheckpointConfig")
    # Each job has a place of its own, or it would go on from what another one has left there.
    own = {} if kept is None else {"CheckpointConfig": {**kept, "S3Uri": f"{kept['S3Uri'].rstrip('/')}/{name}"}}
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": dict(given["AlgorithmSpecification"]),
        "HyperParameters": {**definition.static, **values, OBJECTIVE_HYPERPARAMETER: definition.metric},
        "ResourceConfig": resources(given),
        **{member: given[member] for member in _TAKEN_OVER if member in given},
        **own,
    }


def resources(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition's ResourceConfig. Of several instance configurations the first is taken: they are an order of
    preference, and this machine has room for whatever comes first."""
    if "ResourceConfig" in definition:
        return dict(definition["ResourceConfig"])
    tuning = definition.get("HyperParameterTuningResourceConfig", {})
    chosen = {**tuning, **(tuning.get("InstanceConfigs") or [{}])[0]}
    return {
        "InstanceType": chosen.get("InstanceType", "ml.m5.large"),
        "InstanceCount": chosen.get("InstanceCount", 1),
        "VolumeSizeInGB": chosen.get("VolumeSizeInGB") or _DEFAULT_VOLUME,
        **({"VolumeKmsKeyId": tuning["VolumeKmsKeyId"]} if "VolumeKmsKeyId" in tuning else {}),
    }


def training_status(tuning: Record, definition: Definition, number: int, values: Mapping[str, str]) -> dict[str, Any]:
    """What the record of a tuning job's training job says beyond one that somebody asked for."""
    image = tuning.status.get(IMAGES, {}).get(definition.name)
    return {
        "TuningJobArn": tuning.status["HyperParameterTuningJobArn"],
        "TuningJobName": tuning.name,
        "TuningJobId": tuning.uid,
        "TuningNumber": number,
        "TuningObjective": {"Type": definition.type, "MetricName": definition.metric},
        "TunedHyperParameters": dict(values),
        OWNER: owner(tuning),
        **({"TrainingJobDefinitionName": definition.name} if definition.name else {}),
        **({IMAGE_OF_ALGORITHM: image} if image else {}),
    }


def training_name(tuning: Record, number: int, attempt: int = 0) -> str:
    """The name of a tuning job's training job, the same whenever it is asked for."""
    digest = hashlib.sha256(f"{tuning.uid}/{number}/{attempt}".encode()).hexdigest()
    return f"{tuning.name}-{number:03d}-{digest[:8]}"


def objective(training: Record) -> tuple[ObjectiveStatus, float | None]:
    """What became of a training job's objective, and its value: the last one that the job told."""
    if training.state not in TRAINING_LIFE.settled:
        return "Pending", None
    wanted = training.status.get("TuningObjective", {}).get("MetricName")
    told = [m.get("Value") for m in training.status.get("FinalMetricDataList", ()) if m["MetricName"] == wanted]
    value = told[-1] if told else None
    if training.state == "Failed" or value is None or not math.isfinite(value):
        return "Failed", None
    return "Succeeded", float(value)


def objective_members(training: Record) -> dict[str, Any]:
    """What is seen of a training job's objective; nothing where no tuning job started it."""
    wanted = training.status.get("TuningObjective")
    if wanted is None:
        return {}
    status, value = objective(training)
    metric = {} if value is None else {"FinalHyperParameterTuningJobObjectiveMetric": {**wanted, "Value": value}}
    return {"ObjectiveStatus": status, **metric}


def summary(training: Record) -> dict[str, Any]:
    """A HyperParameterTrainingJobSummary, as it is kept for the best of them."""
    told = (
        "TrainingJobArn",
        "TrainingJobDefinitionName",
        "TrainingStartTime",
        "TrainingEndTime",
        "TunedHyperParameters",
        "FailureReason",
    )
    return {
        "TrainingJobName": training.name,
        "CreationTime": training.created,
        "TrainingJobStatus": training.state,
        **{member: training.status[member] for member in told if member in training.status},
        **objective_members(training),
    }
