"""A whole server without its port: requests go into the ASGI application, responses come out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sagewright import compose
from sagewright.base.settings import Settings
from sagewright.wire import sigv4
from sagewright.wire.http import Request


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Asker:
    """Sends requests to the application, signed with the root key unless told otherwise."""

    server: compose.Server
    keys: tuple[str, str] = ("", "")
    now: float = field(default=0.0)

    def ask(
        self,
        method: str = "POST",
        path: str = "/",
        *,
        service: str = "sagemaker",
        query: str = "",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        signed: bool = True,
        keys: tuple[str, str] | None = None,
        at: float | None = None,
    ) -> Answer:
        sent = {"host": "127.0.0.1:4700", **(headers or {})}
        if signed:
            key_id, secret = keys or self.keys
            request = Request(method, path, query, sent, body)
            sent |= sigv4.sign(
                request,
                access_key_id=key_id,
                secret_key=secret,
                region="us-east-1",
                service=service,
                now=self.now if at is None else at,
            )
        return asyncio.run(self._send(method, path, query, sent, body))

    async def _send(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> Answer:
        scope = {
            "type": "http",
            "scheme": "http",
            "method": method,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self.server.app(scope, receive, send)
        got = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], got, b"".join(message.get("body", b"") for message in sent[1:]))


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Asker]:
    server = compose.build(Settings(data=tmp_path / "data", store="memory:", sandbox="off"))
    services = server.app.services
    yield Asker(server, services.credentials.root(), services.clock.now())
    server.close()


Ask = Callable[..., Answer]


@pytest.fixture
def ask(asker: Asker) -> Ask:
    return asker.ask
