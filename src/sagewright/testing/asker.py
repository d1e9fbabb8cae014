"""A whole server without its port: signed requests go into its edge, responses come out."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final, cast

from sagewright import compose
from sagewright.edge.answers import head, pieces
from sagewright.edge.incoming import Incoming
from sagewright.operations.call import Payload
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
        fields = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        target = f"{path}?{query}" if query else path
        incoming = Incoming(method, target.encode("utf-8", "replace"), fields)
        incoming.add(body)
        incoming.end()
        response = await self.server.app.respond(incoming)
        content = cast(Payload, response.body)
        start, _ = head(response, keep_alive=True, chunks=True)
        got = dict(line.split(": ", 1) for line in start.decode("latin-1").split("\r\n")[1:-2])
        if method == "HEAD":
            content = b""
        if not isinstance(content, bytes):
            content = b"".join([piece async for piece in pieces(content)])
        return Answer(response.status, {name.lower(): value for name, value in got.items()}, content)
