"""From a training job's record to a task: everything that stands in /opt/ml before the script's first line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from sagewright.base.errors import Terminal
from sagewright.compute import instances, runtimes
from sagewright.compute.base import Mount, Task
from sagewright.controllers import metric_files, mirrors, staging
from sagewright.controllers.platform import ObjectFiles, Platform
from sagewright.controllers.pump import Narrator
from sagewright.resources import training_host
from sagewright.resources.record import Record
from sagewright.resources.training_host import Host, hosts, task_id

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


def fetch_inputs(platform: Platform, record: Record, host: Host) -> Sequence[Mount]:
    """Lay out a host's fresh /opt/ml with code and channels. Returns what is to be shown to the task on top of it.

    May be called again after it was cut short.
    """
    platform.forget(task_id(record, host))
    ml = platform.ml_folder(task_id(record, host))
    for folder in ("input/config", "input/data", "model", "output/data", metric_files.FOLDER, "code", "checkpoints"):
        (ml / folder).mkdir(parents=True, exist_ok=True)
    _write_configuration(ml, record, host)
    objects = platform.objects_as(record.spec["RoleArn"], record.key.region)
    _fetch_code(objects, ml, record)
    for channel in record.spec.get("InputDataConfig", ()):
        name, uri = channel["ChannelName"], channel["DataSource"]["S3DataSource"]["S3Uri"]
        folder = ml / "input" / "data" / name
        folder.mkdir(exist_ok=True)
        if staging.fetch_prefix(objects, uri, folder) == 0:
            raise Terminal(
                f"ClientError: Data download failed: No S3 objects found under S3 URL {uri!r} given in input data "
                f"source of channel {name!r}. Please ensure that the bucket exists in the selected region "
                f"({record.key.region}), and that objects exist under that S3 prefix."
            )
    return mirrors.lay_out(objects, ml, mirrors.mirrors(record))


def _fetch_code(objects: ObjectFiles, ml: Path, record: Record) -> None:
    """The script-mode toolkit's sourcedir.tar.gz, unpacked where the toolkit looks first."""
    source = hyperparameters(record).get("sagemaker_submit_directory")
    if source is None or not (uri := decoded(source)).startswith("s3://"):
        return
    archive = ml.parent / "sourcedir.tar.gz"
    staging.fetch(objects, uri, archive)
    staging.extract(archive, ml / "code", name=f"sagemaker_submit_directory {uri}")
    archive.unlink()


def _write_configuration(ml: Path, record: Record, host: Host) -> None:
    config = ml / "input" / "config"
    staging.write_json(config / "hyperparameters.json", dict(hyperparameters(record)))
    staging.write_json(
        config / "inputdataconfig.json",
        {channel["ChannelName"]: _channel(channel) for channel in record.spec.get("InputDataConfig", ())},
    )
    staging.write_json(config / "resourceconfig.json", training_host.configuration(hosts(record), host))
    if checkpoints := record.spec.get("CheckpointConfig"):
        staging.write_json(config / "checkpointconfig.json", {"LocalPath": "/opt/ml/checkpoints", **checkpoints})


def _channel(channel: Mapping[str, Any]) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    described = {
        "TrainingInputMode": channel.get("InputMode", "File"),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if "ContentType" in channel:
        described["ContentType"] = channel["ContentType"]
    return described


def prepare(platform: Platform, record: Record, host: Host, mounts: Sequence[Mount], say: Narrator) -> Task:
    """The task for a host whose inputs are in place. May take minutes the first time an environment is made."""
    runtime = resolve(record)
    ml = platform.ml_folder(task_id(record, host))
    python = platform.environments.ensure(runtime.environment, say)
    requirements = ml / "code" / "requirements.txt"
    if "sagemaker_program" in hyperparameters(record) and requirements.is_file() and not requirements.is_symlink():
        python = platform.environments.layer(python, requirements, say)
    index: Mapping[str, str] = {}
    if "ContainerEntrypoint" in record.spec["AlgorithmSpecification"]:
        # SDK v3's jobs bring their own driver, which installs their requirements with pip.
        python = platform.environments.fork(python, ml.parent / "environment")
        mounts = (*mounts, Mount(python, str(python), writable=True))
        index = platform.environments.index
    fitted = instances.fit(host.instance_type, platform.machine)
    if fitted.note:
        say(fitted.note)
    return Task(
        id=task_id(record, host),
        command=_command(record, runtime),
        environment={
            **platform.environment(record, record.spec["RoleArn"]),
            "TRAINING_JOB_NAME": record.name,
            "TRAINING_JOB_ARN": record.status["TrainingJobArn"],
            "SAGEMAKER_METRICS_DIRECTORY": f"/opt/ml/{metric_files.FOLDER}",
            "SAGEWRIGHT_REQUIREMENTS_DONE": "1",
            "PYTHONUNBUFFERED": "1",
            **index,
            **record.spec.get("Environment", {}),
        },
        python=python,
        folder=ml,
        mounts=mounts,
        resources=fitted.resources,
        network="none" if record.spec.get("EnableNetworkIsolation") else "host",
        hosts={each.name: each.address for each in hosts(record)},
        hostname=host.name,
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
