"""One instance's program, with a server of our own in the model's place."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagewright_container.contract import Contract
from sagewright_container.transform import client, run
from sagewright_container.transform.errors import BadAnswer, ServerEnded
from sagewright_container.transform.plan import MIB, Folder, Outcome, Plan, Settings, Source

ROOT = Path(__file__).parents[4]


class Model:
    """In the place of a client: answers in upper case, later the earlier it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.at_once = self.most = 0
        self._lock = threading.Lock()

    def invoke(self, body: bytes | memoryview) -> bytes:
        text = bytes(body)
        with self._lock:
            self.asked.append(text)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        try:
            time.sleep(0.002 * (5 - len(text) % 5))
            if b"bad" in text:
                raise BadAnswer(400, b"bad record")
            if b"dead" in text:
                raise ServerEnded("The model's server ended with exit code 139.")
            return text.upper()
        finally:
            with self._lock:
                self.at_once -= 1


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def push(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Model) -> Callable[..., Outcome]:
    """Pushes objects, given by their names, through the model."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    for name in ("input", "output"):
        (tmp_path / "transform" / name).mkdir(parents=True)

    def push(objects: dict[str, bytes], *, concurrency: int = 3, single: bool = True, **members: Any) -> Outcome:
        sources = []
        for number, (name, body) in enumerate(objects.items()):
            (tmp_path / "transform" / "input" / str(number)).write_bytes(body)
            sources.append(Source(name, f"input/{number}", f"output/{number}"))
        plan = Plan(sources, **{"split": "Line", "assemble": "Line", **members})
        settings = Settings(concurrency, "SingleRecord" if single else "MultiRecord", MIB)
        outcome = Outcome()
        folder = Folder(Contract())
        with (tmp_path / "log").open("a") as log:

            def connect() -> Any:
                return model

            run.Push(folder, plan, settings, connect, run.DataLog(log), outcome).run()
        return outcome

    return push


def left(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "transform" / "output").iterdir())}


def test_order_is_kept_however_late_answers_come(push: Callable[..., Outcome], model: Model, tmp_path: Path) -> None:
    lines = [f"line{'x' * (number % 7)}{number}" for number in range(60)]
    half = "\n".join(lines[:30]).encode(), "\n".join(lines[30:]).encode()
    outcome = push({"a": half[0], "b": half[1], "c": b""})
    assert outcome.failures == []
    assert left(tmp_path) == {"0": half[0].upper() + b"\n", "1": half[1].upper() + b"\n", "2": b""}
    assert model.most == 3


def test_one_request_at_a_time_means_one(push: Callable[..., Outcome], model: Model) -> None:
    push({"a": b"1\n2\n3\n4", "b": b"5\n6"}, concurrency=1)
    assert model.asked == [b"1", b"2", b"3", b"4", b"5", b"6"]
    assert model.most == 1


def test_answers_are_put_together_as_they_are_without_assembling(push: Callable[..., Outcome], tmp_path: Path) -> None:
    push({"a": b"a\nb\n"}, assemble="None")
    assert left(tmp_path) == {"0": b"AB"}


def test_an_object_that_fails_has_no_output_and_the_others_do(push: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = push({"b/one": b"a", "b/two": b"c\nbad\nd", "b/three": b"e"})
    assert left(tmp_path) == {"0": b"A\n", "2": b"E\n"}
    assert outcome.failures == [{"object": "b/two", "kind": "ClientError", "reason": "400: bad record"}]
    said = [line.split("[sagemaker logs]: ")[1] for line in (tmp_path / "log").read_text().splitlines()]
    assert said == ["b/two: ClientError: 400", "b/two: ", "b/two: Message:", "b/two: bad record", "2 of 3 objects done"]


def test_without_a_server_there_is_nothing_to_go_on_with(
    push: Callable[..., Outcome], model: Model, tmp_path: Path
) -> None:
    with pytest.raises(ServerEnded):
        push({"a": b"a", "b": b"dead", "c": b"\n".join([b"x"] * 50)}, concurrency=1)
    assert left(tmp_path) == {"0": b"A\n"}
    assert len(model.asked) < 20


def test_what_is_done_is_not_done_again(push: Callable[..., Outcome], model: Model, tmp_path: Path) -> None:
    (tmp_path / "transform/output/0").write_bytes(b"from before")
    (tmp_path / "transform/output/1.part").write_bytes(b"half")
    push({"a": b"a", "b": b"b"})
    assert left(tmp_path) == {"0": b"from before", "1": b"B\n"}
    assert (tmp_path / "log").read_text().endswith("2 of 2 objects done\n")
    assert model.asked == [b"b"]


def test_packed_objects_are_unpacked(push: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = push(
        {"a": gzip.compress(b"one\ntwo"), "b": gzip.compress(b"cut short")[:-9], "c": gzip.compress(b"")}, gzip=True
    )
    assert left(tmp_path) == {"0": b"ONE\nTWO\n", "2": b""}
    assert "not what gzip writes" in outcome.failures[0]["reason"]


@pytest.mark.parametrize(
    ("plan", "offered", "settings"),
    [
        ({}, {}, "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"),
        (
            {},
            {"MaxConcurrentTransforms": 4, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 0},
            "MaxConcurrentTransforms=4, MaxPayloadInMB=0, BatchStrategy=SINGLE_RECORD",
        ),
        (
            {"concurrency": 2, "strategy": "MultiRecord", "payload_mb": 1},
            {"MaxConcurrentTransforms": 4, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 9},
            "MaxConcurrentTransforms=2, MaxPayloadInMB=1, BatchStrategy=MULTI_RECORD",
        ),
        (
            {"concurrency": 0, "payload_mb": 0},
            {"MaxConcurrentTransforms": "3", "MaxPayloadInMB": "many", "BatchStrategy": None},
            "MaxConcurrentTransforms=3, MaxPayloadInMB=0, BatchStrategy=MULTI_RECORD",
        ),
    ],
)
def test_the_request_counts_then_the_container_then_the_defaults(
    plan: dict[str, Any], offered: dict[str, Any], settings: str
) -> None:
    assert str(Plan([], **plan).settled(offered)) == settings


# The program as it is started.

SERVER = """
import http.server, os, socket, socketserver, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(b"{}")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if b"hang" in body:
            import time; time.sleep(600)
        if b"die" in body:
            os._exit(9)
        self.answer(body[::-1])
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "model"
    def log_message(self, *words):
        pass

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

