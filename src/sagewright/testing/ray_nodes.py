"""A Ray cluster on this machine, whose nodes can be killed: a head that runs no tasks, and nodes that do.

Each node has an address of its own on the loopback network, a folder of its own, and a warden of its own.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final

import psutil

_SETTINGS: Final = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_worker_prestart": "0",
    # A machine that does much else is slow.
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_gcs_server_request_timeout_seconds": "60",
    # A node that is killed is noticed within two seconds instead of fifteen; one that is slow has ten.
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "4",
}


class RayNodes:
    """The environment of this process knows the cluster's token while it is open."""

    def __init__(self, folder: Path, *, count: int, cpus: int = 8) -> None:
        """`folder` holds what the nodes keep; `count` nodes run tasks."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._count, self._cpus = folder, count, cpus
        self._short = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # sockets have short names
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._settings = {**_SETTINGS, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self._before: dict[str, str | None] = {}
        self._started = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def __enter__(self) -> RayNodes:
        self._before = {name: os.environ.get(name) for name in self._settings}
        os.environ.update(self._settings)
        try:
            self._head().wait()
            for _ in range(self._count):  # not at once: they would take each other's ports now and then
                self.add()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        for process in [*self._processes(str(self._short)), *self._processes(str(self._folder))]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        shutil.rmtree(self._short, ignore_errors=True)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def add(self) -> None:
        """One node more. On a machine that does much else Ray gives up now and then."""
        assert any(self._spawn().wait() == 0 for _ in range(3)), self._told()

    def names(self) -> list[str]:
        """The nodes that live."""
        return sorted(name for name in (f"node-{n}" for n in range(1, self._started + 1)) if self._raylets(name))

    def kill(self, name: str, *, whole: bool = False) -> None:
        """Ray's process of a node, which its warden outlives for long enough to end what runs there; or the whole of it
        at once, as its machine's end would take it."""
        for process in self._all_of(name) if whole else self._raylets(name):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def holding(self, task: str) -> list[str]:
        """The living nodes that have tasks whose ids begin so, each as often as it has."""
        found = []
        for name in self.names():
            found += [name] * len(list((self._folder / name).glob(f"*/*/tasks/{task}*/run")))
        return found

    def _raylets(self, name: str) -> list[psutil.Process]:
        mark = f"{self._short / name}/"
        return [process for process in self._processes(mark) if process.name() == "raylet"]

    def _all_of(self, name: str) -> list[psutil.Process]:
        """Ray, the warden and what looks after tasks; these end with that."""
        folder = str(self._folder / name)
        found = {process.pid: process for process in self._raylets(name)}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("SAGEWRIGHT_NODE") == folder:
                    found[process.pid] = process
        found |= {process.pid: process for process in self._processes(f"{folder}/")}
        return list(found.values())

    def _processes(self, mark: str) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if any(mark in word for word in process.cmdline()) and process.pid != os.getpid():
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return found

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._started += 1
        number = self._started
        return self._begin(
            f"node-{number}",
            f"--address={self.address}",
            f"--num-cpus={self._cpus}",
            f"--memory={64 << 30}",
            host=f"127.0.0.{number + 10}",
        )

    def _head(self) -> subprocess.Popen[bytes]:
        words = ("--head", f"--port={self._port}", "--num-cpus=0", "--include-dashboard=false")
        return self._begin("head", *words, host="127.0.0.1")

    def _told(self) -> str:
        """What nodes said that did not start."""
        return "\n".join(log.read_text()[-2000:] for log in self._folder.glob("*.log"))

    def _begin(self, name: str, *words: str, host: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", f"--node-ip-address={host}"]
        command += [
            f"--temp-dir={self._short / name}",
            "--object-store-memory=80000000",
            "--disable-usage-stats",
            *words,
        ]
        # A machine of its own has its own runtimes; these share what is made already.
        environment = {**os.environ, "SAGEWRIGHT_NODE": str(self._folder / name)}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
