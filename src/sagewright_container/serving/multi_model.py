"""The multi-model server: AWS's container API for loading, listing, unloading and invoking models.

https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import uvloop

from sagewright_container.serving import nursery
from sagewright_container.serving.app import Receive, Send, read_body, reply
from sagewright_container.serving.base import Response
from sagewright_container.serving.http_server import Server
from sagewright_container.serving.models import AlreadyLoaded, LoadFailed, Model, Models, NoRoom, NotLoaded
from sagewright_container.serving.nursery import Loader
from sagewright_container.serving.settings import Settings
from sagewright_container.serving.upstream import Connection, Ended

_JSON = "application/json"
_OK = Response(b"", _JSON)
_PAGE = 100
_HOP = frozenset((b"host", b"content-length", b"connection", b"keep-alive", b"transfer-encoding", b"expect"))
_STATUS = {AlreadyLoaded: 409, NotLoaded: 404, NoRoom: 507, LoadFailed: 500}
_HOW_S = 1.0  # so long may the word take how a process ended that left a request without an answer


def serve(loader: Loader, image: str, wanted: Settings, sock: socket.socket) -> int:
    """Serve models as they are loaded, until SIGTERM; answer the exit code."""
    pid, channel = nursery.start(loader, image, wanted)
    if not channel.recv(nursery.PACKET):
        return 1
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code: int = runner.run(_serve(Models(channel, pid), wanted, sock))
    channel.close()
    os.waitpid(pid, 0)
    return code


async def _serve(models: Models, wanted: Settings, sock: socket.socket) -> int:
    server = Server(Front(models, max_body=wanted.max_body))
    lost = False

    def stop() -> None:
        nonlocal lost
        if not lost:
            sys.stderr.write("The process that starts models is gone.\n")
        lost = True
        server.stop()

    models.attach(stop)
    await server.serve(sock)
    return 1 if lost else 0


class Front:
    """The ASGI application."""

    def __init__(self, models: Models, *, max_body: int | None = None) -> None:
        self._models = models
        self._max_body = max_body

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """One HTTP request, after ASGI 3."""
        method, parts = scope["method"], scope["path"].split("/")[1:]
        try:
            match (method, *parts):
                case ("POST", "models", name, "invoke"):
                    await self._invoke(self._models.get(name), scope, receive, send)
                    return
                case ("GET", "ping"):
                    response = _OK
                case ("POST", "models"):
                    response = await self._load(await read_body(scope, receive, self._max_body))
                case ("GET", "models"):
                    response = self._list(scope["query_string"])
                case ("GET", "models", name):
                    response = _json(_described(self._models.get(name)))
                case ("DELETE", "models", name):
                    await self._models.unload(name)
                    response = _json({"status": f"Model {name} unloaded"})
                case _:
                    response = _error(404, "ResourceNotFoundException", "A multi-model server has /models and /ping.")
        except (AlreadyLoaded, NotLoaded, NoRoom, LoadFailed) as error:
            response = _error(_STATUS[type(error)], type(error).__name__, str(error))
        await reply(response, send)

    async def _load(self, body: bytes | Response | None) -> Response:
        if not isinstance(body, bytes):
            return body or _OK
        try:
            given = json.loads(body)
            name, url = given["model_name"], given["url"]
        except (ValueError, TypeError, KeyError):
            name = url = None
        if not isinstance(name, str) or not isinstance(url, str) or not name or "/" in name:
            return _error(400, "BadRequestException", 'The body must be {"model_name": a name, "url": a folder}.')
        await self._models.load(name, url)
        return _json({"status": f"Model {name} loaded"})

    def _list(self, query: bytes) -> Response:
        asked = parse_qs(query.decode("latin-1"))
        limit, after = asked.get("limit", [str(_PAGE)])[0], asked.get("next_page_token", [""])[0]
        if not limit.isdecimal() or int(limit) < 1:
            return _error(400, "BadRequestException", "limit must be a number above 0.")
        names = [name for name in self._models.names() if name > after]
        page = names[: int(limit)]
        more = {"nextPageToken": page[-1]} if len(names) > len(page) else {}
        return _json({"models": [_described(self._models.get(name)) for name in page], **more})

    async def _invoke(self, model: Model, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        body = await read_body(scope, receive, self._max_body)
        if not isinstance(body, bytes):
            if body is not None:
                await reply(body, send)
            return
        model.asked += 1
        try:
            await _handed_on(model, _request(scope, body), send)
        finally:
            model.asked -= 1
            model.answered.set()


async def _handed_on(model: Model, request: bytes, send: Send) -> None:
    try:
        connection, status, headers = await model.upstream.ask(request)
    except Ended:
        await reply(await _gone(model), send)
        return
    try:
        await _hand_on(connection, status, headers, send)
    except BaseException:
        connection.close()
        raise
    model.upstream.give(connection)


async def _hand_on(connection: Connection, status: int, headers: Any, send: Send) -> None:
    """The answer, in one piece where it is there. Raises Ended where it breaks off: then our own does too."""
    body = connection.whole()
    kept = [pair for pair in headers if pair[0] not in _HOP]
    if body is not None:
        kept.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": kept})
    if body is None:
        async for piece in connection.pieces():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": body or b""})


def _request(scope: Mapping[str, Any], body: bytes) -> bytes:
    lines = [b"POST /invocations HTTP/1.1", b"host: model", b"content-length: %d" % len(body)]
    lines += [key + b": " + value for key, value in scope["headers"] if key not in _HOP]
    return b"\r\n".join((*lines, b"", body))


async def _gone(model: Model) -> Response:
    """What to say when a model's process left a request without an answer."""
    await asyncio.wait([model.ended], timeout=_HOW_S)
    how = model.ended.result() if model.ended.done() else "closed the connection"
    return _error(500, "ModelEnded", f"The model's process {how} before it had answered; it is not loaded any more.")


def _described(model: Model) -> dict[str, str]:
    return {"modelName": model.name, "modelUrl": model.url}


def _json(value: Any) -> Response:
    return Response(json.dumps(value).encode(), _JSON)


def _error(status: int, kind: str, message: str) -> Response:
    return Response(json.dumps({"code": status, "type": kind, "message": message}).encode(), _JSON, status)
