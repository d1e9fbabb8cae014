"""From a batch transform job to the task of one instance: the model's server, and the objects that go through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sagewright.compute.base import Mount, Task
from sagewright.controllers import model_task, staging, transform_plan
from sagewright.controllers.platform import Platform
from sagewright.controllers.pump import Narrator
from sagewright.controllers.transform_plan import Item
from sagewright.resources import transform_job
from sagewright.resources.record import Record
from sagewright.resources.transform_job import Instance

FOLDER: Final = "transform"
"""Below /opt/ml, as the toolkit knows it."""
_PUSH: Final = ("python", "-m", "sagewright_container.transform")
_PLAIN: Final = "scikit-learn"
"""The environment of one that serves nothing."""
_INVOCATION_S: Final = 600
"""Seconds that a request may take where the job says nothing, as on AWS."""
_STRATEGIES: Final[Mapping[str, str]] = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}


def prepare(platform: Platform, record: Record, instance: Instance, items: Sequence[Item], say: Narrator) -> Task:
    """Lay out a fresh /opt/ml with the model and the objects, and give its task. May be called again."""
    model: Mapping[str, Any] = record.spec["model"]
    resources = record.spec["TransformResources"]
    if transform_job.serves_first(record):
        task = model_task.prepare(platform, record, instance["task"], model, resources, say)
    else:
        task = _without_a_server(platform, record, instance["task"], say)
    folder = platform.ml_folder(instance["task"]) / FOLDER
    for name in ("input", "output"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    servers = [f"servers/{number}" for number, _ in enumerate(transform_job.others(record, instance["task"]), 2)]
    plan = transform_plan.told(record, items, [f"{place}/{Path(model_task.SOCKET).name}" for place in servers])
    done = _take_over(platform, instance)
    objects = platform.objects_as(model["ExecutionRoleArn"], record.key.region)
    for item, place in zip(items, plan["objects"], strict=True):
        if place["output"] not in done:
            staging.fetch(objects, f"s3://{item.bucket}/{item.key}", folder / place["input"])
    transform_plan.write(folder, plan)
    tasks = transform_job.others(record, instance["task"]).values()
    return replace(
        task,
        command=(*_PUSH, *task.command),
        environment=_environment(record, task),
        mounts=[
            Mount(platform.ml_folder(other) / "run", f"/opt/ml/{FOLDER}/{place}")
            for other, place in zip(tasks, servers, strict=True)
        ],
        placement=replace(task.placement, kept=True),
        here=task.here or bool(servers),  # the containers of a pipeline talk by their sockets
    )


def _without_a_server(platform: Platform, record: Record, task_id: str, say: Narrator) -> Task:
    """The task that pushes objects through servers that are tasks of their own."""
    platform.forget(task_id)
    ml = platform.ml_folder(task_id)
    ml.mkdir(parents=True)
    python = platform.environments.ensure(_PLAIN, say)
    return Task(task_id, (), {"PYTHONUNBUFFERED": "1"}, python, ml, network="none", hostname="transform")


def prepare_other(platform: Platform, record: Record, task_id: str, number: int, say: Narrator) -> Task:
    """The task that serves a further container of a pipeline: the one at `number` in the model."""
    resources = record.spec["TransformResources"]
    task = model_task.prepare(platform, record, task_id, record.spec["model"], resources, say, number=number)
    return replace(task, environment=_environment(record, task), here=True)


def _take_over(platform: Platform, instance: Instance) -> set[str]:
    """The outputs that the attempt before had finished need not be made again. Which these are."""
    before = instance.get("before")
    earlier = staging.of_task(platform.ml_folder(before), f"{FOLDER}/output") if before else None
    if earlier is None:
        return set()
    here = platform.ml_folder(instance["task"]) / FOLDER / "output"
    done = set()
    for path, name in staging.files_below(earlier):
        if name.isdecimal():
            (here / name).hardlink_to(path)
            done.add(f"output/{name}")
    return done


def _settings(record: Record) -> Mapping[str, str]:
    """What the container is told of a batch job, as far as the request says it."""
    spec = record.spec
    limit = spec.get("ModelClientConfig", {}).get("InvocationsTimeoutInSeconds", _INVOCATION_S)
    told = {"SAGEMAKER_BATCH": "true", "SAGEMAKER_MODEL_SERVER_TIMEOUT": str(limit)}
    if "MaxPayloadInMB" in spec:
        told["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(spec["MaxPayloadInMB"])
    if "BatchStrategy" in spec:
        told["SAGEMAKER_BATCH_STRATEGY"] = _STRATEGIES[spec["BatchStrategy"]]
    if spec.get("MaxConcurrentTransforms"):
        told["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(spec["MaxConcurrentTransforms"])
    return told


def _environment(record: Record, task: Task) -> Mapping[str, str]:
    """What the container is told of the job, the model's variables, and over them the job's own; where the server
    listens is not theirs to say."""
    ours = {name: value for name, value in task.environment.items() if name == "SAGEWRIGHT_BIND_UDS"}
    return {**_settings(record), **task.environment, **record.spec.get("Environment", {}), **ours}
