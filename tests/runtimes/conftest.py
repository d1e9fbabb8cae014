"""Environments built from the lock files, and containers run in them as the platform runs them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "src/sagewright/compute/environments"
RUNTIMES = ROOT / ".cache/runtimes"
START_S = 60


class Answer(NamedTuple):
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str | None


class Container:
    """A folder in the place of /opt/ml, and the commands of an image on it."""

    def __init__(self, base: Path, image: str, python: Path) -> None:
        self.base = base
        self.image = image
        self.python = python

    def write(self, path: str, content: str | bytes) -> None:
        """A file under the base folder."""
        target = self.base / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def job(self, hyperparameters: Mapping[str, str], **channels: str) -> None:
        """The configuration of a training job; `channels` are names with content types."""
        self.write("input/config/hyperparameters.json", json.dumps(hyperparameters))
        config = {
            name: {"TrainingInputMode": "File", **({"ContentType": kind} if kind else {})}
            for name, kind in channels.items()
        }
        self.write("input/config/inputdataconfig.json", json.dumps(config))

    def train(self, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run `train` to its end."""
        return self.run("-m", "sagewright_container.main", "train", self.image, **environ)

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the image's Python."""
        return subprocess.run(
            [str(self.python), *arguments],
            env=self.environ(environ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @contextlib.contextmanager
    def started(self, verb: str) -> Iterator[subprocess.Popen[str]]:
        """Start `train` or `serve`, its standard output to be read; killed when the block ends."""
        command = [str(self.python), "-m", "sagewright_container.main", verb, self.image]
        process = subprocess.Popen(command, env=self.environ({}), stdout=subprocess.PIPE, text=True)
        with process:
            try:
                yield process
            finally:
                process.kill()

    def failure(self) -> str:
        """The failure file's text."""
        return (self.base / "output/failure").read_text()

    @contextlib.contextmanager
    def serving(self, **environ: str) -> Iterator[Callable[..., Answer]]:
        """Run `serve` until the block ends; gives `invoke(body, content_type, accept)`."""
        path = self.base / "s"
        command = [str(self.python), "-m", "sagewright_container.main", "serve", self.image]
        process = subprocess.Popen(command, env=self.environ({"SAGEWRIGHT_BIND_UDS": str(path), **environ}))
        try:
            _wait_for(path, process)
            yield lambda *arguments, **more: _invoke(path, *arguments, **more)
        finally:
            process.terminate()
            assert process.wait(30) == 0

    def environ(self, more: Mapping[str, str]) -> dict[str, str]:
        """What the platform sets."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "src"),
            "SAGEMAKER_BASE_DIR": str(self.base),
            "SAGEWRIGHT_REQUIREMENTS_DONE": "1",
            **more,
        }


@pytest.fixture(scope="session")
def runtime_python() -> Callable[[str], Path]:
    """The Python of a runtime's environment, built on first use and when its lock has changed."""
    return _environment


@pytest.fixture
def scikit_learn(tmp_path: Path, runtime_python: Callable[[str], Path]) -> Container:
    """A container of the scikit-learn image."""
    return Container(tmp_path, "scikit-learn", runtime_python("scikit-learn"))


@pytest.fixture
def xgboost(tmp_path: Path, runtime_python: Callable[[str], Path]) -> Container:
    """A container of the XGBoost image."""
    return Container(tmp_path, "xgboost", runtime_python("xgboost"))


@pytest.fixture(scope="session")
def housing() -> list[list[float]]:
    """Boston housing, label (median value) first: 506 rows of 1 + 13 numbers."""
    lines = (ROOT / "examples/housing.csv").read_text().splitlines()
    rows = [[float(cell) for cell in line.split(",")] for line in lines]
    return [[row[-1], *row[:-1]] for row in rows]


def _environment(name: str) -> Path:
    RUNTIMES.mkdir(parents=True, exist_ok=True)
    folder = RUNTIMES / name
    python = folder / "bin/python"
    lock = LOCKS / f"{name}.txt"
    stamp = folder / "stamp"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    with (RUNTIMES / f"{name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # several test processes may ask at once
        if not stamp.exists() or stamp.read_text() != wanted:
            uv = str(Path(sys.executable).parent / "uv")
            subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], check=True)
            install = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(python)]
            subprocess.run([*install, "-r", str(lock)], check=True)
            stamp.write_text(wanted)
    return python


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return
        time.sleep(0.02)
    raise AssertionError(f"the server did not start; exit code {process.poll()}")


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def _invoke(path: Path, body: Any = b"", content_type: str = "", accept: str = "", *, get: str | None = None) -> Answer:
    with contextlib.closing(_Connection(path)) as connection:
        headers = {key: value for key, value in (("Content-Type", content_type), ("Accept", accept)) if value}
        if get is not None:
            connection.request("GET", get)
        else:
            connection.request("POST", "/invocations", body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.read(), response.headers.get("content-type"))
