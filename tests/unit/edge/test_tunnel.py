"""What speaks something else than HTTP goes through whole, both ways, and ends when one side does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from sagewright.edge.incoming import Incoming
from sagewright.edge.tunnel import Tunnel, upgrade
from sagewright.wire.http import Response

from .test_http import Client, Place

ASKS = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
AGREES = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\nSet-Cookie: a\r\n\r\n"
Behind = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(AGREES)
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def talk(tmp_path: Path, use: Callable[[Place, Client], object], behind: Behind = echoes) -> list[Tunnel]:
    """Have `use` talk through a place whose server is `behind`; the tunnels that there were."""
    tunnels: list[Tunnel] = []
    socket = str(tmp_path / "s")

    async def respond(_: Incoming) -> Response:
        response, tunnel = await upgrade(socket, "/", [("host", "h"), ("upgrade", "websocket")])
        tunnels.extend([tunnel] if tunnel is not None else [])
        return response

    async def run() -> None:
        server = await asyncio.start_unix_server(behind, socket)  # type: ignore[arg-type]
        async with server, Place(respond) as place:
            used = use(place, await place.connect())
            assert asyncio.iscoroutine(used)
            await asyncio.wait_for(used, 60)

    asyncio.run(run())
    return tunnels


def test_bytes_go_both_ways_until_the_client_leaves(tmp_path: Path) -> None:
    async def use(place: Place, client: Client) -> None:
        reader, writer = client
        writer.write(ASKS + b"early ")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert (b"sec-websocket-accept: x" in head, b"set-cookie" in head, b"close" in head) == (True, False, False)
        writer.write(b"late")
        assert await reader.readexactly(10) == b"early late"
        await place.look(100_000)
        much = b"x" * 3_000_000
        writer.write(much)
        assert await reader.readexactly(len(much)) == much
        writer.close()
        while place.open:
            await asyncio.sleep(0.001)

    (tunnel,) = talk(tmp_path, use)
    assert tunnel.closed.done()


def test_the_end_of_the_server_ends_it(tmp_path: Path) -> None:
    async def behind(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(AGREES + b"bye")
        writer.close()

    async def use(_: Place, client: Client) -> None:
        client[1].write(ASKS)
        assert (await client[0].read()).endswith(b"\r\n\r\nbye")

    talk(tmp_path, use, behind)


def test_a_server_that_stops_hangs_up(tmp_path: Path) -> None:
    async def use(place: Place, client: Client) -> None:
        client[1].write(ASKS)
        await client[0].readuntil(b"\r\n\r\n")
        for each in tuple(place.open):
            each.shutdown()
        assert await client[0].read() == b""

    talk(tmp_path, use)


def test_it_ends_with_its_session(tmp_path: Path) -> None:
    async def use(place: Place, client: Client) -> None:
        client[1].write(ASKS)
        await client[0].readuntil(b"\r\n\r\n")
        (connection,) = place.open
        assert connection._tunnel is not None
        connection._tunnel.end_in(0)
        assert await client[0].read() == b""

    talk(tmp_path, use)


def test_what_does_not_agree_is_answered_as_http(tmp_path: Path) -> None:
    async def behind(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    async def use(_: Place, client: Client) -> None:
        client[1].write(ASKS + b"what comes behind is not heard")
        assert (await client[0].read()).startswith(b"HTTP/1.1 404 ")

    assert talk(tmp_path, use, behind) == []
