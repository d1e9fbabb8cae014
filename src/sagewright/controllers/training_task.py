"""From a training job's record to a task: everything that stands in /opt/ml before the script's first line."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypedDict

from sagewright.base.errors import Terminal
from sagewright.compute import runtimes
from sagewright.compute.base import Mount, Task
from sagewright.controllers import (
    archives,
    code_layers,
    host_task,
    image_tools,
    metric_files,
    mirrors,
    own_images,
    staging,
    warm_pools,
)
from sagewright.controllers.channels import channel
from sagewright.controllers.channels import staging as channels
from sagewright.controllers.channels.pipes import refuse_pipes, wrapped
from sagewright.controllers.platform import ObjectFiles, Platform
from sagewright.controllers.pump import Narrator
from sagewright.resources import training_host, tries
from sagewright.resources.record import Record
from sagewright.resources.training_host import Host, hosts, task_id
from sagewright.resources.training_job import training_image
from sagewright.resources.training_metrics import built_in

_CHANNELS: Final = "/opt/ml/input/data/"


def hyperparameters(record: Record) -> Mapping[str, str]:
    values: Mapping[str, str] = record.spec.get("HyperParameters", {})
    return values


def resolve(platform: Platform, record: Record) -> runtimes.Runtime | None:
    """The runtime for the job's image; None for one that runs as itself. Raises Terminal with what would work."""
    try:
        return own_images.runtime_of(platform, training_image(record), record.key.region)
    except Terminal as refused:
        raise Terminal(f"ClientError: {refused}") from None


def fetch_inputs(platform: Platform, record: Record, host: Host) -> Sequence[Mount]:
    """Lay out a host's fresh /opt/ml with code and channels. Returns what is to be shown to the task on top of it.

    May be called again after it was cut short.
    """
    platform.forget(task_id(record, host))
    ml = platform.ml_folder(task_id(record, host))
    for folder in ("input/config", "input/data", "model", "output/data", metric_files.FOLDER, "code", "checkpoints"):
        (ml / folder).mkdir(parents=True, exist_ok=True)
    _write_configuration(platform, ml, record, host)
    objects = platform.objects_as(record.spec["RoleArn"], record.key.region)
    _fetch_code(objects, ml, record)
    shown = channels.stage(platform, objects, record.spec, ml.parent, **_dealt(record, host))
    return [*shown, *warm_pools.mounts(platform, record, host), *mirrors.lay_out(objects, ml, mirrors.mirrors(record))]


def complete_inputs(platform: Platform, record: Record, host: Host) -> None:
    """Go on with what a server that died was still fetching for a host that runs."""
    ml = platform.ml_folder(task_id(record, host))
    objects = platform.objects_as(record.spec["RoleArn"], record.key.region)
    channels.resume(platform, objects, record.spec, ml.parent, **_dealt(record, host))


class _Dealt(TypedDict):
    """Where a job's channels are, and to whom they are dealt."""

    region: str
    hosts: Sequence[channel.Host]
    index: int


def _dealt(record: Record, host: Host) -> _Dealt:
    return {"region": record.key.region, "hosts": _shares(record), "index": host.number - 1}


def _shares(record: Record) -> Sequence[channel.Host]:
    """The hosts as channels are dealt to them."""
    everybody = hosts(record)
    return [channel.Host(host.number - 1, len(everybody), host.group) for host in everybody]


def _fetch_code(objects: ObjectFiles, ml: Path, record: Record) -> None:
    """The script-mode toolkit's sourcedir.tar.gz, unpacked where the toolkit looks first."""
    source = code_layers.decoded(hyperparameters(record).get("sagemaker_submit_directory", ""))
    uri = _in_channel(record, source) if source.startswith(_CHANNELS) else source
    if not uri.startswith("s3://"):
        return
    archive = ml.parent / "sourcedir.tar.gz"
    staging.fetch(objects, uri, archive)
    archives.extract(archive, ml / "code", name=f"sagemaker_submit_directory {uri}")
    archive.unlink()


def _in_channel(record: Record, path: str) -> str:
    """The address of a file in a channel, or '': jobs without a network get their code by the channel `code`."""
    name, _, relative = path.removeprefix(_CHANNELS).partition("/")
    given = {each["ChannelName"]: each["DataSource"] for each in record.spec.get("InputDataConfig", ())}
    uri: str = given.get(name, {}).get("S3DataSource", {}).get("S3Uri", "")
    return uri if not uri or uri.endswith(f"/{relative}") else f"{uri.rstrip('/')}/{relative}"


