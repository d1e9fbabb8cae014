"""Folders of a task that are kept in S3 while it runs: checkpoints, both ways, and what is only carried out.

A file goes out once it has been left alone for a moment, again whenever it changes, and in any case when the task has
ended. Nothing is taken away in S3. The folders belong to code that nobody trusts and that runs meanwhile, so no link in
them is ever followed: files are opened from the folder's own descriptor downwards.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from sagewright.base.clock import Clock
from sagewright.compute.base import Mount
from sagewright.controllers import code_layers, staging
from sagewright.controllers.platform import ObjectFiles
from sagewright.resources.record import Record

_EVERY: Final = 2.0
"""Seconds between two looks at a folder."""
_LEFT_ALONE: Final = 1.0
"""Seconds since its last change after which a file counts as written."""
_ML: Final = PurePosixPath("/opt/ml")

_Mark = tuple[int, int, int]
"""Inode, size and time of change in nanoseconds: a file with another one has changed."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A folder inside the task, and where it is kept."""

    path: str
    uri: str
    restored: bool = False
    """Whether what is in S3 already is there when the task starts."""


def mirrors(record: Record) -> Sequence[Mirror]:
    """What a training job's request asks to be kept."""
    spec = record.spec
    found: list[Mirror] = []
    if checkpoints := spec.get("CheckpointConfig"):
        found.append(Mirror(_local(checkpoints, "/opt/ml/checkpoints"), checkpoints["S3Uri"], restored=True))
    if board := spec.get("TensorBoardOutputConfig"):
        path = _local(board, "/opt/ml/output/tensorboard")
        found.append(Mirror(path, _below(board["S3OutputPath"], record.name, "tensorboard-output")))
    kept = code_layers.decoded(spec.get("HyperParameters", {}).get("sagemaker_s3_output", ""))
    if kept.startswith("s3://"):  # where SageMaker's toolkit carries intermediate output
        found.append(Mirror("/opt/ml/output/intermediate", _below(kept, record.name, "output/intermediate")))
    if hook := spec.get("DebugHookConfig"):
        path = _local(hook, "/opt/ml/output/tensors")
        found.append(Mirror(path, _below(hook["S3OutputPath"], record.name, "debug-output")))
    return found


def _local(config: Mapping[str, Any], usual: str) -> str:
    return os.path.normpath(config.get("LocalPath") or usual)


def _below(uri: str, *names: str) -> str:
    return "/".join((uri.rstrip("/"), *names))


def lay_out(objects: ObjectFiles, ml: Path, wanted: Sequence[Mirror]) -> Sequence[Mount]:
    """Make the folders, fill those that are restored, and say which are to be shown to the task beside /opt/ml."""
    mounts: list[Mount] = []
    for mirror in wanted:
        place = _place(ml, mirror)
        place.mkdir(parents=True, exist_ok=True)
        if mirror.restored:
            staging.fetch_prefix(objects, _folder(mirror.uri), place)
        if not _is_inside(mirror.path):
            mounts.append(Mount(place, mirror.path, writable=True))
    return mounts


def _folder(uri: str) -> str:
    """Of a prefix, what lies below it as below a folder: `s3://b/run-1` must not bring `run-10` along."""
    return f"{uri.rstrip('/')}/"


def _is_inside(path: str) -> bool:
    return PurePosixPath(path).is_relative_to(_ML)


def _place(ml: Path, mirror: Mirror) -> Path:
    if _is_inside(mirror.path):
        return ml / PurePosixPath(mirror.path).relative_to(_ML)
    return ml.parent / "mirrors" / quote(mirror.path, safe="")  # `/a-b` is not `/a/b`


class Carrier:
    """Carries files out. It remembers in memory what has gone; a server that was restarted carries again what was
    changed since the task began. Any thread may call it, one at a time per task."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, dict[str, _Mark]] = {}
        self._looked: dict[str, float] = {}
        self._lock = threading.Lock()

    def begin(self, task_id: str, ml: Path, wanted: Sequence[Mirror]) -> None:
        """What is there before the task starts is in S3 already."""
        self._seen[task_id] = {
            f"{mirror.path}/{relative}": _mark(info)
            for mirror in wanted
            for relative, _, info in _files(_place(ml, mirror), ml.parent)
        }

    def carry(
        self, objects: ObjectFiles, task_id: str, ml: Path, wanted: Sequence[Mirror], *, since: float, ended: bool
    ) -> None:
        """Bring S3 up to date with what the task wrote after `since` (epoch seconds); all of it if it has `ended`.

        Raises Terminal where the objects may not be written.
        """
        if not wanted or not (ended or self._is_due(task_id)):
            return
        gone = self._seen.setdefault(task_id, {})
        for mirror in wanted:
            bucket, prefix = staging.split_uri(_folder(mirror.uri))
            for relative, descriptor, info in _files(_place(ml, mirror), ml.parent):
                mark, changed = _mark(info), info.st_ctime
                name = f"{mirror.path}/{relative}"
                if gone.get(name) == mark or changed < since:
                    continue
                if ended or changed <= self._clock.now() - _LEFT_ALONE:
                    with contextlib.suppress(EOFError):  # it was cut meanwhile: it goes when it is left alone
                        # By its descriptor: its name may mean another file by now.
                        staging.put(objects, bucket, prefix + relative, Path(f"/dev/fd/{descriptor}"))
                        gone[name] = mark

    def forget(self, task_id: str) -> None:
        """The task is over."""
        with self._lock:
            self._seen.pop(task_id, None)
            self._looked.pop(task_id, None)

    def _is_due(self, task_id: str) -> bool:
        now = self._clock.monotonic()
        with self._lock:
            if now - self._looked.get(task_id, now - _EVERY) < _EVERY:
                return False
            self._looked[task_id] = now
            return True


def _mark(info: os.stat_result) -> _Mark:
    """Not by the time that a copying program may set as it likes."""
    return info.st_ino, info.st_size, info.st_ctime_ns


def _files(folder: Path, root: Path) -> Iterator[tuple[str, int, os.stat_result]]:
    """Every regular file below the folder: its path from there, open, and what it is. `root` is the folder above which
    nothing is the task's."""
    top = _open_folder(root, folder.relative_to(root))
    if top is None:
        return
    try:
        for path, folders, names, descriptor in os.fwalk(".", dir_fd=top, follow_symlinks=False):
            folders.sort()
            for name in sorted(names):
                with _opened(name, descriptor) as file:
                    if file is not None and stat.S_ISREG((info := os.fstat(file)).st_mode):
                        yield os.path.normpath(os.path.join(path, name)), file, info
    finally:
        os.close(top)


def _open_folder(root: Path, below: Path) -> int | None:
    """A descriptor of a folder that no link leads to; None if there is none."""
    current = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for part in below.parts:
        try:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
        except OSError:
            return None
        finally:
            os.close(current)
        current = inner
    return current


@contextlib.contextmanager
def _opened(name: str, folder: int) -> Iterator[int | None]:
    try:  # not blocking: it may be a FIFO
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        yield None
        return
    try:
        yield file
    finally:
        os.close(file)
