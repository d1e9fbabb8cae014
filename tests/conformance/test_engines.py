"""Every engine against the port's law."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from sagewright.base.clock import SystemClock
from sagewright.compute import cgroups, sandbox
from sagewright.compute.base import Engine, Task
from sagewright.compute.container import ContainerEngine
from sagewright.compute.fake import FakeEngine, Plan
from sagewright.compute.process import ProcessEngine
from sagewright.testing.clock import ManualClock
from sagewright.testing.engine_kit import EngineKit, Program

MEMORY = {"memory"} if "memory" in cgroups.find().parents else set()
MEASURED = MEMORY | ({"usage"} if Path("/proc/self/statm").exists() else set())


class TestFake(EngineKit):
    """Only what needs no process. Its programs are plans; time passes when the kit waits."""

    @pytest.fixture
    def engine(self) -> Engine:
        self.clock = ManualClock()
        self.fake = FakeEngine(self.clock)
        return self.fake

    def restart(self, engine: Engine) -> Engine:
        return engine  # it keeps nothing that a restart could find

    def task(self, program: Program, task_id: str = "task-1", **options: Any) -> Task:
        on_stop = None if program.deaf else program.code if program.last_words else 143
        plan = Plan(
            lines=program.lines,
            piece=program.piece,
            exit_code=program.code,
            after=None if program.runs else 0.1,
            on_stop=on_stop,
            last_words=[program.last_words] if program.last_words else (),
        )
        self.fake.plan(task_id or "*", plan)
        return super().task(program, task_id, **options)

    def let_time_pass(self) -> None:
        self.fake.advance(0.05)


class ProcessKit(EngineKit):
    """What the engine keeps with and without a sandbox."""

    mode: ClassVar[Literal["on", "off"]]

    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        self.folder = tmp_path / "tasks"
        self.engines = [ProcessEngine(self.folder, SystemClock(), self.mode)]
        yield self.engines[0]
        for task_id in self.engines[0].list():
            self.engines[0].destroy(task_id)
        for engine in self.engines:
            engine.close()

    def restart(self, engine: Engine) -> Engine:
        self.engines.append(ProcessEngine(self.folder, SystemClock(), self.mode))
        return self.engines[-1]

    def owner(self, engine: Engine) -> str:
        return (
            "from pathlib import Path\n"
            "from sagewright.base.clock import SystemClock\n"
            "from sagewright.compute.process import ProcessEngine\n"
            f"engine = ProcessEngine(Path({str(self.folder)!r}), SystemClock(), {self.mode!r})"
        )


@pytest.mark.skipif(sandbox.available() is not None, reason=str(sandbox.available()))
class TestSandboxed(ProcessKit):
    mode = "on"
    abilities = (
        frozenset({"processes", "survives", "network", "hosts", "mounts", "sockets", "isolation", "platform"})
        | MEASURED
    )


class TestPlain(ProcessKit):
    mode = "off"
    abilities = frozenset({"processes", "survives"}) | MEASURED


SOCKET = os.environ.get("SAGEWRIGHT_CONTAINER_SOCKET", "").removeprefix("unix://")


@pytest.mark.skipif(not SOCKET, reason="no container engine: tests/run.sh starts one for SAGEWRIGHT_CONTAINER_SOCKET")
class TestContainers(EngineKit):
    abilities = frozenset(
        {"processes", "survives", "network", "hosts", "mounts", "sockets", "isolation", "memory", "usage"}
    )

    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        self.folder = tmp_path / "tasks"
        self.engines = [ContainerEngine(self.folder, SystemClock(), SOCKET)]
        yield self.engines[0]
        for task_id in self.engines[0].list():
            self.engines[0].destroy(task_id)
        for engine in self.engines:
            engine.close()

    def restart(self, engine: Engine) -> Engine:
        self.engines.append(ContainerEngine(self.folder, SystemClock(), SOCKET))
        return self.engines[-1]

    def owner(self, engine: Engine) -> str:
        return (
            "from pathlib import Path\n"
            "from sagewright.base.clock import SystemClock\n"
            "from sagewright.compute.container import ContainerEngine\n"
            f"engine = ContainerEngine(Path({str(self.folder)!r}), SystemClock(), {SOCKET!r})"
        )