def _write_configuration(platform: Platform, ml: Path, record: Record, host: Host) -> None:
    config = ml / "input" / "config"
    interface = "eth0" if len(hosts(record)) > 1 and platform.engine.private_networks else "lo"
    staging.write_json(config / "hyperparameters.json", dict(hyperparameters(record)))
    staging.write_json(
        config / "inputdataconfig.json",
        channel.configuration(record.spec, _shares(record)[host.number - 1]),
    )
    staging.write_json(config / "resourceconfig.json", training_host.configuration(hosts(record), host, interface))
    if checkpoints := record.spec.get("CheckpointConfig"):
        staging.write_json(config / "checkpointconfig.json", {"LocalPath": "/opt/ml/checkpoints", **checkpoints})


def prepare(platform: Platform, record: Record, host: Host, mounts: Sequence[Mount], say: Narrator) -> Task:
    """The task for a host whose inputs are in place. May take minutes the first time an environment is made."""
    runtime = resolve(platform, record)
    task = host_task.of_host(
        platform,
        host,
        hosts(record),
        say,
        identity=task_id(record, host),
        group=f"train-{record.uid}",
        placed=f"train-{record.uid}-{tries.number(record)}",
        spec=record.spec,
        environment={
            **platform.environment(record, record.spec["RoleArn"]),
            "TRAINING_JOB_NAME": record.name,
            "TRAINING_JOB_ARN": record.status["TrainingJobArn"],
            "SAGEMAKER_METRICS_DIRECTORY": f"/opt/ml/{metric_files.FOLDER}",
            **record.spec.get("Environment", {}),
        },
        mounts=mounts,
    )
    if runtime is None:
        return _in_its_image(platform, record, task, say)
    return _in_an_environment(platform, record, runtime, task, say)


def _in_its_image(platform: Platform, record: Record, task: Task, say: Narrator) -> Task:
    """The image runs as itself, and brings all that it needs."""
    refuse_pipes(task.mounts)
    role, region = record.spec["RoleArn"], record.key.region
    image = own_images.fetched(platform, training_image(record), role, region, say)
    command = own_images.train_command(image, record.spec["AlgorithmSpecification"])
    return replace(task, command=command, image=image.id)


def _in_an_environment(
    platform: Platform, record: Record, runtime: runtimes.Runtime, task: Task, say: Narrator
) -> Task:
    """SageMaker's own image: the Python environment that answers to it."""
    if (note := runtimes.remark(training_image(record), runtime)) is not None:
        say(note)
    python, own = _python(platform, record, runtime, platform.ml_folder(task.id), say)
    settings = {
        "SAGEWRIGHT_REQUIREMENTS_DONE": "1",
        "PYTHONUNBUFFERED": "1",
        "PET_MASTER_PORT": _meeting_port(record),
    }
    task = replace(
        task,
        command=wrapped(_command(record, runtime), task.mounts),
        environment={**task.environment, **settings, **record.spec.get("Environment", {})},
        python=python,
    )
    return host_task.installing(platform, task) if own else task


def _python(
    platform: Platform, record: Record, runtime: runtimes.Runtime, ml: Path, say: Narrator
) -> tuple[Path, bool]:
    """The Python environment of a task, and whether the task is to have one of its own over that, to install into.

    Raises Terminal where the code cannot run in any.
    """
    told, code = hyperparameters(record), ml / "code"
    if (reason := code_layers.refusal(ml)) is not None:
        raise Terminal(reason)
    python = platform.environments.ensure(runtime.environment, say)
    for needed in (*code_layers.requirements(told, code), *image_tools.requirements(record, ml.parent)):
        python = platform.environments.layer(python, needed, say)
    # SDK v3's jobs bring their own driver, which installs their requirements with pip; packages install themselves.
    own = "ContainerEntrypoint" in record.spec["AlgorithmSpecification"] or code_layers.installs_itself(told, code)
    return python, own


def _meeting_port(record: Record) -> str:
    """Where torchrun's processes of one host meet unless told otherwise: all jobs of a machine share its ports."""
    return str(30000 + zlib.crc32(record.uid.encode()) % 2000)


def _command(record: Record, runtime: runtimes.Runtime) -> tuple[str, ...]:
    """As Docker would: the request's own entrypoint and arguments in place of the image's."""
    algorithm = record.spec["AlgorithmSpecification"]
    entry = algorithm.get("ContainerEntrypoint")
    arguments = algorithm.get("ContainerArguments", ())
    return (*entry, *arguments) if entry else (*runtime.entry, "train", runtime.image, *arguments)


def metric_definitions(record: Record) -> Sequence[Mapping[str, str]]:
    """The job's own metric definitions, else, in algorithm mode, those that the built-in image brings."""
    own: Sequence[Mapping[str, str]] = record.spec["AlgorithmSpecification"].get("MetricDefinitions", ())
    runtime = runtimes.resolve(training_image(record))
    return own or (built_in(runtime.image, hyperparameters(record)) if runtime else ())
