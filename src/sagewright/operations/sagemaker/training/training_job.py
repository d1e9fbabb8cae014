"""Training jobs: CreateTrainingJob and its kin. `controllers/training_job.py` does the work."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, StaleRecord, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import quotas
from sagewright.operations.sagemaker.experiments.tracking import tracked
from sagewright.operations.sagemaker.listing import equals
from sagewright.operations.sagemaker.noun import Noun
from sagewright.operations.sagemaker.roles import check_role
from sagewright.operations.sagemaker.training.checks import NO_WARM_POOL, check
from sagewright.operations.sagemaker.training.from_algorithm import filled_in
from sagewright.resources import warm_pool
from sagewright.resources.hyper_parameter_tuning_job import objective_members
from sagewright.resources.owner import OWNER, owner_of
from sagewright.resources.record import Record
from sagewright.resources.training_job import FACETS, KIND, LIFE, beginning, completed, stopping


def _missing(_name: str, _arn: str) -> AwsError:
    return validation_error("Requested resource not found.")


def _exists(_name: str, arn: str) -> AwsError:
    return AwsError(
        "ResourceInUse",
        "Job name must be unique within an AWS account and region, and a job with this name already exists "
        f"({arn}). Choose another name.",
    )


NOUN: Final = Noun(
    "TrainingJob",
    KIND,
    _missing,
    _exists,
    descending=False,
    facets=FACETS,
    also=objective_members,
    filters={
        "WarmPoolStatusEquals": equals("WarmPoolStatus.Status"),
        "TrainingPlanArnEquals": equals("ResourceConfig.TrainingPlanArn"),
    },
)
operations = NOUN.operations()

_CHANGEABLE: Final = ("ProfilerConfig", "ProfilerRuleConfigurations", "ResourceConfig", "RemoteDebugConfig")


@operations
def create_training_job(call: Call, request: Params) -> Params:
    check(request)
    check_role(call, request["RoleArn"])
    request, told = filled_in(call, request)
    record = NOUN.create(
        call,
        completed(request),
        state="InProgress",
        status={**beginning(call.now), **told, OWNER: owner_of(call.principal.arn)},
        beside=lambda record: (*tracked(call, record), *quotas.taken(call, record)),
    )
    return {"TrainingJobArn": record.status["TrainingJobArn"]}


@operations
def stop_training_job(call: Call, request: Params) -> Params:
    def stop(record: Record) -> Record | None:
        if record.state == "Stopping":
            return None
        stopped = stopping(record)
        if stopped is None:
            raise validation_error(f"The request was rejected because the training job is in status {record.state}.")
        return stopped

    NOUN.amend(call, request["TrainingJobName"], stop)
    return {}


@operations
def update_training_job(call: Call, request: Params) -> Params:
    """What may change while a job runs. Of the resources that is the warm pool's keep-alive period alone, and that may
    change too while the pool is kept: none ends it."""
    name = request["TrainingJobName"]
    if "ResourceConfig" in request and (kept := call.store.get(call.key(warm_pool.KIND, name))) is not None:
        return _update_pool(call, request, kept)

    def update(record: Record) -> Record:
        if request.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds") and not warm_pool.takes_part(record.spec):
            raise validation_error(NO_WARM_POOL)
        if record.state != "InProgress":
            raise validation_error(f"The request was rejected because the training job is in status {record.state}.")
        spec = dict(record.spec)
        for member in _CHANGEABLE:
            if member in request:
                spec[member] = (
                    {**spec.get(member, {}), **request[member]} if member != _CHANGEABLE[1] else request[member]
                )
        return replace(record, spec=spec)

    record = NOUN.amend(call, name, update)
    return {"TrainingJobArn": record.status["TrainingJobArn"]}


def _update_pool(call: Call, request: Params, pool: Record) -> Params:
    """Keep what a job has left for another time, which counts from the job's end."""
    job = NOUN.find(call, request["TrainingJobName"])
    if pool.state != "Available":
        raise validation_error("The request was rejected because the warm pool of the training job is Terminated.")
    if set(request) - {"TrainingJobName", "ResourceConfig"}:
        raise validation_error(
            f"The request was rejected because the training job is in status {job.state}: only the "
            "KeepAlivePeriodInSeconds of its warm pool may change now."
        )

    def kept(record: Record) -> Record:
        changed = {**record.spec["ResourceConfig"], **request["ResourceConfig"]}
        return replace(record, spec={**record.spec, "ResourceConfig": changed})

    try:
        call.store.write([("update", NOUN.touched(call, kept(job))), ("update", kept(pool))])
    except StaleRecord:  # taken or ended in this moment
        raise AwsError("ConflictException", "The warm pool is being changed. Try again.") from None
    return {"TrainingJobArn": job.status["TrainingJobArn"]}


@operations
def delete_training_job(call: Call, request: Params) -> Params:
    record = call.store.get(call.key(KIND, request["TrainingJobName"]))
    if record is None:
        raise AwsError("ResourceNotFound", "Requested resource not found.")
    NOUN.remove(call, record, _settled)
    return {}


def _settled(record: Record) -> None:
    if record.state not in LIFE.settled:
        raise AwsError("ResourceInUse", f"The training job is in status {record.state}. Stop it first.")
    if record.status.get("WarmPoolStatus", {}).get("Status") == "Available":
        raise AwsError(
            "ResourceInUse",
            "The training job retains an Available warm pool. End it first: UpdateTrainingJob with a "
            "KeepAlivePeriodInSeconds of 0.",
        )
