"""A whole server without its port: signed requests go into its ASGI application, responses come out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from sagewright import compose
from sagewright.testing.http import Spelled
from sagewright.wire import sigv4
from sagewright.wire.http import Request

_HOST: Final = "127.0.0.1:4700"


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
        sent = {"host": _HOST, **(headers or {})}
        if signed:
            sent |= self.signature(Request(method, path, query, sent, body), service, keys=keys, at=at)
        return asyncio.run(self.send(method, path, query, sent, body))

    def signature(
        self, request: Request, service: str, *, keys: tuple[str, str] | None = None, at: float | None = None
    ) -> dict[str, str]:
        """The headers that sign a request."""
        key_id, secret = keys or self.keys
        return sigv4.sign(
            request,
            access_key_id=key_id,
            secret_key=secret,
            region="us-east-1",
            service=service,
            now=self.now if at is None else at,
        )

    async def sign_and_send(self, spelled: Spelled) -> Answer:
        """The answer to a request that is not signed yet."""
        sent = {"host": _HOST, **spelled.headers}
        request = Request(spelled.method, spelled.path, spelled.query, sent, spelled.body)
        sent |= self.signature(request, spelled.service)
        return await self.send(spelled.method, spelled.path, spelled.query, sent, spelled.body)

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """A SageMaker operation's answer. Raises Refused."""
        headers = {"x-amz-target": f"SageMaker.{operation}", "content-type": "application/x-amz-json-1.1"}
        answer = self.ask(headers=headers, body=json.dumps(members).encode())
        parsed: dict[str, Any] = json.loads(answer.body or b"{}")
        if answer.status != 200:
            raise Refused(answer.status, parsed["__type"], parsed.get("message") or parsed["Message"])
        return parsed

    async def send(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> Answer:
        """The answer to a request as it stands."""
        scope = {
            "type": "http",
            "scheme": "http",
            "method": method,
            "raw_path": path.encode("utf-8", "replace"),
            "query_string": query.encode("utf-8", "replace"),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
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
