"""Hostile code against the engines, as whoever runs the tests."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import sagewright
from sagewright.base.clock import SystemClock
from sagewright.compute import cgroups, sandbox
from sagewright.compute.base import Engine
from sagewright.compute.container import ContainerEngine
from sagewright.compute.process import ProcessEngine
from sagewright.testing.escape_kit import EscapeKit

SOCKET = os.environ.get("SAGEWRIGHT_CONTAINER_SOCKET", "").removeprefix("unix://")
SYSTEM_PYTHON = Path("/usr/bin/python3")
LIMITED = cgroups.find().parents
MEASURED = {"memory"} if "memory" in LIMITED else set()
if "pids" in LIMITED or os.getuid() != 0:
    MEASURED.add("processes limit")


@pytest.mark.skipif(sandbox.available() is not None, reason=str(sandbox.available()))
class TestProcess(EscapeKit):
    abilities = (
        frozenset({"processes", "network", "hosts", "mounts", "sockets", "isolation", "disk", "platform"}) | MEASURED
    )

    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        engine = ProcessEngine(tmp_path / "tasks", SystemClock(), "on", endpoint=("127.0.0.1", 1))
        yield engine
        for task_id in engine.list():
            engine.destroy(task_id)
        engine.close()


@pytest.mark.skipif(not SOCKET, reason="no container engine: tests/run.sh starts one for SAGEWRIGHT_CONTAINER_SOCKET")
class TestContainers(EscapeKit):
    abilities = frozenset(
        {"processes", "network", "hosts", "mounts", "sockets", "isolation", "memory", "processes limit", "disk"}
    )

    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        engine = ContainerEngine(tmp_path / "tasks", SystemClock(), SOCKET, endpoint=("127.0.0.1", 1))
        yield engine
        for task_id in engine.list():
            engine.destroy(task_id)
        engine.close()


def test_an_ordinary_user_is_held_as_well() -> None:
    """The kits again, by a user without powers: what root has from control groups, it has from limits of its own."""
    if os.getuid() != 0:
        pytest.skip("whoever runs the tests is an ordinary user already")
    become = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    place = Path(tempfile.mkdtemp(prefix="sagewright-user-"))
    try:
        os.chown(place, 65534, 65534)
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(Path(sagewright.__file__).parents[1]), *site.getsitepackages()]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(place),
            "TMPDIR": str(place),
        }
        user = _Runner(become, environ, place)
        if reason := user.prepare():
            pytest.skip(reason)
        here = Path(__file__).parent
        tests = [f"{here / 'test_escapes.py'}::TestProcess", f"{here / 'test_engines.py'}::TestSandboxed"]
        options = ["-q", "-rf", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(here)]
        done = user.run([place / "venv" / "bin" / "python", "-m", "pytest", *options, *tests])
        assert done.returncode == 0, done.stdout + done.stderr
        assert " passed" in done.stdout
    finally:
        shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True)
class _Runner:
    """Runs programs as somebody else."""

    become: Sequence[str]
    environ: Mapping[str, str]
    place: Path

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.become, *command], env=self.environ, cwd=self.place, capture_output=True, text=True, check=False
        )

    def prepare(self) -> str:
        """Make an environment of Python's; why that cannot be, or ''."""
        try:
            able = self.run([SYSTEM_PYTHON, "-m", "venv", "--without-pip", self.place / "venv"])
        except OSError as problem:
            return f"nobody else can be become here: {problem}"
        if able.returncode:
            return f"an ordinary user can make no environment of the system's Python: {able.stderr[-200:]}"
        ask = "import sys, pytest, sagewright; from sagewright.compute import sandbox; sys.exit(sandbox.available())"
        able = self.run([self.place / "venv" / "bin" / "python", "-c", ask])
        return f"an ordinary user has no sandbox here: {able.stderr[-300:]}" if able.returncode else ""
