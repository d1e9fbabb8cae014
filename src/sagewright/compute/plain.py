"""A task without a sandbox: macOS, and hosts where bubblewrap does not work."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sagewright.base.errors import Terminal
from sagewright.compute import sandbox
from sagewright.compute.base import Mount, Task

CANNOT = (
    "Tasks see this machine's files and processes as you do: nothing keeps them apart.",
    "There is no /opt/ml: tasks find its folder in SAGEMAKER_BASE_DIR.",
    "Host names of a job (algo-1, …) resolve only if this machine's /etc/hosts has them.",
    "Network isolation is not enforced, nor what a VpcConfig closes off.",
    "Input that should be read-only can be written to.",
)
_METRICS: Final = "SAGEMAKER_METRICS_DIRECTORY"
"""A path that scripts take as it is."""


def prepare(task: Task, run: Path, toolkit: Path | None, link: Path | None) -> tuple[Mapping[str, str], Path]:
    """Lay links where mounts would be. Returns the environment and the working folder.

    `link` is a short name of the task's folder, needed where the task makes a socket in it.
    Raises Terminal for a mount that cannot be shown without a sandbox.
    """
    home = run / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    for mount in task.mounts:
        _show(mount, task.folder)
    path = None
    if toolkit is not None:
        path = run / "toolkit"
        path.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (path / "sagewright_container").symlink_to(toolkit / "sagewright_container")
    environment = dict(sandbox.environment(task, path, home=str(home), pythonpath=str(path)))
    environment["USER"] = environment["LOGNAME"] = os.environ.get("USER", "sagewright")
    if task.folder is not None:
        base = environment.setdefault("SAGEMAKER_BASE_DIR", str(link or task.folder))
        if _METRICS in environment:
            environment[_METRICS] = environment[_METRICS].replace("/opt/ml", base, 1)
    return environment, task.folder or home


def _show(mount: Mount, folder: Path | None) -> None:
    inside = os.path.relpath(mount.target, "/opt/ml")
    if folder is None or inside.startswith(".") or not mount.target.startswith("/"):
        raise Terminal(f"Without a sandbox only paths under /opt/ml can be shown to a task, not {mount.target}.")
    place = folder / inside
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.parent.resolve().is_relative_to(folder.resolve()):
        raise Terminal(f"Without a sandbox {mount.target} cannot be shown inside another mount.")
    if place.is_symlink():
        place.unlink()
    try:
        place.rmdir() if place.is_dir() else place.unlink(missing_ok=True)
    except OSError as problem:
        raise Terminal(f"{mount.target} is not empty, so nothing can be shown in its place.") from problem
    place.symlink_to(mount.source.absolute())
