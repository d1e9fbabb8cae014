"""Training jobs: CreateTrainingJob and its kin. `controllers/training_job.py` does the work."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import equals
from sagewright.operations.sagemaker.noun import Noun
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.hyper_parameter_tuning_job import objective_members
from sagewright.resources.record import Record
from sagewright.resources.training_job import DEFAULT_RUNTIME, FACETS, KIND, LIFE, beginning, completed, stopping


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
    record = NOUN.create(call, completed(request), state="InProgress", status=beginning(call.now))
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
    """What may change while a job runs. Of the resources that is the warm pool's keep-alive period alone."""

    def update(record: Record) -> Record:
        if record.state != "InProgress":
            raise validation_error(f"The request was rejected because the training job is in status {record.state}.")
        spec = dict(record.spec)
        for member in _CHANGEABLE:
            if member in request:
                spec[member] = (
                    {**spec.get(member, {}), **request[member]} if member != _CHANGEABLE[1] else request[member]
                )
        return replace(record, spec=spec)

    record = NOUN.amend(call, request["TrainingJobName"], update)
    return {"TrainingJobArn": record.status["TrainingJobArn"]}


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


def check(request: Params) -> None:
    """Raises a ValidationException for what no job is started for; also asked by whatever starts jobs later."""
    _refuse_what_is_not_built(request)
    _check(request)


def _check(request: Params) -> None:
    """What the model cannot say but AWS refuses at once."""
    algorithm = request.get("AlgorithmSpecification", {})
    if ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm):
        raise validation_error(
            "Exactly one of TrainingImage and AlgorithmName must be given in AlgorithmSpecification."
        )
    if "S3OutputPath" not in request.get("OutputDataConfig", {}):
        raise validation_error("OutputDataConfig.S3OutputPath is required: the model artifact is written there.")
    channels = [channel["ChannelName"] for channel in request.get("InputDataConfig", ())]
    twice = {name for name in channels if channels.count(name) > 1}
    if twice:
        raise validation_error(f"Channel names must be unique. Given more than once: {', '.join(sorted(twice))}.")
    if request.get("EnableManagedSpotTraining"):
        stopping = request.get("StoppingCondition", {})
        if stopping.get("MaxWaitTimeInSeconds", 0) < stopping.get("MaxRuntimeInSeconds", DEFAULT_RUNTIME):
            raise validation_error(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
                "MaxRuntimeInSeconds for managed spot training."
            )


def _refuse_what_is_not_built(request: Params) -> None:
    """Better no job than one that does something else than it was asked for."""
    algorithm = request.get("AlgorithmSpecification", {})
    resources = request.get("ResourceConfig", {})
    channels = request.get("InputDataConfig", ())
    sources = [channel.get("DataSource", {}) for channel in channels]
    kinds = [source.get("S3DataSource", {}).get("S3DataType", "S3Prefix") for source in sources]
    modes = {channel.get("InputMode", algorithm.get("TrainingInputMode", "File")) for channel in channels}
    reasons = {
        "algorithm resources (AlgorithmName)": "AlgorithmName" in algorithm,
        "several instances": resources.get("InstanceCount", 1) > 1 or "InstanceGroups" in resources,
        "Pipe mode": "Pipe" in modes,
        "file-system channels": any("FileSystemDataSource" in source for source in sources),
        "dataset sources": any("DatasetSource" in source for source in sources),
        "manifest files": any(kind != "S3Prefix" for kind in kinds),
        "record wrapping": any(channel.get("RecordWrapperType", "None") != "None" for channel in channels),
        "shuffling": any("ShuffleConfig" in channel for channel in channels),
        "checkpoints": "CheckpointConfig" in request,
        "experiments": bool(request.get("ExperimentConfig")),
        "serverless jobs": "ServerlessJobConfig" in request,
        "warm pools": resources.get("KeepAlivePeriodInSeconds", 0) > 0,
    }
    asked = [what for what, is_asked in reasons.items() if is_asked]
    if asked:
        raise validation_error(
            f"Sagewright does not do {' and '.join(asked)} for training jobs yet. Nothing was started."
        )
