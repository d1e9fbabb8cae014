"""What tasks use, from `/proc`: a task is everything below its supervisor. One walk serves all tasks.

Without `/proc` (macOS) nothing is known.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sagewright.compute.base import Usage

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    cpu_seconds: float
    """Of itself, and of those of its children that have ended."""


def of_tasks(tasks: Mapping[bytes, str], supervisor: bytes, proc: Path = _PROC) -> Mapping[str, Usage]:
    """What running tasks use, by their ids. `tasks` has these by the run folders that their supervisors were started
    with, and `supervisor` is the program that those run."""
    tick = 1 / os.sysconf("SC_CLK_TCK")
    processes = [found for entry in _pids(proc) if (found := _read(proc, entry, tick)) is not None]
    children: dict[int, list[_Process]] = {}
    for each in processes:
        children.setdefault(each.parent, []).append(each)
    used = {}
    for each in processes:
        task = tasks.get(_run_folder(proc, each.pid, supervisor))
        if task is not None:
            used[task] = _sum(proc, [each, *_below(each.pid, children)])
    return used


def _pids(proc: Path) -> Iterator[int]:
    try:
        names = os.listdir(proc)
    except OSError:
        return
    yield from (int(name) for name in names if name.isdigit())


def _read(proc: Path, pid: int, tick: float) -> _Process | None:
    try:
        fields = (proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None  # it has ended
    return _Process(pid, int(fields[1]), sum(map(int, fields[11:15])) * tick)


def _run_folder(proc: Path, pid: int, supervisor: bytes) -> bytes:
    """The last argument of a supervisor; nothing for other processes."""
    try:
        words = (proc / str(pid) / "cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return b""
    return words[-1] if supervisor in words[:-1] else b""


def _below(pid: int, children: Mapping[int, list[_Process]]) -> Iterator[_Process]:
    for each in children.get(pid, ()):
        yield each
        yield from _below(each.pid, children)


def _sum(proc: Path, processes: list[_Process]) -> Usage:
    page = os.sysconf("SC_PAGE_SIZE")
    own = shared = 0
    for each in processes:
        try:
            _, resident, file_backed, *_ = map(int, (proc / str(each.pid) / "statm").read_bytes().split())
        except OSError:
            continue  # it has ended meanwhile
        own += resident - file_backed
        # Programs and libraries are there once, however many processes show them.
        shared = max(shared, file_backed)
    return Usage(sum(each.cpu_seconds for each in processes), (own + shared) * page)
