"""A long exchange with a model server: streamed both ways, bounded in time, and told apart by how it ends."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from sagewright.controllers.exchange import Answer, Broken, Stopped, exchange

Behave = Callable[[socket.socket], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.fixture
def serve(path: Path) -> Iterator[Callable[[Behave], None]]:
    """Has one connection answered by a function."""
    listener = socket.socket(socket.AF_UNIX)
    threads: list[threading.Thread] = []

    def start(behave: Behave) -> None:
        listener.bind(str(path))
        listener.listen()

        def run() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                behave(connection)

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()

    yield start
    listener.close()
    for thread in threads:
        thread.join(60)


def received(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data.partition(b"\r\n\r\n")[2]) < length:
        data += connection.recv(1 << 16)
    return data


def void(_: object) -> None:
    """For lambdas that answer nothing."""


def ask(path: Path, body: bytes = b"in", *, seconds: float = 60.0, stop: threading.Event | None = None) -> str:
    into = BytesIO()
    until, stop = time.monotonic() + seconds, stop or threading.Event()
    answer = exchange(path, [("Content-Type", "text/csv")], BytesIO(body), len(body), into, until=until, stop=stop)
    assert isinstance(answer, Answer)
    return f"{answer.status} {answer.headers.get('content-type')} {len(into.getvalue())}"


def test_large_bodies_go_both_ways(path: Path, serve: Callable[[Behave], None]) -> None:
    size = 3_000_000
    seen: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        seen.append(received(connection, size))
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: a/b\r\n")
        connection.sendall(b"Content-Length: %d\r\n\r\n" % size + b"x" * size)

    serve(behave)
    assert ask(path, b"y" * size) == f"200 a/b {size}"
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /invocations HTTP/1.1")
    assert b"Content-Type: text/csv" in head
    assert body == b"y" * size


def test_a_body_without_a_length_ends_with_the_connection(path: Path, serve: Callable[[Behave], None]) -> None:
    def behave(connection: socket.socket) -> None:
        received(connection, 2)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nabc")

    serve(behave)
    assert ask(path) == "200 None 3"


def test_an_early_answer_ends_it_before_all_was_sent(path: Path, serve: Callable[[Behave], None]) -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.recv(1)

    serve(behave)
    assert ask(path, b"y" * 9_000_000) == "413 None 0"


def test_a_server_that_is_not_there_has_not_begun(path: Path) -> None:
    with pytest.raises(Broken) as caught:
        ask(path)
    assert not caught.value.begun


def test_a_server_that_ends_in_the_middle_may_have_begun(path: Path, serve: Callable[[Behave], None]) -> None:
    serve(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"))
    with pytest.raises(Broken) as caught:
        ask(path)
    assert caught.value.begun


def test_nobody_waits_for_longer_than_the_time_or_after_a_stop(path: Path, serve: Callable[[Behave], None]) -> None:
    over = threading.Event()
    serve(lambda connection: void(over.wait(60)))
    with pytest.raises(TimeoutError):
        ask(path, seconds=0.0)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        ask(path, stop=stop)
    over.set()
