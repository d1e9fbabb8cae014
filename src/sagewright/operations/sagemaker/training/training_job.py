"""Training jobs: CreateTrainingJob and its kin. `controllers/training_job.py` does the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import equals
from sagewright.operations.sagemaker.noun import Noun
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources import training_host
from sagewright.resources.record import Record
from sagewright.resources.training_job import KIND, LIFE


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
    filters={
        "WarmPoolStatusEquals": equals("WarmPoolStatus.Status"),
        "TrainingPlanArnEquals": equals("ResourceConfig.TrainingPlanArn"),
    },
)
operations = NOUN.operations()

# What AWS fills in when a request leaves it out; clients read these without asking whether they are there.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "EnableNetworkIsolation": False,
    "EnableInterContainerTrafficEncryption": False,
    "EnableManagedSpotTraining": False,
}
_DEFAULT_RUNTIME: Final = 86_400
_NOT_FOR_ONE_USE: Final = {PurePosixPath(path) for path in ("/", "/opt", "/opt/ml", "/opt/ml/input", "/opt/ml/output")}
_CHANGEABLE: Final = ("ProfilerConfig", "ProfilerRuleConfigurations", "ResourceConfig", "RemoteDebugConfig")


@operations
def create_training_job(call: Call, request: Params) -> Params:
    _refuse_what_is_not_built(request)
    _check(request)
    check_role(call, request["RoleArn"])
    spec = {**_DEFAULTS, **request}
    spec["OutputDataConfig"] = {"KmsKeyId": "", **request.get("OutputDataConfig", {})}
    spec["StoppingCondition"] = {"MaxRuntimeInSeconds": _DEFAULT_RUNTIME, **request.get("StoppingCondition", {})}
    started = {"Status": "Starting", "StartTime": call.now, "StatusMessage": "Starting the training job"}
    record = NOUN.create(
        call,
        spec,
        state="InProgress",
        status={"SecondaryStatus": "Starting", "SecondaryStatusTransitions": [started]},
    )
    return {"TrainingJobArn": record.status["TrainingJobArn"]}


@operations
def stop_training_job(call: Call, request: Params) -> Params:
    def stop(record: Record) -> Record | None:
        if record.state == "Stopping":
            return None
        if not LIFE.allows(record.state, "stop"):
            raise validation_error(f"The request was rejected because the training job is in status {record.state}.")
        return replace(record, intent="stop", state=LIFE.after(record.state, "stop"))

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
    _check_resources(request.get("ResourceConfig", {}))
    for config in ("CheckpointConfig", "TensorBoardOutputConfig", "DebugHookConfig"):
        path = request.get(config, {}).get("LocalPath") or "/opt/ml/mirror"
        if not path.startswith("/") or PurePosixPath(path) in _NOT_FOR_ONE_USE or ".." in PurePosixPath(path).parts:
            raise validation_error(f"{config}.LocalPath must be an absolute path of a folder of its own, not {path!r}.")
    if request.get("EnableManagedSpotTraining"):
        stopping = request.get("StoppingCondition", {})
        if stopping.get("MaxWaitTimeInSeconds", 0) < stopping.get("MaxRuntimeInSeconds", _DEFAULT_RUNTIME):
            raise validation_error(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
                "MaxRuntimeInSeconds for managed spot training."
            )


def _check_resources(resources: Params) -> None:
    grouped = "InstanceGroups" in resources
    if grouped and {"InstanceType", "InstanceCount"} & resources.keys():
        raise validation_error("ResourceConfig takes either InstanceGroups, or InstanceType and InstanceCount.")
    groups = training_host.groups(resources)
    names = [group["InstanceGroupName"] for group in groups]
    if len(set(names)) < len(names):
        raise validation_error("Each of InstanceGroups needs an InstanceGroupName of its own.")
    if any(group["InstanceCount"] < 1 for group in groups):
        raise validation_error("InstanceCount must be at least 1.")
    count = sum(group["InstanceCount"] for group in groups)
    if count > training_host.MOST:
        raise AwsError(
            "ResourceLimitExceeded",
            f"A training job here has at most {training_host.MOST} instances; {count} were asked for.",
        )


def _refuse_what_is_not_built(request: Params) -> None:
    """Better no job than one that does something else than it was asked for."""
    algorithm = request.get("AlgorithmSpecification", {})
    channels = request.get("InputDataConfig", ())
    sources = [channel.get("DataSource", {}) for channel in channels]
    kinds = [source.get("S3DataSource", {}).get("S3DataType", "S3Prefix") for source in sources]
    modes = {channel.get("InputMode", algorithm.get("TrainingInputMode", "File")) for channel in channels}
    reasons = {
        "algorithm resources (AlgorithmName)": "AlgorithmName" in algorithm,
        "Pipe mode": "Pipe" in modes,
        "file-system channels": any("FileSystemDataSource" in source for source in sources),
        "dataset sources": any("DatasetSource" in source for source in sources),
        "manifest files": any(kind != "S3Prefix" for kind in kinds),
        "record wrapping": any(channel.get("RecordWrapperType", "None") != "None" for channel in channels),
        "shuffling": any("ShuffleConfig" in channel for channel in channels),
        "experiments": bool(request.get("ExperimentConfig")),
        "serverless jobs": "ServerlessJobConfig" in request,
    }
    asked = [what for what, is_asked in reasons.items() if is_asked]
    if asked:
        raise validation_error(
            f"Sagewright does not do {' and '.join(asked)} for training jobs yet. Nothing was started."
        )
