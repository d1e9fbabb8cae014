"""What a task costs on each engine that works here, beside the same command as a bare process.

Engines that need something are measured where it is there: the container engine where SAGEWRIGHT_CONTAINER_SOCKET names
an API's socket, Ray in an environment that has it (`PYTHONPATH=src .venvs/ray/bin/python -m bench engines`).
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from bench.base import OURS, Figure, Run, Sample
from sagewright.base.clock import SystemClock
from sagewright.compute import sandbox
from sagewright.compute.base import Engine, Task
from sagewright.compute.process import ProcessEngine

TITLE = "a task that does nothing, on each engine"

_ONE: Final = "from the start to the end that is told"
_STOP: Final = "from the stop to the end that is told"
_BARE: Final = "bare process"
_AT_ONCE: Final = 16
_MANY: Final = f"tasks a second, {_AT_ONCE} at once"
_NOTHING: Final = ("sh", "-c", "exit 0")
_WAITING: Final = ("sh", "-c", "while :; do sleep 0.01; done")
_PATIENCE_S: Final = 120.0


def measure(run: Run) -> Sequence[Figure]:
    """How long one takes, how many pass when sixteen are started at once, and how soon one that runs is stopped."""
    figures = [Figure(_ONE, "ms", more=False), Figure(_MANY, "1/s"), Figure(_STOP, "ms", more=False)]
    with ExitStack() as stack:
        subjects: dict[str, Sample] = {_BARE: _bare}
        for name, made in _engines(run).items():
            subjects[name] = _Tasks(stack.enter_context(made), run.folder / name).sample
        run.alternate("engines", figures, subjects)
    return figures


def _engines(run: Run) -> Mapping[str, AbstractContextManager[Engine]]:
    """Those that work here, by what the table calls them; ours is the default one."""
    found: dict[str, AbstractContextManager[Engine]] = {}
    place = run.short_folder()
    if (reason := sandbox.available()) is None:
        found[OURS] = _open(lambda: ProcessEngine(place / "sandboxed", SystemClock(), "on"))
    else:
        run.note(reason)
    found["without a sandbox"] = _open(lambda: ProcessEngine(place / "plain", SystemClock(), "off"))
    if api := os.environ.get("SAGEWRIGHT_CONTAINER_SOCKET", "").removeprefix("unix://"):
        found["containers"] = _open(lambda: _containers(place / "containers", api))
    else:
        run.note("SAGEWRIGHT_CONTAINER_SOCKET names no container engine: it was not measured.")
    if importlib.util.find_spec("ray") is not None:
        found["Ray"] = _ray(place / "ray")
    else:
        run.note("Ray is not in this environment: it was not measured.")
    return found


@contextmanager
def _open(make: Callable[[], Engine]) -> Iterator[Engine]:
    engine = make()
    try:
        yield engine
    finally:
        for task in engine.list():
            engine.destroy(task)
        engine.close()


def _containers(folder: Path, api: str) -> Engine:
    from sagewright.compute.container import ContainerEngine

    return ContainerEngine(folder, SystemClock(), api)


@contextmanager
def _ray(folder: Path) -> Iterator[Engine]:
    """On a cluster of two nodes on this machine."""
    from sagewright.compute.ray_cluster.cluster import Cluster
    from sagewright.compute.ray_cluster.engine import RayEngine
    from sagewright.compute.venvs import Environments
    from sagewright.testing.ray_nodes import RayNodes

    with RayNodes(folder / "nodes", count=2) as nodes:
        cluster = Cluster(folder / "driver", "bench", nodes.address)
        cluster.connect()
        here = ProcessEngine(folder / "data" / "tasks", SystemClock())
        environments = Environments(folder / "runtimes")
        with _open(lambda: RayEngine(folder / "data", cluster, here, environments)) as engine:
            yield engine


class _Tasks:
    """Tasks of one engine, each with a folder of its own."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        self._numbers = count()

    def sample(self) -> Mapping[str, float]:
        begun = time.monotonic()
        self._ended([self._start(_NOTHING)])
        one = time.monotonic() - begun
        begun = time.monotonic()
        self._ended([self._start(_NOTHING) for _ in range(_AT_ONCE)])
        many = time.monotonic() - begun
        return {_ONE: one * 1000, _MANY: _AT_ONCE / many, _STOP: self._stopped() * 1000}

    def _stopped(self) -> float:
        """Seconds from asking a task to end until it has."""
        task = self._start(_WAITING)
        until = time.monotonic() + _PATIENCE_S
        while self._engine.inspect(task).phase != "running" and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(0.3)  # the shell has begun
        begun = time.monotonic()
        self._engine.stop(task, grace=10)
        self._ended([task])
        return time.monotonic() - begun

    def _start(self, command: Sequence[str]) -> str:
        task = f"bench-{next(self._numbers)}"
        folder = self._folder / task
        folder.mkdir(parents=True)
        self._engine.start(Task(id=task, command=command, folder=folder))
        return task

    def _ended(self, tasks: Sequence[str]) -> None:
        """Wait until the engine says of all of them that they have ended, and remove them."""
        for task in tasks:
            ended = threading.Event()
            self._engine.watch(task, ended.set)
            until = time.monotonic() + _PATIENCE_S
            while self._engine.inspect(task).phase == "running" and time.monotonic() < until:
                ended.wait(0.5)
        for task in tasks:
            self._engine.destroy(task)


def _bare() -> Mapping[str, float]:
    begun = time.monotonic()
    subprocess.run(_NOTHING, check=True)
    one = time.monotonic() - begun
    begun = time.monotonic()
    for process in [subprocess.Popen(_NOTHING) for _ in range(_AT_ONCE)]:
        process.wait()
    many = time.monotonic() - begun
    waiting = subprocess.Popen(_WAITING)
    time.sleep(0.3)
    begun = time.monotonic()
    waiting.terminate()
    waiting.wait()
    return {_ONE: one * 1000, _MANY: _AT_ONCE / many, _STOP: (time.monotonic() - begun) * 1000}
