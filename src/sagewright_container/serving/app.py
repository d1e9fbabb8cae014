"""The ASGI application: three paths over one handler. Bare ASGI, because this is the hot path of endpoints."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sagewright_container.serving.base import Handler, Request, Response
from sagewright_container.serving.errors import ServingError

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

SLOW_S = 0.005  # a prediction that takes longer leaves the event loop to a thread, so that /ping stays alive
_WEIGHT = 0.2  # of the newest prediction in the running mean of their durations

_TEXT = "text/plain; charset=utf-8"
_OK = Response(b"", "application/json")


class App:
    """Serves one model. Predictions run one at a time, as models and users' code expect."""

    def __init__(self, handler: Handler, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._handler = handler
        self._clock = clock
        self._mean_s = 0.0
        self._thread = ThreadPoolExecutor(1, "predict")  # starts its thread when it is first needed
        self._queued = 0

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """One HTTP request, after ASGI 3."""
        path = scope["path"]
        if path == "/invocations" and scope["method"] == "POST":
            response = await self._invoke(await _request(scope, receive))
        elif path == "/ping":
            response = _OK
        elif path == "/execution-parameters":
            response = self._execution_parameters()
        else:
            response = Response(b"", _TEXT, 404)
        headers = [
            (b"content-type", response.content_type.encode("latin-1")),
            (b"content-length", b"%d" % len(response.body)),
        ]
        if response.headers:
            headers += [(key.encode("latin-1"), value.encode("latin-1")) for key, value in response.headers]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _invoke(self, request: Request) -> Response:
        """Predict: at once while predictions are quick or one is the first, on the thread when they are slow."""
        if self._mean_s <= SLOW_S and not self._queued:
            return self._timed(request)
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._timed, request)
        finally:
            self._queued -= 1

    def _timed(self, request: Request) -> Response:
        start = self._clock()
        response = answer(self._handler, request)
        self._mean_s += _WEIGHT * (self._clock() - start - self._mean_s)
        return response

    def _execution_parameters(self) -> Response:
        parameters = self._handler.execution_parameters()
        if parameters is None:
            return Response(b"", _TEXT, 404)
        return Response(json.dumps(parameters).encode(), "application/json")


def answer(handler: Handler, request: Request) -> Response:
    """The handler's response, or the one that its error stands for."""
    try:
        return handler.handle(request)
    except ServingError as error:
        body = b"" if error.status == 204 else str(error).encode()
        return Response(body, _TEXT, error.status)
    except Exception as error:  # noqa: BLE001  the border to users' code: the log has the traceback
        traceback.print_exc()
        sys.stderr.flush()
        return Response(f"{type(error).__name__}: {error}".encode("utf-8", "replace"), _TEXT, 500)


async def _request(scope: Mapping[str, Any], receive: Receive) -> Request:
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        parts = [body]
        while message.get("more_body"):
            message = await receive()
            parts.append(message.get("body", b""))
        body = b"".join(parts)
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    return Request(body, headers.get("content-type", ""), headers.get("accept", ""), headers)
