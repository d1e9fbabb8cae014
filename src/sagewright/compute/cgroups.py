"""Limits of memory, processors and processes through control groups, version 1 or 2, where this user may make them.

`process.py` makes a task's groups before it starts; the supervisor puts the task in, and reads who was killed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sagewright.compute.base import Resources

_LOG = logging.getLogger(__name__)
_PERIOD_US = 100_000
_LOOKS, _BETWEEN_LOOKS = 200, 0.01
"""How often, and after how many seconds again, to try to remove a group that is busy."""


@dataclass(frozen=True, slots=True)
class Cgroups:
    """Where groups can be made on this machine: controller (`memory`, `cpu`, `pids`) to parent folder."""

    version: int = 0
    parents: Mapping[str, Path] = field(default_factory=dict)

    def make(self, name: str, resources: Resources) -> Sequence[Path]:
        """Make the groups that hold `resources`; their folders, none where nothing can be or need be limited."""
        wanted: dict[Path, dict[str, str]] = {}
        if resources.memory_bytes is not None and "memory" in self.parents:
            wanted[self.parents["memory"] / name] = _memory(self.version, resources.memory_bytes)
        if resources.vcpus is not None and "cpu" in self.parents:
            wanted.setdefault(self.parents["cpu"] / name, {}).update(_cpu(self.version, resources.vcpus))
        if resources.processes is not None and "pids" in self.parents:
            wanted.setdefault(self.parents["pids"] / name, {})["pids.max"] = str(resources.processes)
        for folder, files in wanted.items():
            folder.mkdir(exist_ok=True)
            for file, value in files.items():
                if not file.startswith("?"):
                    (folder / file).write_text(value)
                    continue
                with contextlib.suppress(OSError):  # kernels without swap accounting lack it
                    (folder / file[1:]).write_text(value)
        return tuple(wanted)


def _memory(version: int, limit: int) -> dict[str, str]:
    """Files and values; a leading question mark for what may be missing."""
    if version == 2:
        return {"memory.max": str(limit), "?memory.swap.max": "0"}
    return {"memory.limit_in_bytes": str(limit), "?memory.memsw.limit_in_bytes": str(limit)}


def _cpu(version: int, vcpus: float) -> dict[str, str]:
    quota = max(1000, int(vcpus * _PERIOD_US))
    if version == 2:
        return {"cpu.max": f"{quota} {_PERIOD_US}"}
    return {"cpu.cfs_period_us": str(_PERIOD_US), "cpu.cfs_quota_us": str(quota)}


def remove(folders: Sequence[Path]) -> None:
    """End what still runs in the groups and remove them. Silent if they are gone."""
    for folder in folders:
        for _ in range(_LOOKS):
            problem = _remove_once(folder)
            if problem is None:
                break
            time.sleep(_BETWEEN_LOOKS)
        else:
            _LOG.warning("The control group %s could not be removed: %s", folder, problem)


def _remove_once(folder: Path) -> OSError | None:
    """Who was killed may take a moment to leave: until then the group is busy."""
    with contextlib.suppress(OSError, ValueError):
        for pid in (folder / "cgroup.procs").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
    try:
        folder.rmdir()
    except FileNotFoundError:
        return None
    except OSError as problem:
        return problem
    return None


def find(proc: Path = Path("/proc/self")) -> Cgroups:
    """What can be limited here, found out by making a group and removing it."""
    try:
        own = _own((proc / "cgroup").read_text())
        mounts = _mounts((proc / "mountinfo").read_text())
    except OSError:
        return Cgroups()
    first: dict[str, Path] = {}
    for controller, file in (("memory", "memory.limit_in_bytes"), ("cpu", "cpu.cfs_quota_us"), ("pids", "pids.max")):
        if controller in own and controller in mounts:
            folder = _place(mounts[controller], own[controller])
            if folder is not None and _can_make(folder, file):
                first[controller] = folder
    if first:
        return Cgroups(1, first)
    if "" not in own or "" not in mounts:
        return Cgroups()
    return _find_second(_place(mounts[""], own[""]), mounts[""][1])


def memory_of(pid: int) -> tuple[Path | None, int]:
    """The group that limits a process's memory, and its version; None where it cannot be told."""
    try:
        own = _own(Path(f"/proc/{pid}/cgroup").read_text())
        mounts = _mounts(Path("/proc/self/mountinfo").read_text())
    except OSError:
        return None, 0
    for controller, version in (("memory", 1), ("", 2)):
        if controller in own and controller in mounts:
            return _place(mounts[controller], own[controller]), version
    return None, 0


def _find_second(own: Path | None, top: Path) -> Cgroups:
    """Version 2: groups that hold processes may not pass controllers on, so ours go beside our own group."""
    if own is None:
        return Cgroups()
    parent = own if own == top else own.parent
    names = {"memory": "memory.max", "cpu": "cpu.max", "pids": "pids.max"}
    if not os.access(parent / "cgroup.procs", os.W_OK):
        return Cgroups()
    return Cgroups(2, {name: parent for name, file in names.items() if _can_make(parent, file)})


def _own(text: str) -> dict[str, str]:
    """Controller to our group's path; version 2 is the controller ''."""
    found = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = path
    return found


def _mounts(text: str) -> dict[str, tuple[str, Path]]:
    """Controller to (root of the mount within the hierarchy, mount point)."""
    found: dict[str, tuple[str, Path]] = {}
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        root, point = left.split(" ")[3:5]
        if kind == "cgroup2":
            found.setdefault("", (root, Path(point)))
        elif kind == "cgroup":
            for controller in options.split(" ")[-1].split(","):
                found.setdefault(controller, (root, Path(point)))
    return found


def _place(mount: tuple[str, Path], path: str) -> Path | None:
    """Folder of the group `path` under its mount."""
    root, point = mount
    if not Path(path).is_relative_to(root):
        return None
    return point / Path(path).relative_to(root)


def _can_make(parent: Path, file: str) -> bool:
    for left in parent.glob("sagewright-probe-*"):  # by a server that was killed while it looked
        if not Path("/proc", left.name.rpartition("-")[2]).exists():
            with contextlib.suppress(OSError):
                left.rmdir()
    probe = parent / f"sagewright-probe-{os.getpid()}"
    try:
        probe.mkdir()
    except OSError:
        return False
    try:
        return os.access(probe / file, os.W_OK)
    finally:
        with contextlib.suppress(OSError):
            probe.rmdir()
