"""What is wrong with a request for a training job, beyond what the model can say: asked by all that start jobs."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Params
from sagewright.operations.sagemaker.training.channels import check_channels
from sagewright.resources import training_host, warm_pool
from sagewright.resources.training_job import DEFAULT_RUNTIME

NO_WARM_POOL: Final = (
    "KeepAlivePeriodInSeconds: a warm pool is made neither of Spot instances (EnableManagedSpotTraining) nor of "
    "InstanceGroups. Leave one of the two out."
)
_NOT_FOR_ONE_USE: Final = {PurePosixPath(path) for path in ("/", "/opt", "/opt/ml", "/opt/ml/input", "/opt/ml/output")}


def check(request: Params) -> None:
    """Raises a ValidationException for what no job is started for."""
    _refuse_what_is_not_built(request)
    algorithm = request.get("AlgorithmSpecification", {})
    if ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm):
        raise validation_error(
            "Exactly one of TrainingImage and AlgorithmName must be given in AlgorithmSpecification."
        )
    if "S3OutputPath" not in request.get("OutputDataConfig", {}):
        raise validation_error("OutputDataConfig.S3OutputPath is required: the model artifact is written there.")
    check_channels(request)
    _check_resources(request.get("ResourceConfig", {}))
    _check_folders(request)
    if warm_pool.wanted(request) and not warm_pool.takes_part(request):
        raise validation_error(NO_WARM_POOL)
    if request.get("EnableManagedSpotTraining"):
        stopping = request.get("StoppingCondition", {})
        if stopping.get("MaxWaitTimeInSeconds", 0) < stopping.get("MaxRuntimeInSeconds", DEFAULT_RUNTIME):
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


def _check_folders(request: Params) -> None:
    """What is kept in S3 has a folder of its own."""
    for config in ("CheckpointConfig", "TensorBoardOutputConfig", "DebugHookConfig"):
        path = request.get(config, {}).get("LocalPath") or "/opt/ml/mirror"
        if not path.startswith("/") or PurePosixPath(path) in _NOT_FOR_ONE_USE or ".." in PurePosixPath(path).parts:
            raise validation_error(f"{config}.LocalPath must be an absolute path of a folder of its own, not {path!r}.")


def _refuse_what_is_not_built(request: Params) -> None:
    """Better no job than one that does something else than it was asked for."""
    reasons = {
        "serverless jobs (ServerlessJobConfig)": "ServerlessJobConfig" in request,
        "Debugger's rules (DebugRuleConfigurations: an estimator's `rules`)": bool(
            request.get("DebugRuleConfigurations") or request.get("ProfilerRuleConfigurations")
        ),
    }
    asked = [what for what, is_asked in reasons.items() if is_asked]
    if asked:
        raise validation_error(
            f"Sagewright does not do {' and '.join(asked)} for training jobs yet. Leave them out. Nothing was started."
        )
