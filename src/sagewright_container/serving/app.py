"""The ASGI application: three paths over one handler. Bare ASGI, because this is the hot path of endpoints."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from sagewright_container.serving.base import Headers, Request, Response
from sagewright_container.serving.predictor import TEXT, Predictor, failed

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_BODY_S = 60.0  # so long may the rest of a request's body take

_OK = Response(b"", "application/json")
_NOT_FOUND = Response(b"", TEXT, 404)


class App:
    """Serves one model."""

    def __init__(self, predictor: Predictor, *, max_body: int | None = None) -> None:
        self._predictor = predictor
        self._max_body = max_body

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """One HTTP request, after ASGI 3."""
        path = scope["path"]
        if path == "/invocations" and scope["method"] == "POST":
            body = await read_body(scope, receive, self._max_body)
            if body is None:
                return
            response = body if isinstance(body, Response) else await self._predictor.predict(_request(scope, body))
            if response.stream is not None:
                await self._stream(response, receive, send)
                return
        elif path == "/ping":
            response = _OK
        elif path == "/execution-parameters":
            response = self._execution_parameters()
        else:
            response = _NOT_FOUND
        await reply(response, send)

    def _execution_parameters(self) -> Response:
        parameters = self._predictor.handler.execution_parameters()
        return _NOT_FOUND if parameters is None else Response(json.dumps(parameters).encode(), "application/json")

    async def _stream(self, response: Response, receive: Receive, send: Send) -> None:
        """Send the pieces while they are made. An error before the first is an answer; one after it ends the
        connection before its time, which is how the other side can tell."""
        assert response.stream is not None
        pieces = self._predictor.stream(response.stream)
        try:
            first = await anext(pieces, b"")
        except Exception as error:  # noqa: BLE001  the border to users' code
            await reply(failed(error), send)
            return
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await send(_head(response, []))
            await send({"type": "http.response.body", "body": first, "more_body": True})
            await _send_rest(pieces, gone, send)
        finally:
            gone.cancel()
            await pieces.aclose()  # type: ignore[attr-defined]  # it is a generator


async def _send_rest(pieces: AsyncIterator[bytes], gone: asyncio.Future[None], send: Send) -> None:
    async for piece in pieces:
        if gone.done():
            return
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def reply(response: Response, send: Send) -> None:
    """Send a whole response."""
    await send(_head(response, [(b"content-length", b"%d" % len(response.body))]))
    await send({"type": "http.response.body", "body": response.body})


def _head(response: Response, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    headers.append((b"content-type", _one_line(response.content_type)))
    if response.headers:
        headers += [(_one_line(key), _one_line(value)) for key, value in response.headers]
    return {"type": "http.response.start", "status": response.status, "headers": headers}


@functools.lru_cache(64)  # content types and names are few
def _one_line(text: str) -> bytes:
    """A user's text as a header may have it: a line break would begin another header."""
    return text.encode("latin-1", "replace").replace(b"\r", b" ").replace(b"\n", b" ").replace(b"\0", b" ")


async def read_body(scope: Mapping[str, Any], receive: Receive, most: int | None) -> bytes | Response | None:
    """The request's body; the refusal of one that is too large or too slow; None where the sender went away."""
    message = await receive()
    if not message.get("more_body"):
        if message["type"] == "http.disconnect":
            return None
        body: bytes = message.get("body", b"")
        return body if most is None or len(body) <= most else _too_large(most)
    parts, size = [message["body"]], len(message["body"])
    try:
        async with asyncio.timeout(_BODY_S):
            while message.get("more_body"):
                if most is not None and size > most:
                    return _too_large(most)
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                parts.append(message.get("body", b""))
                size += len(parts[-1])
    except TimeoutError:
        return Response(f"The request's body did not come within {_BODY_S:g} s.".encode(), TEXT, 408)
    return b"".join(parts) if most is None or size <= most else _too_large(most)


def _too_large(most: int) -> Response:
    return Response(f"The request is larger than MAX_CONTENT_LENGTH={most} bytes.".encode(), TEXT, 413)


def _request(scope: Mapping[str, Any], body: bytes) -> Request:
    headers = Headers(scope["headers"])
    return Request(body, headers.get("content-type", ""), headers.get("accept", ""), headers)
