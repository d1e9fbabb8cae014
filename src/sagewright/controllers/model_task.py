"""From a container definition to a task that serves it: the model unpacked, the script in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any, Final

from sagewright.base.errors import Terminal
from sagewright.compute import instances, runtimes
from sagewright.compute.base import Placement, Resources, Share, Task
from sagewright.controllers import archives, model_folders, own_images, staging
from sagewright.controllers.platform import ObjectFiles, Platform
from sagewright.controllers.pump import Narrator
from sagewright.controllers.standby import environment as standing_by
from sagewright.resources.model import containers
from sagewright.resources.record import Record

SOCKET: Final = "/opt/ml/run/model.sock"
_LONGEST_ASYNCHRONOUS: Final = 3600
"""Seconds that an asynchronous request may take at most, as on AWS."""


def prepare(
    platform: Platform,
    record: Record,
    task_id: str,
    model: Mapping[str, Any],
    variant: Mapping[str, Any],
    say: Narrator,
    *,
    number: int = 0,
    standby: bool = False,
) -> Task:
    """Lay out a fresh /opt/ml for one of an instance's containers, and give its task. May be called again.

    `standby`: it is not to load the model before it is called (`standby.py`).
    """
    container = containers(model)[number]
    runtime = own_images.runtime_of(platform, container["Image"], record.key.region)
    platform.forget(task_id)
    ml = platform.ml_folder(task_id)
    for folder in ("model", "run", "code"):
        (ml / folder).mkdir(parents=True, exist_ok=True)
    objects = platform.objects_as(model["ExecutionRoleArn"], record.key.region)
    many = container.get("Mode") == "MultiModel"
    if not many:
        _fetch_model(objects, ml, container)
    _fetch_code(objects, ml, container)
    resources = _resources(platform, variant, say)
    task = Task(
        id=task_id,
        command=(),
        environment={
            **platform.environment(record, model["ExecutionRoleArn"]),
            "SAGEMAKER_REGION": record.key.region,
            **_time_limit(record),
            **(_memory_limit(resources) if many else {}),
            **container.get("Environment", {}),
            **({"SAGEMAKER_MULTI_MODEL": "true"} if many else {}),
        },
        folder=ml,
        resources=resources,
        network=platform.network(model),
        mounts=[model_folders.mount(ml.parent)] if many else (),
        hostname=container.get("ContainerHostname", "model"),
        socket=SOCKET,
        placement=Placement(
            shares=[Share(resources, variant.get("InstanceType", ""))],
            apart=f"{record.uid}-{variant.get('VariantName', '')}",
            kept=False,
        ),
        here=many,  # models come and go while it runs
    )
    if runtime is None:
        image = own_images.fetched(platform, container["Image"], model["ExecutionRoleArn"], record.key.region, say)
        told = {**task.environment, "SAGEMAKER_BIND_TO_PORT": "8080"}
        return replace(task, command=own_images.serve_command(image), environment=told, image=image.id)
    if (note := runtimes.remark(container["Image"], runtime)) is not None:
        say(note)
    ours = {"SAGEWRIGHT_BIND_UDS": SOCKET, **(standing_by(SOCKET) if standby else {})}
    return replace(
        task,
        command=(*runtime.entry, "serve", runtime.image),
        environment={"PYTHONUNBUFFERED": "1", **task.environment, **ours},
        python=_python(platform, runtime, ml, say),
    )


def _python(platform: Platform, runtime: runtimes.Runtime, ml: Path, say: Narrator) -> Path:
    """The environment that answers to the image, with what the model's own code requires."""
    python = platform.environments.ensure(runtime.environment, say)
    for requirements in (ml / "model" / "code" / "requirements.txt", ml / "code" / "requirements.txt"):
        if requirements.is_file() and not requirements.is_symlink():
            python = platform.environments.layer(python, requirements, say)
    return python


def _time_limit(record: Record) -> Mapping[str, str]:
    """What an asynchronous endpoint's requests may take is longer than what model servers allow by themselves."""
    asynchronous = "AsyncInferenceConfig" in record.spec.get("config", {})
    return {"SAGEMAKER_MODEL_SERVER_TIMEOUT": str(_LONGEST_ASYNCHRONOUS)} if asynchronous else {}


def _memory_limit(resources: Resources) -> Mapping[str, str]:
    """What a container that loads models as they are asked for may fill; it may be told to fill less."""
    return {} if resources.memory_bytes is None else {"SAGEWRIGHT_MEMORY_LIMIT": str(resources.memory_bytes)}


def _resources(platform: Platform, variant: Mapping[str, Any], say: Narrator) -> Resources:
    """What an instance's type gives, or the memory of a serverless one, or what a copy of a component may use."""
    if "ServerlessConfig" in variant:
        return Resources(memory_bytes=variant["ServerlessConfig"]["MemorySizeInMB"] << 20)
    fitted = instances.fit(variant.get("InstanceType", "ml.m5.large"), platform.machine)
    if fitted.note:
        say(fitted.note)
    return _bounded(replace(fitted.resources, vcpus=None), variant)


def _bounded(instance: Resources, settings: Mapping[str, Any]) -> Resources:
    copy = settings.get("ComputeResourceRequirements")
    if copy is None:
        return instance
    limits = [instance.memory_bytes, copy.get("MaxMemoryRequiredInMb", 0) << 20]
    gpus = min(instance.gpus, ceil(copy.get("NumberOfAcceleratorDevicesRequired", 0)))
    return replace(instance, memory_bytes=min(filter(None, limits), default=None), gpus=gpus)


def _fetch_model(objects: ObjectFiles, ml: Path, container: Mapping[str, Any]) -> None:
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    uri = source.get("S3Uri") or container.get("ModelDataUrl")
    if uri is None:
        return
    if source.get("S3DataType") == "S3Prefix" and source.get("CompressionType") == "None":
        if staging.fetch_prefix(objects, uri, ml / "model") == 0:
            raise Terminal(f"There are no model files under {uri}.")
        return
    archive = ml.parent / "model.tar.gz"
    staging.fetch(objects, uri, archive)
    archives.extract(archive, ml / "model", name=f"The model artifact {uri}")
    archive.unlink()


def _fetch_code(objects: ObjectFiles, ml: Path, container: Mapping[str, Any]) -> None:
    """A script that the environment names in S3, put where the serving toolkit looks for it."""
    uri = container.get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if not uri.startswith("s3://"):
        return
    archive = ml.parent / "sourcedir.tar.gz"
    staging.fetch(objects, uri, archive)
    archives.extract(archive, ml / "code", name=f"SAGEMAKER_SUBMIT_DIRECTORY {uri}")
    archive.unlink()
