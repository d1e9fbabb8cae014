"""From a batch transform job to the task of one instance: the model's server, and the objects that go through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.compute.base import Task
from sagewright.controllers import model_task, staging, transform_plan
from sagewright.controllers.platform import Platform
from sagewright.controllers.pump import Narrator
from sagewright.controllers.transform_plan import Item
from sagewright.resources.record import Record
from sagewright.resources.transform_job import Instance

FOLDER: Final = "transform"
"""Below /opt/ml, as the toolkit knows it."""
_PUSH: Final = ("python", "-m", "sagewright_container.transform")
_STRATEGIES: Final[Mapping[str, str]] = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}


def prepare(platform: Platform, record: Record, instance: Instance, items: Sequence[Item], say: Narrator) -> Task:
    """Lay out a fresh /opt/ml with the model and the objects, and give its task. May be called again."""
    model: Mapping[str, Any] = record.spec["model"]
    resources = record.spec["TransformResources"]
    task = model_task.prepare(platform, record, instance["task"], model, resources, say)
    folder = platform.ml_folder(instance["task"]) / FOLDER
    for name in ("input", "output"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    plan = transform_plan.told(record, items)
    done = _take_over(platform, instance)
    objects = platform.objects_as(model["ExecutionRoleArn"], record.key.region)
    for item, place in zip(items, plan["objects"], strict=True):
        if place["output"] not in done:
            staging.fetch(objects, f"s3://{item.bucket}/{item.key}", folder / place["input"])
    transform_plan.write(folder, plan)
    return replace(
        task,
        command=(*_PUSH, *task.command),
        environment={**_settings(record), **task.environment, **_environment(record, task)},
    )


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
    told = {"SAGEMAKER_BATCH": "true"}
    if "MaxPayloadInMB" in spec:
        told["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(spec["MaxPayloadInMB"])
    if "BatchStrategy" in spec:
        told["SAGEMAKER_BATCH_STRATEGY"] = _STRATEGIES[spec["BatchStrategy"]]
    if spec.get("MaxConcurrentTransforms"):
        told["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(spec["MaxConcurrentTransforms"])
    return told


def _environment(record: Record, task: Task) -> Mapping[str, str]:
    """The job's own variables; where the server listens is not theirs to say."""
    ours = {name: value for name, value in task.environment.items() if name == "SAGEWRIGHT_BIND_UDS"}
    return {**record.spec.get("Environment", {}), **ours}
