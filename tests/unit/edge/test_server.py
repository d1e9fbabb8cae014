"""A socket is served until a signal comes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator

import pytest

from sagewright.edge import server
from sagewright.edge.endless import Endless
from sagewright.edge.incoming import Incoming
from sagewright.edge.server import listen
from sagewright.wire.http import Response


async def hello(_: Incoming) -> Response:
    return Response(200, {}, b"hello")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2])
def test_it_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    port: int = sock.getsockname()[1]

    async def run() -> tuple[bytes, signal.Signals]:
        started = asyncio.Event()
        serving = asyncio.create_task(listen(hello, sock, started=started.set))
        await started.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = await reader.readuntil(b"hello")
        os.kill(os.getpid(), number)
        why = await asyncio.wait_for(serving, 60)  # the idle connection is closed, and not waited for
        assert await reader.read() == b""
        writer.close()
        return answer, why

    answer, why = asyncio.run(run())
    assert (answer.startswith(b"HTTP/1.1 200 OK\r\n"), why) == (True, number)


def test_a_stream_of_events_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "GRACE_S", 3600.0)
    sock = socket.create_server(("127.0.0.1", 0))
    port: int = sock.getsockname()[1]
    ended = asyncio.Event()

    async def events() -> AsyncGenerator[bytes]:
        try:
            yield b"data: 1"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def tell(_: Incoming) -> Response:
        return Response(200, {}, Endless(events()))

    async def run() -> None:
        started = asyncio.Event()
        serving = asyncio.create_task(listen(tell, sock, started=started.set))
        await started.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await reader.readuntil(b"data: 1")
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(serving, 60)
        await asyncio.wait_for(ended.wait(), 60)
        writer.close()

    asyncio.run(run())


def test_who_was_idle_longest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_room", lambda: 2)
    sock = socket.create_server(("127.0.0.1", 0))
    port: int = sock.getsockname()[1]

    async def run() -> list[bytes]:
        started = asyncio.Event()
        serving = asyncio.create_task(listen(hello, sock, started=started.set))
        await started.wait()
        clients = []
        for _ in range(3):
            clients.append(await asyncio.open_connection("127.0.0.1", port))
            await asyncio.sleep(0.01)
        gone = await asyncio.wait_for(clients[0][0].read(), 60)
        clients[1][1].write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = await clients[1][0].readuntil(b"hello")
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
        for _, writer in clients:
            writer.close()
        return [gone, answer[:15]]

    assert asyncio.run(run()) == [b"", b"HTTP/1.1 200 OK"]
