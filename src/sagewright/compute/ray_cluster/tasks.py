"""Tasks as the wire has them: what a server tells a node, in words that mean the same on both machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sagewright.compute.base import Mount, Resources, Task, TaskState

ML = "ml"
"""The root that a task's /opt/ml travels under; its mounts are `m0`, `m1`, …"""


def roots(task: Task) -> dict[str, Path]:
    """What has to be brought to the node, by the names that it travels under."""
    found = {} if task.folder is None else {ML: task.folder}
    return found | {f"m{number}": mount.source for number, mount in enumerate(shown(task))}


def shown(task: Task) -> list[Mount]:
    """The mounts that travel. A task's own environment is made on the node."""
    return [mount for mount in task.mounts if mount.source != task.python]


def written(task: Task) -> list[str]:
    """The roots that the task may write to: what it leaves there comes back."""
    mounts = [f"m{number}" for number, mount in enumerate(shown(task)) if mount.writable]
    return mounts if task.folder is None else [ML, *mounts]


def told(task: Task, hosts: Mapping[str, str], python: Mapping[str, Any] | None) -> dict[str, Any]:
    """A task as JSON. `python` says how its environment is made."""
    return {
        "id": task.id,
        "command": list(task.command),
        "environment": dict(task.environment),
        "python": python,
        "folder": task.folder is not None,
        "mounts": [{"target": mount.target, "writable": mount.writable} for mount in shown(task)],
        "written": written(task),
        "resources": asdict(task.resources),
        "network": task.network,
        "group": task.group,
        "hosts": dict(hosts),
        "hostname": task.hostname,
        "socket": task.socket,
    }


def laid_out(message: Mapping[str, Any], home: Path, python: Path | None, *, own_python: bool) -> Task:
    """The task on its node, where its files lie in `home`."""
    mounts = [
        Mount(home / f"m{number}", mount["target"], mount["writable"]) for number, mount in enumerate(message["mounts"])
    ]
    if own_python and python is not None:
        mounts.append(Mount(python, str(python), writable=True))
    return Task(
        id=message["id"],
        command=message["command"],
        environment=message["environment"],
        python=python,
        folder=home / ML if message["folder"] else None,
        mounts=mounts,
        resources=Resources(**message["resources"]),
        network=message["network"],
        group=message["group"],
        hosts=message["hosts"],
        hostname=message["hostname"],
        socket=message["socket"],
    )


def state(message: Mapping[str, Any]) -> TaskState:
    """A state that came by the wire."""
    return TaskState(**message)
