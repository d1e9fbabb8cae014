"""A whole server without its port: signed requests go into its ASGI application, responses come out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from sagewright import compose
from sagewright.wire import sigv4
from sagewright.wire.http import Request


@dataclass
class Answer:
    """A response, whole. Header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Refused(Exception):
    """An operation that was refused: status, code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message


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

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """A SageMaker operation's answer. Raises Refused."""
        headers = {"x-amz-target": f"SageMaker.{operation}", "content-type": "application/x-amz-json-1.1"}
        answer = self.ask(headers=headers, body=json.dumps(members).encode())
        parsed: dict[str, Any] = json.loads(answer.body or b"{}")
        if answer.status != 200:
            raise Refused(answer.status, parsed["__type"], parsed.get("message") or parsed["Message"])
        return parsed

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
