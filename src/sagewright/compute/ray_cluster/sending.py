"""Bringing a task to its node: what it is, what it is shown, and how its Python environment is made."""

from __future__ import annotations

import logging
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sagewright.compute.base import Mount, Task
from sagewright.compute.ray_cluster import cargo, tasks
from sagewright.compute.ray_cluster.homes import read_only
from sagewright.compute.ray_cluster.links import ANSWER, Links, check
from sagewright.compute.ray_cluster.wire import Wire
from sagewright.compute.sandbox import read_config
from sagewright.compute.venvs import Environments

_LOG = logging.getLogger(__name__)
_STAGING: Final = 1800.0
"""Seconds that a node may be silent while it makes an environment."""


def bring(
    links: Links,
    node: str,
    task: Task,
    hosts: Mapping[str, str],
    python: Mapping[str, Any] | None,
    endpoint: tuple[str, int],
) -> None:
    """Send what the node lacks, and the task. Who is killed meanwhile sends it again: the node starts it once.

    Raises OSError where the node does not answer, and what it refuses.
    """
    roots = tasks.roots(task)
    blobs = _blobs(task, roots)
    sealed = {(each["root"], each["path"]) for each in blobs}
    message = {
        "op": "start",
        "task": tasks.told(task, hosts, python),
        "endpoint": endpoint,
        "blobs": blobs,
        "folders": [root for root, place in roots.items() if place.is_dir()],
    }

    def talk(wire: Wire, answer: dict[str, Any]) -> None:
        if answer.get("known"):
            return
        by_key = {each["key"]: each for each in blobs}
        for key in answer["missing"]:
            blob = by_key[key]
            wire.send({"key": key, "size": blob["size"]})
            _send(wire, roots[blob["root"]] / blob["path"] if blob["path"] else roots[blob["root"]])
        wire.send({})
        stream = wire.writer()
        cargo.pack(roots, stream, lambda root, found: (root, found.path) not in sealed)
        stream.end()
        wire.sock.settimeout(_STAGING)
        while not (answer := wire.receive()).get("started"):
            check(answer)
            _LOG.info("task %s: %s", task.id, answer.get("say"))
        wire.sock.settimeout(ANSWER)

    links.ask(node, message, talk)


def _blobs(task: Task, roots: Mapping[str, Path]) -> list[dict[str, Any]]:
    """The large files that the task is shown and cannot write to: by their keys the node knows those that it has."""
    return [
        {"root": root, "path": found.path, "key": found.key, "size": found.info.st_size}
        for root in read_only(task)
        for found in cargo.walk(roots[root])
        if stat.S_ISREG(found.info.st_mode) and found.info.st_size >= cargo.BLOB_BYTES
    ]


def _send(wire: Wire, path: Path) -> None:
    stream = wire.writer()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            stream.write(piece)
    stream.end()


def recipe(environments: Environments, python: Path | None, mounts: Sequence[Mount]) -> Mapping[str, Any] | None:
    """How a node makes a task's environment; `own` where the task installs into it."""
    if python is None:
        return None
    own = any(mount.source == python for mount in mounts)
    path = Path(read_config(python)["extends-environment"]) if own else python
    return {"path": str(path), "recipe": environments.recipe(path), "own": own}
