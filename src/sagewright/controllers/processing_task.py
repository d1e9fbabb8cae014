"""From a processing job's record to the task of a host: its inputs, its configuration, and what it runs in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sagewright.base.errors import Terminal
from sagewright.compute import runtimes
from sagewright.compute.base import Mount, Task
from sagewright.controllers import host_task, metric_files, own_images, staging
from sagewright.controllers.channels import channel
from sagewright.controllers.channels import staging as channels
from sagewright.controllers.channels.channel import Channel
from sagewright.controllers.channels.pipes import refuse_pipes, wrapped
from sagewright.controllers.platform import Platform
from sagewright.controllers.pump import Narrator
from sagewright.resources import training_host
from sagewright.resources.processing_job import hosts, inputs, outputs, task_id
from sagewright.resources.record import Record
from sagewright.resources.training_host import Host

_ML: Final = PurePosixPath("/opt/ml")
_TOLD: Final = (
    *("ProcessingJobArn", "ProcessingJobName", "AppSpecification", "Environment", "ProcessingInputs"),
    *("ProcessingOutputConfig", "ProcessingResources", "RoleArn", "StoppingCondition", "NetworkConfig"),
)
"""What processingjobconfig.json says."""


def image(record: Record) -> str:
    return str(record.spec["AppSpecification"]["ImageUri"])


def resolve(platform: Platform, record: Record) -> runtimes.Runtime | None:
    """The runtime for the job's image; None for one that runs as itself. Raises Terminal with what would work."""
    try:
        runtime = own_images.runtime_of(platform, image(record), record.key.region)
    except Terminal as refused:
        raise Terminal(f"ClientError: {refused}") from None
    if runtime is not None and not record.spec["AppSpecification"].get("ContainerEntrypoint"):
        raise Terminal(
            f"ClientError: The image {image(record)} has no program of its own that processes. Say in "
            'ContainerEntrypoint what is to run, as ["python3", "/opt/ml/processing/input/code/script.py"].'
        )
    return runtime


def fetch_inputs(platform: Platform, record: Record, host: Host) -> Sequence[Mount]:
    """Lay out a host's fresh /opt/ml with configuration and inputs. Returns what is to be shown to the task on top of
    it.

    May be called again after it was cut short.
    """
    platform.forget(task_id(record, host))
    ml = platform.ml_folder(task_id(record, host))
    folders = ("config", "output", metric_files.FOLDER, *(_below_ml(path) for _, _, path in outputs(record.spec)))
    for folder in folders:
        (ml / folder).mkdir(parents=True, exist_ok=True)
    _write_configuration(platform, ml, record, host)
    objects = platform.objects_as(record.spec["RoleArn"], record.key.region)
    return channels.lay_out(platform, objects, _channels(record, host), ml.parent, region=record.key.region)


def complete_inputs(platform: Platform, record: Record, host: Host) -> None:
    """Go on with what a server that died was still fetching for a host that runs."""
    folder = platform.ml_folder(task_id(record, host)).parent
    objects = platform.objects_as(record.spec["RoleArn"], record.key.region)
    channels.complete_all(platform, objects, _channels(record, host), folder, region=record.key.region)


def _channels(record: Record, host: Host) -> Iterator[tuple[Channel, channel.Host]]:
    """A job's inputs as channels, and which host it is to whom they are dealt."""
    share = channel.Host(host.number - 1, len(hosts(record)))
    places = [path for _, _, path in (*inputs(record), *outputs(record.spec))]
    for name, source, path in inputs(record):
        # What has another place in it, or twice the same, cannot be shown read-only as a whole.
        shared = sum(PurePosixPath(other).is_relative_to(path) for other in places) > 1
        yield (
            Channel(
                name,
                source.get("S3InputMode", "File"),
                uri=source["S3Uri"],
                kind=source["S3DataType"],
                sharded=source.get("S3DataDistributionType") == "ShardedByS3Key",
                gzip=source.get("S3CompressionType") == "Gzip",
                folder=_below_ml(path),
                copied=shared,
            ),
            share,
        )


def _below_ml(path: str) -> str:
    return PurePosixPath(os.path.normpath(path)).relative_to(_ML).as_posix()


def _write_configuration(platform: Platform, ml: Path, record: Record, host: Host) -> None:
    config, interface = ml / "config", platform.engine.private_networks and len(hosts(record)) > 1
    told = {"ProcessingJobName": record.name, **record.spec, **record.status}
    staging.write_json(config / "processingjobconfig.json", {name: told[name] for name in _TOLD if name in told})
    resources = training_host.configuration(hosts(record), host, "eth0" if interface else "lo")
    staging.write_json(config / "resourceconfig.json", resources)


def prepare(platform: Platform, record: Record, host: Host, mounts: Sequence[Mount], say: Narrator) -> Task:
    """The task for a host whose inputs are in place. May take minutes the first time an environment is made."""
    runtime = resolve(platform, record)
    own: Mapping[str, str] = record.spec.get("Environment", {})
    task = host_task.of_host(
        platform,
        host,
        hosts(record),
        say,
        identity=task_id(record, host),
        group=f"process-{record.uid}",
        placed=f"process-{record.uid}",
        spec=record.spec,
        environment={
            **platform.environment(record, record.spec["RoleArn"]),
            "PYTHONUNBUFFERED": "1",
            "SAGEMAKER_METRICS_DIRECTORY": f"/opt/ml/{metric_files.FOLDER}",
            **own,
        },
        mounts=mounts,
    )
    app: Mapping[str, Any] = record.spec["AppSpecification"]
    if runtime is None:
        refuse_pipes(mounts)
        held = own_images.fetched(platform, image(record), record.spec["RoleArn"], record.key.region, say)
        return replace(task, command=own_images.process_command(held, app), image=held.id)
    if (note := runtimes.remark(image(record), runtime)) is not None:
        say(note)
    command = wrapped((*app["ContainerEntrypoint"], *app.get("ContainerArguments", ())), mounts)
    task = replace(task, command=command, python=platform.environments.ensure(runtime.environment, say))
    return host_task.installing(platform, task)  # FrameworkProcessor's runproc.sh does, and so do many scripts
