"""What controllers share: forgetting tasks, and sweeping those that nobody owns."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from sagewright.base.errors import Transient
from sagewright.compute.base import Task
from sagewright.compute.fake import Plan
from sagewright.controllers.health import answers_ping
from sagewright.controllers.platform import tail
from sagewright.controllers.watches import Watches
from sagewright.resources.record import Key

from .conftest import Bench


def start(bench: Bench, task_id: str) -> None:
    bench.engine.plan("*", Plan(after=None))
    bench.platform.ml_folder(task_id).mkdir(parents=True)
    bench.engine.start(Task(task_id, ["x"]))


def test_what_no_record_owns_is_swept_away(bench: Bench) -> None:
    bench.platform.sweep(set())
    for name in ("owned", "orphan"):
        start(bench, name)
    bench.platform.ml_folder("half-made").mkdir(parents=True)
    (bench.folder / "tasks" / ".supervisor").mkdir()
    bench.platform.sweep({"owned"})
    assert list(bench.engine.list()) == ["owned"]
    assert bench.folders == [".supervisor", "owned"]


def test_a_task_that_cannot_be_ended_does_not_keep_the_server_from_starting(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b", "c"):
        start(bench, name)
    destroy = bench.engine.destroy

    def stuck(task_id: str) -> None:
        if task_id == "b":
            raise Transient("It has not ended yet.")
        destroy(task_id)

    monkeypatch.setattr(bench.engine, "destroy", stuck)
    bench.platform.sweep(set())
    assert list(bench.engine.list()) == ["b"]
    assert "It has not ended yet." in caplog.text


def test_the_engine_is_asked_once_however_often_one_watches(bench: Bench) -> None:
    start(bench, "t")
    key = Key("1", "r", "thing", "", "a")
    watch = Watches(bench.engine, bench.wake)
    for _ in range(3):
        watch("t", key)
    bench.engine.end("t")
    assert (bench.engine.watched, bench.woken) == (["t"], [key])
    watch("t", key)
    assert bench.woken == [key, key], "what has ended wakes at once"


def test_the_tail_of_a_log_fits() -> None:
    assert tail(["one", "two", "three"], limit=10) == "two\nthree"
    assert tail(["x" * 100], limit=10) == "x" * 10
    assert tail([], limit=10) == ""


@pytest.mark.parametrize(
    ("reply", "healthy"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", True), (b"HTTP/1.1 503 Busy\r\n\r\n", False), (b"", False)],
)
def test_only_a_200_is_healthy(tmp_path: Path, reply: bytes, healthy: bool) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                assert connection.recv(100).startswith(b"GET /ping HTTP/1.1\r\n")
                connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        assert answers_ping(path) is healthy
        thread.join(60)
    assert not answers_ping(path), "nobody listens any more"
    assert not answers_ping(tmp_path / "none")
