"""Who and what of ours is on this machine: processes, folders, blobs, links, control groups."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def processes(port: int, data: Path) -> list[str]:
    """Processes that belong to the server on this port and folder, itself included: pid and command line."""
    mine = (os.fsencode(data), f"127.0.0.1:{port}".encode())
    found = [(pid, words) for pid, words, environment in _all() if any(each in words + environment for each in mine)]
    return [f"{pid} {words.decode(errors='replace')}" for pid, words in found]


def end_all(ports: Sequence[int], data: Path) -> None:
    """Whatever a failed run left of these servers: supervisors first, for a task dies with its own."""

    def ours() -> set[int]:
        return {int(each.split()[0]) for port in ports for each in processes(port, data)}

    deadline = time.monotonic() + 60
    while (pids := ours()) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    traces = Traces(data)
    traces.look()
    traces.clear()


def model_servers(port: int, endpoint: str) -> list[int]:
    """The processes that serve an endpoint."""
    marks = (f"OWNER={endpoint}\0".encode(), f"127.0.0.1:{port}".encode())
    return [
        pid
        for pid, words, environment in _all()
        if b"sagewright_container" in words and b"/bin/sh" not in words and all(m in environment for m in marks)
    ]


def _all() -> Iterator[tuple[int, bytes, bytes]]:
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            words = Path("/proc", name, "cmdline").read_bytes().replace(b"\0", b" ")
            environment = Path("/proc", name, "environ").read_bytes() + b"\0"
        except OSError:
            continue
        yield int(name), words, environment


class Traces:
    """What tasks leave beside the data folder, remembered by name while they are there."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._tasks: set[str] = set()

    def look(self) -> None:
        """Remember the tasks of now."""
        self._tasks.update(tasks(self._data))
        for kind, uid, status in _records(self._data, "SELECT kind, uid, status FROM records"):
            if kind == "training-job":
                self._tasks.update(f"train-{uid}-{number}" for number in (1, 2))
            self._tasks.update(each["task"] for each in json.loads(status).get("instances", ()))

    def left(self) -> list[str]:
        """Links and control groups of tasks that were seen."""
        runs = (os.fsencode(self._data / "tasks" / task / "run") for task in self._tasks)
        names = {hashlib.sha256(run).hexdigest()[:16] for run in runs}
        links = Path(tempfile.gettempdir(), f"sagewright-{os.getuid()}")
        found = [str(link) for link in links.iterdir() if link.name in names] if links.is_dir() else []
        groups = {f"sagewright-{name}" for name in names}
        for folder, below, _ in os.walk(CGROUPS):
            found += [f"{folder}/{name}" for name in below if name in groups]
        return found

    def clear(self) -> None:
        """Remove what is left; nothing of ours runs any more."""
        for path in self.left():
            with contextlib.suppress(OSError):
                os.unlink(path) if os.path.islink(path) else os.rmdir(path)


def tasks(data: Path) -> list[str]:
    """Task folders; what the engine keeps for itself begins with a dot."""
    folder = data / "tasks"
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    return [name for name in names if not name.startswith(".")] + (
        sorted(os.listdir(folder / ".trash")) if (folder / ".trash").is_dir() else []
    )


def stray_blobs(data: Path) -> list[str]:
    """Files under `objects` that no record names, and names without a file. The server is not running."""
    rows = _records(data, "SELECT spec FROM records WHERE kind IN ('object', 'part')")
    named = {blob for (spec,) in rows if (blob := json.loads(spec).get("blob"))}
    files = {file.name: file for file in (data / "objects").rglob("*") if file.is_file()}
    stray = [str(path.relative_to(data)) for name, path in files.items() if name not in named]
    return stray + [f"missing: {blob}" for blob in named - files.keys()]


def _records(data: Path, query: str) -> list[tuple[str, ...]]:
    if not (data / "state.db").exists():
        return []
    with closing(sqlite3.connect(data / "state.db")) as database:
        try:
            return database.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []  # killed before there were tables
