"""From a training job's record to a task: everything that stands in /opt/ml before the script's first line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson

from sagewright.base.errors import Terminal
from sagewright.compute import instances, runtimes
from sagewright.compute.base import Mount, Resources, Task
from sagewright.controllers import staging
from sagewright.controllers.channels import staging as channels
from sagewright.controllers.channels.channel import Host, configuration
from sagewright.controllers.channels.pipes import wrapped
from sagewright.controllers.platform import ObjectFiles, Platform
from sagewright.controllers.pump import Narrator
from sagewright.resources.record import Record

HOST: Final = "algo-1"
_NETWORK_INTERFACE: Final = "lo"
"""The interface that hosts of one machine share."""

_XGBOOST_METRICS: Final = (
    "mae", "rmse", "rmsle", "mape", "mphe", "logloss", "error", "merror", "mlogloss", "auc", "aucpr", "ndcg", "map",
    "accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "precision", "recall", "mse", "r2",
    "gamma-deviance", "gamma-nloglik", "poisson-nloglik", "tweedie-nloglik", "cox-nloglik",
)  # fmt: skip
_BUILT_IN_METRICS: Final[Mapping[str, Sequence[Mapping[str, str]]]] = {
    "xgboost": [
        # TAB reaches the log as #011, as AWS's log agent spells it; the published patterns match that spelling.
        {"Name": f"{channel}:{metric}", "Regex": rf".*\[[0-9]+\].*#011{channel}-{metric}:([-+0-9.eE]+|nan|inf)"}
        for channel in ("train", "validation")
        for metric in _XGBOOST_METRICS
    ],
}


def task_id(record: Record) -> str:
    return f"train-{record.uid}"


def log_stream(record: Record) -> str:
    return f"{record.name}/{HOST}-{int(record.created)}"


def hyperparameters(record: Record) -> Mapping[str, str]:
    values: Mapping[str, str] = record.spec.get("HyperParameters", {})
    return values


def decoded(value: str) -> str:
    """A framework hyperparameter: JSON-encoded by the SDK, plain from others."""
    try:
        text = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    return text if isinstance(text, str) else value


def resolve(record: Record) -> runtimes.Runtime:
    """The runtime for the job's image. Raises Terminal with what would work."""
    image = record.spec["AlgorithmSpecification"]["TrainingImage"]
    runtime = runtimes.resolve(image)
    if runtime is None:
        raise Terminal(f"ClientError: {runtimes.no_runtime(image)}")
    return runtime


def fetch_inputs(platform: Platform, record: Record) -> Sequence[Mount]:
    """Lay out a fresh /opt/ml with code and channels. May be called again after it was cut short.

    Returns what the task is to be shown besides."""
    platform.forget(task_id(record))
    ml = platform.ml_folder(task_id(record))
    for folder in ("input/config", "input/data", "model", "output/data", "output/metrics", "code", "checkpoints"):
        (ml / folder).mkdir(parents=True, exist_ok=True)
    _write_configuration(ml, record)
    objects = platform.objects_as(record.spec["RoleArn"], record.key.region)
    _fetch_code(objects, ml, record)
    return channels.stage(platform, objects, record.spec, ml.parent, region=record.key.region)


def complete_inputs(platform: Platform, record: Record) -> None:
    """Go on with what a server that died was still fetching for a task that runs."""
    ml = platform.ml_folder(task_id(record))
    objects = platform.objects_as(record.spec["RoleArn"], record.key.region)
    channels.resume(platform, objects, record.spec, ml.parent, region=record.key.region)


def _fetch_code(objects: ObjectFiles, ml: Path, record: Record) -> None:
    """The script-mode toolkit's sourcedir.tar.gz, unpacked where the toolkit looks first."""
    source = hyperparameters(record).get("sagemaker_submit_directory")
    if source is None or not (uri := decoded(source)).startswith("s3://"):
        return
    archive = ml.parent / "sourcedir.tar.gz"
    staging.fetch(objects, uri, archive)
    staging.extract(archive, ml / "code", name=f"sagemaker_submit_directory {uri}")
    archive.unlink()


