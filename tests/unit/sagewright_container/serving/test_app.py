"""The ASGI application over handlers that do as they are told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sagewright_container.serving.app import App
from sagewright_container.serving.base import Request, Response, acceptable
from sagewright_container.serving.errors import BadRequest, NoContent, NotAcceptable, UnsupportedContent
from sagewright_container.serving.predictor import Predictor


class Fake:
    """Answers with a function."""

    def __init__(self, function: Callable[[Request], Response]) -> None:
        self.function = function

    def handle(self, request: Request) -> Response:
        """The function's answer."""
        return self.function(request)

    def execution_parameters(self) -> Mapping[str, Any] | None:
        """Some."""
        return {"MaxPayloadInMB": 6}


def echo(request: Request) -> Response:
    return Response(request.body, request.content_type, headers=(("x-accept", request.accept),))


async def call(app: App, path: str, *parts: bytes, method: str = "POST", **headers: str) -> Any:
    """Status, body and headers of one request whose body comes in parts."""
    left = [
        {"type": "http.request", "body": part, "more_body": count < len(parts) - 1}
        for count, part in enumerate(parts or (b"",))
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
    await app({"type": "http", "method": method, "path": path, "headers": raw}, receive, send)
    start, body = sent
    return start["status"], body["body"], dict(start["headers"])


def invoke(function: Callable[[Request], Response], *parts: bytes, **headers: str) -> Any:
    return asyncio.run(call(App(Predictor(Fake(function))), "/invocations", *parts, **headers))


def test_an_invocation_carries_body_content_type_and_accept() -> None:
    status, body, headers = invoke(echo, b"1,", b"2", content_type="text/csv", accept="application/json")
    assert (status, body) == (200, b"1,2")
    assert headers == {b"content-type": b"text/csv", b"content-length": b"3", b"x-accept": b"application/json"}


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (NoContent("never seen"), 204, b""),
        (BadRequest("no"), 400, b"no"),
        (NotAcceptable("no"), 406, b"no"),
        (UnsupportedContent("no"), 415, b"no"),
        (ValueError("bad shape"), 500, b"ValueError: bad shape"),
    ],
)
def test_errors_are_answers(error: Exception, status: int, text: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_request: Request) -> Response:
        raise error

    assert invoke(fail)[:2] == (status, text)
    assert ("Traceback" in capsys.readouterr().err) == (status == 500)


@pytest.mark.parametrize(
    ("path", "method", "status", "body"),
    [
        ("/ping", "GET", 200, b""),
        ("/execution-parameters", "GET", 200, b'{"MaxPayloadInMB": 6}'),
        ("/invocations", "GET", 404, b""),
        ("/", "GET", 404, b""),
    ],
)
def test_paths(path: str, method: str, status: int, body: bytes) -> None:
    answer = asyncio.run(call(App(Predictor(Fake(echo))), path, method=method))
    assert answer[:2] == (status, body)


def test_slow_predictions_leave_the_event_loop_and_quick_ones_come_back() -> None:
    now = [0.0]
    durations = iter([1.0, *[0.0] * 40])
    threads: list[threading.Thread] = []

    def predict(_request: Request) -> Response:
        threads.append(threading.current_thread())
        now[0] += next(durations)
        return Response(b"", "text/csv")

    async def many() -> None:
        app = App(Predictor(Fake(predict), clock=lambda: now[0]))
        for _ in range(41):
            await call(app, "/invocations")

    asyncio.run(many())
    main = threading.main_thread()
    assert [thread is main for thread in threads[:3]] == [False, False, False]
    assert threads[-1] is main


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", "text/csv"),
        ("*/*", "text/csv"),
        ("application/json", "application/json"),
        ("Application/JSON; charset=utf-8", "application/json"),
        ("image/png, application/json", "application/json"),
        ("image/png, */*", "text/csv"),
        ("image/png", "image/png"),
    ],
)
def test_the_form_of_an_answer(header: str, chosen: str) -> None:
    assert acceptable(header, {"application/json": 1, "text/csv": 1}, "text/csv") == chosen


def test_who_watches_sleeps_until_there_is_work() -> None:
    begun, go = threading.Event(), threading.Event()

    def predict(_request: Request) -> Response:
        begun.set()
        assert go.wait(60)
        return Response(b"", "text/csv")

    predictor = Predictor(Fake(predict))
    watching = threading.Thread(target=predictor.wait_for_work)
    watching.start()
    asking = threading.Thread(target=lambda: asyncio.run(call(App(predictor), "/invocations")))
    asking.start()
    assert begun.wait(60)
    watching.join(60)
    assert not watching.is_alive()
    assert predictor.stuck_s() > 0
    predictor.wait_for_work()  # at once: somebody is at it
    go.set()
    asking.join(60)
    assert predictor.stuck_s() == 0
