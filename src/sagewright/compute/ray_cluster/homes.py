"""What a server writes down about tasks that run on nodes, so that the next one knows.

DATA/tasks/<id>/remote/lock       held while somebody starts it, or fetches the last of what it left
                       home       the node it was given to, before anything of it was sent there
                       started    made when the node has it
                       log        what it has said, as far as it was fetched
                       result     written last: what became of it
DATA/ray/groups/<group>           the nodes that were found for tasks that go together
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sagewright.compute.base import Mount, Task, TaskState
from sagewright.compute.ray_cluster import tasks


class Home:
    """One task's."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the task's `remote`; there may be none."""
        self.folder = folder

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def known(self) -> Mapping[str, Any] | None:
        """Where it is: `node`, `group`, `apart`, `socket`, `written` (host paths by root), `kept`; None if nowhere."""
        found: Mapping[str, Any] | None = _read(self.folder / "home")
        return found

    def give(self, node: str, task: Task) -> None:
        """From now on the task is that node's, for good."""
        roots = tasks.roots(task)
        told = {
            "node": node,
            "group": task.placement.group,
            "apart": task.placement.apart,
            "socket": task.socket,
            "written": {name: str(roots[name]) for name in tasks.written(task)},
            "kept": task.placement.kept,
        }
        _write(self.folder / "home", told)

    def was_started(self) -> bool:
        return (self.folder / "started").exists()

    def note_start(self) -> None:
        _write(self.folder / "started", True)

    def result(self) -> TaskState | None:
        found = _read(self.folder / "result")
        return None if found is None else tasks.state(found)

    def end(self, state: TaskState) -> None:
        _write(self.folder / "result", asdict(state))

    @contextlib.contextmanager
    def alone(self, *, make: bool = False) -> Iterator[bool]:
        """Hold the task's lock, also against other processes. False where the task is not there (any more)."""
        if make:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except (FileNotFoundError, NotADirectoryError):
            yield False
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield os.fstat(lock).st_nlink > 0
        finally:
            os.close(lock)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.folder.parent.rmdir()


class Groups:
    """Where tasks that go together were put."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get(self, group: str) -> Sequence[str] | None:
        """Their nodes, in the order of their numbers."""
        nodes: Sequence[str] | None = _read(self._folder / group)
        return nodes

    def put(self, group: str, nodes: Sequence[str]) -> None:
        _write(self._folder / group, nodes)

    def all(self) -> Sequence[str]:
        return [entry.name for entry in self._folder.iterdir() if not entry.name.startswith(".")]

    def remove(self, group: str) -> None:
        (self._folder / group).unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One at a time finds room for a group."""
        with (self._folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def read_only(task: Task) -> Mapping[str, Mount]:
    """The mounts that nobody writes to, by the roots that they travel under."""
    return {f"m{number}": mount for number, mount in enumerate(tasks.shown(task)) if not mount.writable}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(path: Path, value: Any) -> None:
    """Whole or not at all, whatever is killed."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
