"""The life of a batch transform job, and the task that is each of its instances."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from sagewright.resources.lifecycle import Lifecycle
from sagewright.resources.model import containers, hostnames
from sagewright.resources.record import Record

KIND: Final = "transform-job"
LOG_GROUP: Final = "/aws/sagemaker/TransformJobs"

LIFE: Final = Lifecycle(
    noun="TransformJob",
    transitions={
        ("InProgress", "complete"): "Completed",
        ("InProgress", "fail"): "Failed",
        ("InProgress", "stop"): "Stopping",
        ("Stopping", "stopped"): "Stopped",
        ("Stopping", "fail"): "Failed",
    },
    settled=("Completed", "Failed", "Stopped"),
)

Instance = dict[str, Any]
"""number (from 0), attempt (from 1), task, log_stream; before: the task of the attempt before."""


def plan_id(record: Record) -> str:
    """The folder among those of tasks that holds what the job as a whole is to do. No task runs in it."""
    return f"transform-{record.uid}"


def instance(record: Record, number: int, attempt: int = 1, before: str | None = None) -> Instance:
    """One machine of a job. A task id stands for one run, and so does its log stream."""
    task = f"transform-{record.uid}-{number}-{attempt}"
    machine = "i-" + hashlib.sha256(task.encode()).hexdigest()[:17]
    return {
        "number": number,
        "attempt": attempt,
        "task": task,
        "log_stream": f"{record.name}/{machine}-{int(record.created)}",
        **({"before": before} if before else {}),
    }


def others(record: Record, task: str) -> Mapping[str, str]:
    """The tasks of a model's further containers, by what they are called, for an instance's task.

    The instance's own task serves the first container and asks the others; it asks all where `serves_first` says no.
    """
    names = hostnames(containers(record.spec["model"]))
    numbered = list(enumerate(names, 1))[1 if serves_first(record) else 0 :]
    return {name: f"{task}-{number}" for number, name in numbered}


def serves_first(record: Record) -> bool:
    """Whether the task that pushes the objects also serves the first container: not one whose image runs as itself."""
    return not record.status.get("first_by_itself", False)


def tasks(record: Record, task: str) -> list[str]:
    """All tasks of an instance."""
    return [task, *others(record, task).values()]


def instances(record: Record) -> list[Instance]:
    """Those that were written down; none before it is known what there is to do."""
    return [dict(each) for each in record.status.get("instances", ())]


def data_log(instance: Instance) -> str:
    """The stream that tells of an instance's data."""
    return f"{instance['log_stream']}/data-log"
