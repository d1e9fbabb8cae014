"""Environments built from the lock files, and containers run in them as the platform runs them."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import runpy
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sagewright.compute.venvs import Environments

ROOT = Path(__file__).parents[2]
RUNTIMES = ROOT / ".cache/runtimes"
START_S = 180


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
        self.said = self.complained = ""

    def copied(self, folder: Path) -> Container:
        """Another one that begins with what this one holds."""
        shutil.copytree(self.base, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("s"))  # the socket
        return Container(folder, self.image, self.python)

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

    def trained(self) -> Container:
        """Itself, once `train` has ended well; `said` and `complained` are what it printed."""
        done = self.train()
        assert done.returncode == 0, done.stderr
        self.said, self.complained = done.stdout, done.stderr
        return self

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the image's Python."""
        return subprocess.run(
            [str(self.python), *arguments],
            env=self.environ(environ),
            capture_output=True,
            text=True,
            timeout=300,
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
            assert process.wait(60) == 0

    def environ(self, more: Mapping[str, str]) -> dict[str, str]:
        """What the platform sets."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "src"),
            "SAGEMAKER_BASE_DIR": str(self.base),
            "SAGEWRIGHT_REQUIREMENTS_DONE": "1",
            "GOMP_SPINCOUNT": "1000",
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
def container(
    tmp_path_factory: pytest.TempPathFactory, runtime_python: Callable[[str], Path]
) -> Callable[..., Container]:
    """Makes a container of an image, run by an environment."""
    return lambda image, environment: Container(tmp_path_factory.mktemp(image), image, runtime_python(environment))


@pytest.fixture(scope="session")
def housing() -> list[list[float]]:
    """Boston housing, label (median value) first: 506 rows of 1 + 13 numbers."""
    lines = (ROOT / "examples/housing.csv").read_text().splitlines()
    rows = [[float(cell) for cell in line.split(",")] for line in lines]
    return [[row[-1], *row[:-1]] for row in rows]


def csv(rows: list[list[Any]]) -> str:
    """Rows as text."""
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


@pytest.fixture(scope="session")
def priced(container: Callable[..., Container], housing: list[list[float]]) -> Callable[..., Container]:
    """Makes a container that has learnt the prices of houses, judged by others; `said` is what it printed."""

    def priced(image: str, environment: str, **hyperparameters: str) -> Container:
        made = container(image, environment)
        made.job(hyperparameters, train="text/csv", validation="text/csv")
        made.write("input/data/train/data.csv", csv([[*row] for row in housing[:400]]))
        made.write("input/data/validation/data.csv", csv([[*row] for row in housing[400:]]))
        return made.trained()

    return priced


@pytest.fixture(scope="session")
def coloured(container: Callable[..., Container]) -> Callable[..., Container]:
    """Makes a container that has learnt three classes (1, 5, 9), two of them by a colour, one by a number."""

    def coloured(image: str, environment: str, **hyperparameters: str) -> Container:
        made = container(image, environment)
        made.job(hyperparameters, training="text/csv")
        rows: list[list[Any]] = [
            [(1, 5, 9)[row % 3], ("red", "blue", "blue")[row % 3], int(row % 3 == 2)] for row in range(300)
        ]
        rows.append([1, "", ""])  # holes are learnt from
        made.write("input/data/training/train/data.csv", csv(rows))
        made.write("input/data/training/categorical_index.json", '{"cat_index_list": [1]}')
        return made.trained()

    return coloured


@pytest.fixture(scope="session")
def shapes() -> dict[str, list[Any]]:
    """Pictures of discs, squares and triangles for the channels train and validation; see tests/shapes.py."""
    made: dict[str, list[Any]] = runpy.run_path(str(ROOT / "tests/shapes.py"))["shapes"]()
    return made


@pytest.fixture(scope="session")
def npy() -> Callable[[list[list[float]]], bytes]:
    """Writes a float64 matrix in NumPy's format."""
    return _npy


def _environment(name: str) -> Path:
    """As the server makes it; the tests of clients find it made."""
    return Environments(RUNTIMES).ensure(name, print) / "bin" / "python"


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
        super().__init__("localhost", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def _invoke(
    server: Path,
    body: Any = b"",
    content_type: str = "",
    accept: str = "",
    *,
    get: str | None = None,
    method: str = "POST",
    path: str = "/invocations",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    with contextlib.closing(_Connection(server)) as connection:
        said = {key: value for key, value in (("Content-Type", content_type), ("Accept", accept)) if value}
        if get is not None:
            connection.request("GET", get)
        else:
            connection.request(method, path, body, {**said, **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, response.read(), response.headers.get("content-type"))


def _npy(rows: list[list[float]]) -> bytes:
    """A float64 matrix in NumPy's format, version 1.0, written by hand: the tests run without NumPy."""
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])}), }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    out = io.BytesIO()
    out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
    for row in rows:
        out.write(struct.pack(f"<{len(row)}d", *row))
    return out.getvalue()
