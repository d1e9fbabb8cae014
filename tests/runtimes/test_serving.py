"""The model server itself, whatever the framework: streams, sessions, hangs, deaths, and bodies that are not whole."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import os, re, time

def model_fn(model_dir):
    print("loaded", flush=True)
    return os.getpid()

def input_fn(data, content_type):
    return data.decode() if isinstance(data, bytes) else data

def endless():
    while True:
        yield "x" * 65536

def some(number):
    for each in range(number):
        yield f"{each};"
    if number == 3:
        raise ValueError("in the middle")

async def later(number):
    import asyncio
    for each in range(number):
        await asyncio.sleep(0)
        yield f"{each};".encode()

def first():
    raise ValueError("at once")
    yield

def predict_fn(data, model, context):
    verb, _, rest = data.partition(" ")
    if verb == "quick":
        for _ in range(1): pass
    if verb == "loop":
        while True: pass
    if verb == "sleep":
        time.sleep(float(rest))
    if verb == "die":
        os._exit(9)
    if verb == "some":
        return some(int(rest))
    if verb == "later":
        return later(int(rest))
    if verb == "first":
        return first()
    if verb == "endless":
        return endless()
    if verb == "bad":
        return iter([1])
    if verb == "none":
        return None
    if verb == "object":
        return {"a": object()}
    if verb == "session":
        asked = context.get_request_header(0, "X-Amzn-SageMaker-Session-Id")
        if asked == "NEW_SESSION":
            context.set_response_header(0, "X-Amzn-SageMaker-New-Session-Id", "s-1; Expires=2026-11-29T12:00:00Z")
        else:
            context.set_response_header(0, "X-Amzn-SageMaker-Closed-Session-Id", asked)
    return [verb, model]
"""


@pytest.fixture(scope="module")
def server(container: Callable[..., Any]) -> Any:
    made = container("scikit-learn", "scikit-learn")
    made.write("model/code/inference.py", SCRIPT)
    return made


@pytest.fixture
def fresh(server: Any, tmp_path: Path) -> Any:
    """One to be started with settings of its own."""
    return server.copied(tmp_path)


@pytest.fixture(scope="module")
def invoke(server: Any) -> Iterator[Any]:
    with server.serving() as invoke:
        yield invoke


def connected(server: Any) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(60)
    made.connect(str(server.base / "s"))
    return made


def sent(server: Any, body: str) -> socket.socket:
    """A connection on which a request is under way."""
    made = connected(server)
    made.sendall(f"POST /invocations HTTP/1.1\r\nHost: m\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    return made


def pinged(server: Any) -> bool:
    """Whether a new connection's /ping is answered soon."""
    with contextlib.closing(connected(server)) as made:
        made.settimeout(1)
        made.sendall(b"GET /ping HTTP/1.1\r\nHost: m\r\n\r\n")
        try:
            return b" 200 " in made.recv(65536)
        except OSError:
            return False


def read(made: socket.socket) -> bytes:
    """What comes until the connection ends."""
    with contextlib.closing(made):
        try:
            return b"".join(iter(lambda: made.recv(65536), b""))
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("verb", ["some", "later"])
def test_pieces_are_sent_as_chunks(server: Any, invoke: Any, verb: str) -> None:
    assert invoke(f"{verb} 5").body == b"0;1;2;3;4;"
    with contextlib.closing(sent(server, f"{verb} 2")) as made:
        response = http.client.HTTPResponse(made)
        response.begin()
        assert response.chunked
        assert response.read() == b"0;1;"


def test_an_error_before_the_first_piece_is_an_answer_and_a_later_one_breaks_off(server: Any, invoke: Any) -> None:
    answer = invoke("first")
    assert (answer.status, answer.body) == (500, b"ValueError: at once")
    with contextlib.closing(sent(server, "some 3")) as made:
        response = http.client.HTTPResponse(made)
        response.begin()
        with pytest.raises(http.client.IncompleteRead):
            response.read()
    answer = invoke("bad")
    assert answer.status == 500
    assert b"each piece must be text or bytes" in answer.body


def test_a_reader_who_is_slow_slows_the_stream_and_one_who_leaves_ends_it(server: Any, invoke: Any) -> None:
    made = sent(server, "endless")
    made.recv(1)
    assert invoke("between two pieces").status == 200
    made.close()
    assert invoke("after it").status == 200


def test_what_a_function_may_answer(invoke: Any) -> None:
    answer = invoke("none")
    assert (answer.status, answer.body[:41]) == (500, b"predict_fn answered None: it must return ")
    answer = invoke("object")
    assert answer.status == 500
    assert answer.body.startswith(b"predict_fn answered dict, which cannot be written as application/json (")


def test_sessions_are_headers(server: Any, invoke: Any) -> None:
    def headers(asked: str) -> Any:
        made = connected(server)
        head = f"POST /invocations HTTP/1.1\r\nHost: m\r\nX-Amzn-SageMaker-Session-Id: {asked}\r\n"
        made.sendall(f"{head}Content-Length: 7\r\n\r\nsession".encode())
        with contextlib.closing(made):
            response = http.client.HTTPResponse(made)
            response.begin()
            return response.headers

    assert headers("NEW_SESSION")["X-Amzn-SageMaker-New-Session-Id"] == "s-1; Expires=2026-11-29T12:00:00Z"
    assert headers("s-1")["X-Amzn-SageMaker-Closed-Session-Id"] == "s-1"


def test_half_a_body_calls_nobody(server: Any, invoke: Any) -> None:
    with contextlib.closing(connected(server)) as made:
        made.sendall(b"POST /invocations HTTP/1.1\r\nHost: m\r\nContent-Length: 9\r\n\r\ndie")
    assert invoke("still there").status == 200


def test_large_bodies(fresh: Any) -> None:
    with fresh.serving(MAX_CONTENT_LENGTH="100000") as invoke:
        assert invoke("x" * 100000).status == 200
        answer = invoke("x" * 100001)
        assert (answer.status, answer.body) == (413, b"The request is larger than MAX_CONTENT_LENGTH=100000 bytes.")
        assert invoke("x" * 1000000).status == 413
        assert invoke("after it").status == 200


@pytest.mark.parametrize("warm", [0, 30])
def test_a_prediction_that_hangs(fresh: Any, warm: int) -> None:
    """Whether it hangs on a thread or, once the model has shown to be quick, on the event loop."""
    with fresh.serving(SAGEMAKER_MODEL_SERVER_TIMEOUT="3") as invoke:
        before = {invoke("quick").body for _ in range(1 + warm)}
        made = sent(fresh, "loop")
        assert any(pinged(fresh) for _ in range(30))  # one that was taken just before it hung is lost
        with contextlib.closing(sent(fresh, "behind it")) as waiting:
            assert b" 504 " in waiting.recv(65536)
        assert read(made).partition(b"\r\n")[0] in (b"HTTP/1.1 504 Gateway Timeout", b"")
        after = invoke("quick")
    assert after.status == 200
    assert after.body not in before


def test_a_worker_that_dies_is_replaced(fresh: Any) -> None:
    with fresh.serving(SAGEMAKER_MODEL_SERVER_WORKERS="2") as invoke:
        for _ in range(3):
            with pytest.raises(http.client.RemoteDisconnected):
                invoke("die")
            assert invoke("quick").status == 200


def test_an_asynchronous_stream_does_not_hold_up_others(server: Any, invoke: Any) -> None:
    threads = [threading.Thread(target=invoke, args=("later 50",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert invoke("quick").status == 200
    for thread in threads:
        thread.join()
