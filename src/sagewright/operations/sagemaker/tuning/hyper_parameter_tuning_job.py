"""Hyperparameter tuning jobs, and the training jobs that they start.

`controllers/hyper_parameter_tuning_job.py` does the work.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.noun import Noun
from sagewright.operations.sagemaker.roles import check_role
from sagewright.operations.sagemaker.training import training_job
from sagewright.operations.sagemaker.tuning import checks, from_algorithm, warm_start
from sagewright.resources.hyper_parameter_tuning_job import IMAGES, KIND, LIFE, NO_JOBS, definitions
from sagewright.resources.owner import OWNER, owner_of
from sagewright.resources.record import Record
from sagewright.tuning.ranges import parse


def _missing(name: str, _arn: str) -> AwsError:
    return AwsError("ResourceNotFound", f"Amazon SageMaker can't find a tuning job named {name}.")


def _exists(name: str, _arn: str) -> AwsError:
    return AwsError(
        "ResourceInUse", f"A hyperparameter tuning job with the name, {name}, already exists. Choose a different name."
    )


def _summarised(record: Record) -> Params:
    config = record.spec["HyperParameterTuningJobConfig"]
    return {member: config[member] for member in ("Strategy", "ResourceLimits") if member in config}


NOUN: Final = Noun("HyperParameterTuningJob", KIND, _missing, _exists, also=_summarised)
operations = NOUN.operations()

_VALUE: Final = "FinalHyperParameterTuningJobObjectiveMetric.Value"
_TRAINING_JOBS: Final = replace(
    training_job.NOUN,
    filters={
        "HyperParameterTuningJobName": "TuningJobId",
        "Told": lambda view, path: listing.at(view, path) is not None,
    },
    sorts={"FinalObjectiveMetricValue": _VALUE},
)


@operations
def create_hyper_parameter_tuning_job(call: Call, request: Params) -> Params:
    spec = checks.checked(call, request)
    images = {}
    for each in definitions(spec):
        check_role(call, each.request["RoleArn"])
        images[each.name] = from_algorithm.image(call, each, parse(each.ranges))
    warm_start.check(spec, [NOUN.find(call, name) for name in warm_start.parents_named(request)])
    status = {**NO_JOBS, IMAGES: images, OWNER: owner_of(call.principal.arn)}
    return NOUN.answer(call, NOUN.create(call, spec, state="InProgress", status=status))


@operations
def stop_hyper_parameter_tuning_job(call: Call, request: Params) -> Params:
    """Its training jobs are stopped, and then it is."""

    def stop(record: Record) -> Record | None:
        if record.state == "Stopping":
            return None
        if not LIFE.allows(record.state, "stop"):
            raise validation_error(f"The request was rejected because the tuning job is in status {record.state}.")
        return replace(record, intent="stop", state=LIFE.after(record.state, "stop"))

    NOUN.amend(call, request["HyperParameterTuningJobName"], stop)
    return {}


@operations
def delete_hyper_parameter_tuning_job(call: Call, request: Params) -> Params:
    """Its training jobs stay."""

    def settled(record: Record) -> None:
        if record.state not in LIFE.settled:
            raise AwsError("ResourceInUse", f"The tuning job is in status {record.state}. Stop it first.")

    NOUN.remove(call, NOUN.named(call, request), settled)
    return {}


@operations
def list_training_jobs_for_hyper_parameter_tuning_job(call: Call, request: Params) -> Params:
    tuning = NOUN.named(call, request)
    # Names come again after a deletion; the id is that of this one.
    asked = {"SortBy": "Name", **request, "HyperParameterTuningJobName": tuning.uid}
    if asked["SortBy"] == "FinalObjectiveMetricValue":
        asked["Told"] = _VALUE  # those without a value are left out
    return listing.page(call, asked, _TRAINING_JOBS)
