"""Tasks without a sandbox: links stand for mounts, and what cannot be done is refused."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.clock import SystemClock
from sagewright.base.errors import Terminal
from sagewright.compute.base import Mount, Task
from sagewright.compute.process import ProcessEngine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ProcessEngine]:
    (tmp_path / "ml").mkdir()
    made = ProcessEngine(tmp_path / "tasks", SystemClock(), "off")
    yield made
    for task_id in made.list():
        made.destroy(task_id)
    made.close()


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def run(engine: ProcessEngine, task: Task) -> list[str]:
    engine.start(task)
    until(lambda: engine.inspect(task.id).phase != "running")
    return [line.message for line in engine.logs(task.id, offset=0)]


def test_mounts_are_links_under_the_base_folder(engine: ProcessEngine, tmp_path: Path) -> None:
    ml = tmp_path / "ml"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("given\n")
    (ml / "input" / "data" / "train").mkdir(parents=True)  # an empty place gives way
    mounts = [Mount(tmp_path / "data", "/opt/ml/input/data/train"), Mount(tmp_path / "data" / "file", "/opt/ml/f")]
    script = 'echo "$SAGEMAKER_BASE_DIR"; pwd; cat "$SAGEMAKER_BASE_DIR/input/data/train/file" f'
    task = Task("t", ["sh", "-c", script], folder=ml, mounts=mounts)
    assert run(engine, task) == [str(ml), str(ml), "given", "given"]


def test_mounts_that_links_cannot_stand_for_are_refused(engine: ProcessEngine, tmp_path: Path) -> None:
    ml = tmp_path / "ml"
    (ml / "full").mkdir()
    (ml / "full" / "file").touch()
    (tmp_path / "data").mkdir()
    inside = [Mount(tmp_path / "data", "/opt/ml/a"), Mount(tmp_path / "data", "/opt/ml/a/b")]
    for words, mounts in (
        ("only paths under /opt/ml", [Mount(tmp_path / "data", "/etc/x")]),
        ("only paths under /opt/ml", [Mount(tmp_path / "data", "/opt/ml")]),
        ("is not empty", [Mount(tmp_path / "data", "/opt/ml/full")]),
        ("inside another mount", inside),
    ):
        with pytest.raises(Terminal, match=words):
            engine.start(Task("t", ["true"], folder=ml, mounts=mounts))
        assert list(engine.list()) == []
    assert list((tmp_path / "data").iterdir()) == []


def test_a_socket_in_a_deep_folder_can_be_bound_and_reached(engine: ProcessEngine, tmp_path: Path) -> None:
    ml = tmp_path / ("deep-" * 20) / "ml"
    (ml / "run").mkdir(parents=True)
    script = (
        "import os, socket; server = socket.socket(socket.AF_UNIX);"
        "server.bind(os.environ['SAGEMAKER_BASE_DIR'] + '/run/s.sock'); server.listen();"
        "print('up', flush=True); server.accept()[0].sendall(b'hello')"
    )
    path = Path(sys.prefix)
    engine.start(Task("t", ["python", "-c", script], python=path, folder=ml, socket="/opt/ml/run/s.sock"))
    until(lambda: engine.logs("t", offset=0))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(engine.address("t")))
        assert client.recv(9) == b"hello"


def test_what_is_missing_is_said(engine: ProcessEngine) -> None:
    said = "\n".join(engine.cannot())
    for word in ("sandbox", "SAGEMAKER_BASE_DIR", "Network isolation", "Host names"):
        assert word in said
