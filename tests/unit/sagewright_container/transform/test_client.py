"""Requests to a model's server: what is tried again, and what is told when it does not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import UnixStreamServer
from typing import Any

import pytest

from sagewright_container.transform import client
from sagewright_container.transform.errors import BadAnswer, NoAnswer, ServerEnded

Serve = Callable[..., client.Address]


class Model(HTTPServer):
    """Answers with statuses in turn, the last one for ever; keeps what it was sent."""

    address_family = UnixStreamServer.address_family
    statuses: list[int]

    def server_bind(self) -> None:
        UnixStreamServer.server_bind(self)

    def get_request(self) -> Any:
        return UnixStreamServer.get_request(self)[0], ("model", 0)


@pytest.fixture
def bodies() -> list[bytes]:
    return []


@pytest.fixture
def kinds() -> list[str]:
    """The types of what was sent."""
    return []


@pytest.fixture
def serve(tmp_path: Path, bodies: list[bytes], kinds: list[str]) -> Iterator[Serve]:
    stops: list[Callable[[], None]] = []

    def start(*statuses: int, offered: bytes = b"{}", name: str = "s") -> client.Address:
        left = list(statuses)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(200, offered)

            def do_POST(self) -> None:
                bodies.append(self._body())
                kinds.append(self.headers["Content-Type"])
                status = left.pop(0) if len(left) > 1 else left[0]
                if status == 0:
                    self.close_connection = True
                    return
                self._answer(status, b"answer" if status == 200 else b"no good")

            def _body(self) -> bytes:
                if "Content-Length" in self.headers:
                    return self.rfile.read(int(self.headers["Content-Length"]))
                found = b""
                while size := int(self.rfile.readline(), 16):
                    found += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return found

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
                pass

        path = str(tmp_path / name)
        server = Model(path, Handler)  # type: ignore[arg-type]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        stops.extend((server.shutdown, thread.join, server.server_close))
        return client.Address(path)

    yield start
    for stop in stops:
        stop()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_FIRST_RETRY_S", 0.0)
    monkeypatch.setattr(client, "_PAUSE_S", 0.0)


def invoke(address: client.Address, body: bytes = b"rows", *, ended: int | None = None, **how: Any) -> bytes:
    options = {"timeout_s": 5.0, "retries": 2, **how}
    asked = client.Client(address, {"Content-Type": "text/csv"}, lambda: ended, **options)
    try:
        return asked.invoke(memoryview(body)).body
    finally:
        asked._connection.close()


def test_an_answer_is_handed_on(serve: Serve, bodies: list[bytes]) -> None:
    assert invoke(serve(200)) == b"answer"
    assert bodies == [b"rows"]


@pytest.mark.parametrize("first", [500, 503, 429, 0])
def test_what_may_pass_is_tried_again(serve: Serve, bodies: list[bytes], first: int) -> None:
    assert invoke(serve(first, first, 200)) == b"answer"
    assert bodies == [b"rows"] * 3


def test_what_the_request_is_wrong_about_is_not(serve: Serve, bodies: list[bytes]) -> None:
    with pytest.raises(BadAnswer) as caught:
        invoke(serve(400))
    assert (caught.value.kind, str(caught.value), bodies) == ("ClientError", "400: no good", [b"rows"])
    assert caught.value.lines == ["ClientError: 400", "", "Message:", "no good"]


def test_an_error_that_stays_is_told(serve: Serve, bodies: list[bytes]) -> None:
    with pytest.raises(BadAnswer) as caught:
        invoke(serve(500))
    assert (caught.value.kind, len(bodies)) == ("AlgorithmError", 3)
    assert caught.value.lines[0] == "Bad HTTP status received from algorithm: 500"


def test_a_server_that_does_not_answer_is_told_from_one_that_is_gone(serve: Serve) -> None:
    address = serve(0)
    with pytest.raises(NoAnswer):
        invoke(address)
    with pytest.raises(ServerEnded, match="ended with exit code 3"):
        invoke(address, ended=3)


def test_large_objects_stream_in_chunks(serve: Serve, bodies: list[bytes]) -> None:
    body = b"0123456789" * 300_000
    assert invoke(serve(200), body, chunked=True) == b"answer"
    assert bodies == [body]


def test_each_container_of_a_pipeline_gets_what_the_one_before_answered(
    serve: Serve, bodies: list[bytes], kinds: list[str]
) -> None:
    headers = {"Content-Type": "text/csv"}
    clients = [
        client.Client(serve(200, name=name), headers, lambda: None, timeout_s=5, retries=0) for name in ("a", "b")
    ]
    assert client.Pipeline(clients).invoke(b"rows") == b"answer"
    assert (bodies, kinds) == ([b"rows", b"answer"], ["text/csv", "text/plain"])
    for each in clients:
        each._connection.close()


def test_what_the_container_offers(serve: Serve) -> None:
    assert client.execution_parameters(serve(200, offered=b'{"MaxPayloadInMB": 3}')) == {"MaxPayloadInMB": 3}


@pytest.mark.parametrize("offered", [b"", b"[]", b"<html>"])
def test_a_container_that_offers_nothing(serve: Serve, offered: bytes) -> None:
    assert client.execution_parameters(serve(200, offered=offered)) == {}


def test_nobody_waits_for_a_server_that_ended(tmp_path: Path) -> None:
    nowhere = client.Address(str(tmp_path / "s"))
    with pytest.raises(ServerEnded, match="exit code 1 before"):
        client.wait_until_ready(nowhere, lambda: 1, limit_s=10)
    with pytest.raises(NoAnswer, match="within 0 s"):
        client.wait_until_ready(nowhere, lambda: None, limit_s=0)
