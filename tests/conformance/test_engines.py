"""Every engine against the port's law."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from sagewright.base.clock import SystemClock
from sagewright.compute import cgroups, sandbox
from sagewright.compute.base import Engine, Task
from sagewright.compute.container import ContainerEngine
from sagewright.compute.containers.api import Api
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

    def test_a_container_whose_attendant_is_killed_gets_another_one(self, engine: Engine, tmp_path: Path) -> None:
        """Nothing of what it says in between is lost, nor what it ends with."""
        go = tmp_path / "task-1-ml" / "go"
        script = "echo before; while [ ! -e /opt/ml/go ]; do sleep 0.02; done; seq 1 30000; exit 5"
        engine.start(self.shell(script, tmp_path))
        self.says(engine, "before")
        for attendant in attendants(self.folder / "task-1" / "run"):
            os.kill(attendant, signal.SIGKILL)
            self.until(partial(_is_dead, attendant), "it is dead")
        go.touch()
        again = self.restart(engine)
        assert self.ended(again).exit_code == 5
        assert self.said(again) == ["before", *(str(number) for number in range(1, 30_001))]

    def test_networks_of_jobs_are_apart(self, engine: Engine, tmp_path: Path) -> None:
        """A job's hosts reach each other, and another job's do not reach them."""
        hosts = {"algo-1": "", "algo-2": ""}
        for job in ("one", "two"):
            for host in hosts:
                options: dict[str, Any] = {"hosts": hosts, "hostname": host, "group": job, "python": self.python}
                (tmp_path / f"{job}-{host}").mkdir()
                task = Task(f"{job}-{host}", ["python", "-c", _PEER], folder=tmp_path / f"{job}-{host}", **options)
                if host == "algo-1":
                    engine.start(task)
                    self.until(partial(self.said, engine, task.id), "it listens")
                else:
                    address = self.said(engine, "one-algo-1")[0] if job == "two" else ""
                    environment = {"OTHER": address}
                    assert self.run(engine, replace(task, environment=environment)) == ["met", "apart"]

    def test_destroy_leaves_nothing_with_the_engine(self, engine: Engine, tmp_path: Path) -> None:
        """Not even of what was destroyed while it ran, in a network of its own, and whose attendant was killed."""
        (tmp_path / "task-1-ml" / "run").mkdir(parents=True)
        options: dict[str, Any] = {"hosts": {"algo-1": "", "algo-2": ""}, "hostname": "algo-1", "group": "job"}
        engine.start(self.shell("echo up; sleep 600", tmp_path, **options))
        self.says(engine, "up")
        assert len(left(self.folder, "containers")) == 2
        assert len(left(self.folder, "networks")) == 1
        for attendant in attendants(self.folder / "task-1" / "run"):
            os.kill(attendant, signal.SIGKILL)
        engine.destroy("task-1")
        assert left(self.folder, "containers") == left(self.folder, "networks") == []
        assert not (self.folder / "task-1").exists()


_PEER = """
import os, socket
name = socket.gethostname()
if name == "algo-1":
    server = socket.create_server(("", 7000))
    print(socket.gethostbyname("algo-1"), flush=True)
    while True: server.accept()[0].close()
socket.create_connection(("algo-1", 7000), timeout=10); print("met")
try: socket.create_connection((os.environ["OTHER"] or "192.0.2.1", 7000), timeout=1); print("reached")
except OSError: print("apart")
"""


def _is_dead(pid: int) -> bool:
    return not Path(f"/proc/{pid}/fd/3").exists()


def attendants(run: Path) -> list[int]:
    """Processes that look after the task of this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cmdline").read_bytes().split(b"\0")[-2:-1] == [os.fsencode(run)]:
                found.append(int(entry.name))
    return found


def left(folder: Path, kind: Literal["containers", "networks"]) -> list[str]:
    """What the engine has with the label of an engine of ours."""
    path = "/containers/json" if kind == "containers" else "/networks"
    found = Api(SOCKET).call("GET", path, {"all": "1", "filters": json.dumps({"label": [f"sagewright={folder}"]})})
    return [each["Id"] for each in found or ()]
