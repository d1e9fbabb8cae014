"""An endpoint whose model servers are functions of the test, asked as clients ask."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagewright.resources import routing
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record
from sagewright.testing.asker import Asker
from sagewright.testing.http import parse, spell

Behave = Callable[[bytes, dict[str, str], asyncio.StreamWriter], Awaitable[None]]
"""Takes the body and the headers of a request, and writes the answer's bytes."""


@dataclass
class Hosted:
    """`await hosted(Body=…)` invokes the endpoint."""

    asker: Asker

    async def __call__(self, operation: str = "InvokeEndpoint", **members: Any) -> dict[str, Any]:
        """What botocore reads in the answer, with a body as bytes, and the members of a refusal."""
        request = {"EndpointName": "e", "Body": b"", **members}
        answer = await self.asker.sign_and_send(spell("sagemaker-runtime", operation, request))
        read = parse("sagemaker-runtime", operation, answer.status, answer.headers, answer.body)
        return {**read, "Body": answer.body} if answer.status == 200 else {**json.loads(answer.body), **read}


@asynccontextmanager
async def hosting(asker: Asker, *models: Behave) -> AsyncIterator[Hosted]:
    """The endpoint `e` with an instance for each model."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for number, behave in enumerate(models):
            server = await asyncio.start_unix_server(_served(behave), str(folder / f"{number}.sock"))
            stack.callback(server.close)
        members = [
            {"task": f"t-{number}", "sockets": [str(folder / f"{number}.sock")], "log_stream": f"v/i-{number}"}
            for number in range(len(models))
        ]
        _write(asker, members)
        yield Hosted(asker)
        for instance in asker.server.app.services.inference._instances.known.values():
            for pool in instance.containers:
                pool.close()
        await asyncio.sleep(0.01)


def _write(asker: Asker, members: Sequence[dict[str, Any]]) -> None:
    services = asker.server.app.services
    variant = routing.variant({"VariantName": "v"}, {"PrimaryContainer": {"Image": "i"}}, members)
    status = {"EndpointArn": "arn", "serving": [routing.generation(1, [variant])]}
    key = Key(services.settings.account, "us-east-1", KIND, "", "e")
    services.store.create(Record(key, "u", 0.0, 0.0, status=status, state="InService"))
    services.inference.follow()


def _served(behave: Behave) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
                await behave(await reader.readexactly(int(headers["Content-Length"])), headers, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return serve


def whole(body: bytes, *headers: str, status: int = 200) -> bytes:
    """An answer's bytes."""
    lines = (f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join((*lines, "", "")).encode() + body


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)
