"""The folder that an engine of processes keeps for a task, `<folder>/<id>/run`:

    lock            held by the supervisor (handed down by whoever starts it): held means running
    claimed         made once, by the supervisor, before it starts the command: when it did so, epoch seconds
    result          written last: exit code, whether for want of memory, started, ended
    log             what the task said (see `logfile`)
    control         FIFO: a line asks for a stop, and is the grace in seconds
    about           what the engine needs to know later; no secrets
    supervisor.log  the supervisor's own failures
    tmp home etc    the task's private folders

Only the lock says whether something runs, so no process id is ever trusted after a restart.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sagewright.compute.base import TaskState

_LOG = logging.getLogger(__name__)
ID = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


def of(folder: Path, task_id: str) -> Path:
    """Where an engine keeps the task; for what cannot be an id, a place where nothing ever is."""
    return folder / (task_id if ID.fullmatch(task_id) else ".none") / "run"


def was_claimed(run: Path) -> bool:
    """Whether its command was started, ever."""
    return (run / "claimed").exists()


def state(run: Path) -> TaskState:
    """What has become of the task."""
    found = _result(run)
    if found is not None:
        return found
    started = _claimed(run)
    if _is_held(run / "lock"):
        return TaskState("running", started=started)
    if not was_claimed(run):
        return TaskState("unknown")
    return _result(run) or TaskState("lost", started=_claimed(run))


def take(run: Path) -> int | None:
    """The task's lock, or None if it is held (or the folder was destroyed meanwhile)."""
    path = run / "lock"
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(fd), os.stat(path)):
            return fd
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(fd)
    return None


def about(run: Path) -> dict[str, Any]:
    """What the engine has written down; nothing where it has not."""
    try:
        found: dict[str, Any] = json.loads((run / "about").read_bytes())
    except (OSError, ValueError):
        return {}
    return found


def make_control(run: Path) -> int:
    """The FIFO that stops are asked by, open both ways."""
    path = run / "control"
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


def ask_to_stop(run: Path, grace: float) -> None:
    """Silent where nobody is there (any more) to hear it. `grace` in seconds."""
    try:
        fd = os.open(run / "control", os.O_WRONLY | os.O_NONBLOCK)
    except OSError as problem:
        if problem.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENXIO):
            raise
        return
    try:
        os.write(fd, b"%.3f\n" % max(0.0, grace))
    except (BrokenPipeError, BlockingIOError):
        _LOG.warning("The supervisor of task %s does not read its stop requests.", run.parent.name)
    finally:
        os.close(fd)


def discard(run: Path, trash: Path) -> None:
    """Out of sight at once, so that a crash half-way leaves nothing that looks like a task; then away. `trash` is a
    folder of the same file system, made and removed as it is needed."""
    target = trash / f"{run.parent.name}-{secrets.token_hex(4)}"
    while run.exists():
        # Another thread that removes a task makes the same folder, and takes it away when it is empty.
        with contextlib.suppress(FileExistsError):
            os.mkdir(trash, 0o700)
        with contextlib.suppress(FileNotFoundError):
            run.rename(target)
    shutil.rmtree(target, onerror=_open_and_retry)
    with contextlib.suppress(OSError):
        trash.rmdir()


def _open_and_retry(remove: Callable[[str], object], path: str, problem: object) -> None:
    """Tasks leave folders that nobody may write to."""
    try:
        os.chmod(os.path.dirname(path), stat.S_IRWXU)
        if not os.path.islink(path) and os.path.isdir(path):
            os.chmod(path, stat.S_IRWXU)
            shutil.rmtree(path)
        else:
            remove(path)
    except FileNotFoundError:
        pass  # another server that starts removes what was left
    except OSError as failure:
        _LOG.warning("%s could not be removed: %s", path, failure)


def _is_held(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _claimed(run: Path) -> float | None:
    try:
        return float((run / "claimed").read_text())
    except (OSError, ValueError):
        return None


def _result(run: Path) -> TaskState | None:
    try:
        return TaskState("exited", **json.loads((run / "result").read_bytes()))
    except OSError:
        return None
