"""Hyperparameter tuning jobs, and the training jobs that they start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.job import Job, job_exists
from sagewright.operations.sagemaker.listing import at, equals
from sagewright.operations.sagemaker.noun import Noun
from sagewright.operations.sagemaker.training import training_job
from sagewright.resources.record import Record

_NO_JOBS: Final[Mapping[str, Any]] = {
    "TrainingJobStatusCounters": {
        "Completed": 0,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    },
    "ObjectiveStatusCounters": {"Succeeded": 0, "Pending": 0, "Failed": 0},
}


def _missing(name: str, _arn: str) -> AwsError:
    return AwsError("ResourceNotFound", f"Amazon SageMaker can't find a tuning job named {name}.")


def _summarised(record: Record) -> Params:
    config = record.spec["HyperParameterTuningJobConfig"]
    return {member: config[member] for member in ("Strategy", "ResourceLimits") if member in config}


NOUN: Final = Noun(
    "HyperParameterTuningJob",
    "hyper-parameter-tuning-job",
    _missing,
    job_exists("tuning job"),
    also=_summarised,
)
_JOB: Final = Job(NOUN, "tuning job")
operations = _JOB.operations(create=False)

# The training jobs of one tuning job carry its name in their status.
_TRAINING_JOBS: Final = replace(
    training_job.NOUN,
    filters={"HyperParameterTuningJobName": equals("TuningJobName")},
    sorts={"FinalObjectiveMetricValue": "FinalHyperParameterTuningJobObjectiveMetric.Value"},
)


@operations
def create_hyper_parameter_tuning_job(call: Call, request: Params) -> Params:
    if ("TrainingJobDefinition" in request) == ("TrainingJobDefinitions" in request):
        raise validation_error("Exactly one of TrainingJobDefinition and TrainingJobDefinitions must be given.")
    definitions = request.get("TrainingJobDefinitions") or [request["TrainingJobDefinition"]]
    names = [definition.get("DefinitionName") for definition in definitions]
    if len(definitions) > 1 and (None in names or len(set(names)) < len(names)):
        raise validation_error("Each of several training job definitions needs a DefinitionName of its own.")
    for parent in at(request, "WarmStartConfig.ParentHyperParameterTuningJobs") or ():
        if "HyperParameterTuningJobName" not in parent:
            raise validation_error("Each of ParentHyperParameterTuningJobs needs a HyperParameterTuningJobName.")
        NOUN.find(call, parent["HyperParameterTuningJobName"])
    return _JOB.create(call, request, _NO_JOBS)


@operations
def list_training_jobs_for_hyper_parameter_tuning_job(call: Call, request: Params) -> Params:
    NOUN.named(call, request)
    return listing.page(call, request, _TRAINING_JOBS)