if "--broken" in sys.argv:
    sys.exit(4)
Server(os.environ["SAGEWRIGHT_BIND_UDS"], Handler).serve_forever()
"""


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Starts the program on lines, a request each."""

    def start(lines: bytes, *options: str) -> subprocess.Popen[bytes]:
        folder = tmp_path / "transform"
        for name in ("input", "output"):
            (folder / name).mkdir(parents=True)
        (folder / "input/0").write_bytes(lines)
        source = {"name": "b/a", "input": "input/0", "output": "output/0"}
        plan = {"objects": [source], "split": "Line", "strategy": "SingleRecord", "retries": 0, "later": 1}
        (folder / "plan.json").write_text(json.dumps(plan))
        (tmp_path / "server.py").write_text(SERVER)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "SAGEMAKER_BASE_DIR": str(tmp_path),
            "SAGEWRIGHT_BIND_UDS": str(tmp_path / "s"),
        }
        command = [sys.executable, "-m", "sagewright_container.transform"]
        return subprocess.Popen([*command, sys.executable, str(tmp_path / "server.py"), *options], env=environment)

    return start


def result(tmp_path: Path) -> dict[str, Any]:
    return dict(json.loads((tmp_path / "transform/result.json").read_text()))


def test_a_job_is_done(program: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    assert program(b"abc\ndef\n").wait(60) == 0
    assert left(tmp_path) == {"0": b"cbafed"}
    assert result(tmp_path)["settings"].startswith("MaxConcurrentTransforms=1, ")


@pytest.mark.parametrize(
    ("lines", "options", "words"),
    [
        (b"abc\ndie\n", (), "AlgorithmError: The model's server ended with exit code 9."),
        (b"abc\n", ("--broken",), "ended with exit code 4 before it answered /ping"),
    ],
)
def test_a_server_that_ends_ends_the_job(
    program: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, lines: bytes, options: tuple[str, ...], words: str
) -> None:
    assert program(lines, *options).wait(60) == 1
    assert words in result(tmp_path)["error"]
    assert left(tmp_path) == {}


def test_whoever_is_asked_to_end_does_so_at_once(
    program: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = program(b"hang\n")
    until = time.monotonic() + 60
    while not (tmp_path / "transform/data-log").exists() or not (tmp_path / "transform/data-log").read_text():
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == run.STOPPED
    assert not (tmp_path / "transform/result.json").exists()


def test_the_server_is_found_where_the_contract_says() -> None:
    assert client.Address.of({"SAGEMAKER_BIND_TO_PORT": "9000"}).connection(1).port == 9000
    assert client.Address.of({}).connection(1).port == 8080
    assert Folder(Contract("/opt/ml")).at("plan.json") == "/opt/ml/transform/plan.json"