def _write_configuration(ml: Path, record: Record) -> None:
    config = ml / "input" / "config"
    resources = record.spec.get("ResourceConfig", {})
    instance_type = resources.get("InstanceType", "ml.m5.large")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": [HOST]}
    staging.write_json(config / "hyperparameters.json", dict(hyperparameters(record)))
    staging.write_json(
        config / "inputdataconfig.json",
        configuration(record.spec, Host()),
    )
    staging.write_json(
        config / "resourceconfig.json",
        {
            "current_host": HOST,
            "hosts": [HOST],
            "network_interface_name": _NETWORK_INTERFACE,
            "current_instance_type": instance_type,
            # The toolkit reads the first spelling, its local mode writes the second.
            "current_group_name": group["instance_group_name"],
            "current_instance_group": group["instance_group_name"],
            "instance_groups": [group],
        },
    )


def prepare(platform: Platform, record: Record, inputs: Sequence[Mount], say: Narrator) -> Task:
    """The task for a record whose inputs are in place. May take minutes the first time an environment is made."""
    runtime = resolve(record)
    ml = platform.ml_folder(task_id(record))
    python = platform.environments.ensure(runtime.environment, say)
    requirements = ml / "code" / "requirements.txt"
    if "sagemaker_program" in hyperparameters(record) and requirements.is_file() and not requirements.is_symlink():
        python = platform.environments.layer(python, requirements, say)
    mounts = tuple(inputs)
    index: Mapping[str, str] = {}
    if "ContainerEntrypoint" in record.spec["AlgorithmSpecification"]:
        # SDK v3's jobs bring their own driver, which installs their requirements with pip.
        python = platform.environments.fork(python, ml.parent / "environment")
        mounts = (*mounts, Mount(python, str(python), writable=True))
        index = platform.environments.index
    instance_type = record.spec.get("ResourceConfig", {}).get("InstanceType", "ml.m5.large")
    fitted = instances.fit(instance_type, platform.machine)
    if fitted.note:
        say(fitted.note)
    return Task(
        id=task_id(record),
        command=wrapped(_command(record, runtime), mounts),
        environment={
            **platform.environment(record, record.spec["RoleArn"]),
            "TRAINING_JOB_NAME": record.name,
            "TRAINING_JOB_ARN": record.status["TrainingJobArn"],
            "SAGEWRIGHT_REQUIREMENTS_DONE": "1",
            "PYTHONUNBUFFERED": "1",
            **index,
            **record.spec.get("Environment", {}),
        },
        python=python,
        folder=ml,
        mounts=mounts,
        resources=Resources(
            vcpus=fitted.resources.vcpus, memory_bytes=fitted.resources.memory_bytes, gpus=fitted.resources.gpus
        ),
        network="none" if record.spec.get("EnableNetworkIsolation") else "host",
        hosts={HOST: "127.0.0.1"},
        hostname=HOST,
    )


def _command(record: Record, runtime: runtimes.Runtime) -> tuple[str, ...]:
    """As Docker would: the request's own entrypoint and arguments in place of the image's."""
    algorithm = record.spec["AlgorithmSpecification"]
    entry = algorithm.get("ContainerEntrypoint")
    arguments = algorithm.get("ContainerArguments", ())
    return (*entry, *arguments) if entry else (*runtime.entry, "train", runtime.image, *arguments)


def metric_definitions(record: Record, runtime: runtimes.Runtime) -> Sequence[Mapping[str, str]]:
    """The job's own metric definitions, else, in algorithm mode, those that the built-in image brings."""
    own: Sequence[Mapping[str, str]] = record.spec["AlgorithmSpecification"].get("MetricDefinitions", ())
    if own or "sagemaker_program" in hyperparameters(record):
        return own
    return _BUILT_IN_METRICS.get(runtime.image, ())
