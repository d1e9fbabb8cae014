"""What a connection does with what clients send: whole, in pieces, too much, too slowly, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sagewright.edge import bounds
from sagewright.edge.busy_poll import BusyPoll
from sagewright.edge.http import Connection
from sagewright.edge.incoming import Incoming
from sagewright.wire.http import Response

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Place:
    """A server on a port, whose clock only moves when it is told to."""

    def __init__(self, respond: Callable[[Incoming], Awaitable[Response]]) -> None:
        self.now = 0.0
        self.open: set[Connection] = set()
        self.respond = respond
        self.server: asyncio.Server | None = None
        self.writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Place:
        loop = asyncio.get_running_loop()
        poll = BusyPoll(loop)
        self.server = await loop.create_server(
            lambda: Connection(self.respond, self.open, lambda: self.now, poll), "127.0.0.1", 0
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.close()
        for each in tuple(self.open):
            each.abort()
        for writer in self.writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self.writers), return_exceptions=True)

    async def connect(self) -> Client:
        assert self.server is not None
        client = await asyncio.open_connection(*self.server.sockets[0].getsockname()[:2])
        self.writers.append(client[1])
        return client

    async def look(self, later: float) -> None:
        """Time passes, and the server looks at its connections."""
        await settle()
        self.now += later
        for each in tuple(self.open):
            each.look(self.now)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0.001)


async def echo(incoming: Incoming) -> Response:
    """Says what it was asked, and the body."""
    body, more = b"", True
    while more:
        message = await incoming()
        if message["type"] == "http.disconnect":
            return Response(400, {}, b"broke off")
        body += message["body"]
        more = message["more_body"]
    return Response(200, {}, b"%s %s %s" % (incoming.method.encode(), incoming.target, body))


def talk(sent: bytes, respond: Callable[[Incoming], Awaitable[Response]] = echo) -> bytes:
    """All that comes back until the connection is closed."""

    async def run() -> bytes:
        async with Place(respond) as place:
            reader, writer = await place.connect()
            writer.write(sent)
            return await asyncio.wait_for(reader.read(), 60)

    return asyncio.run(run())


def post(body: bytes, *fields: str, path: str = "/p", version: str = "1.1") -> bytes:
    lines = (f"POST {path} HTTP/{version}", "Host: h", f"Content-Length: {len(body)}", *fields)
    return "\r\n".join((*lines, "", "")).encode() + body


LAST = "Connection: close"


def test_an_answer_is_whole() -> None:
    head, _, body = talk(post(b"abc", LAST)).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert (lines[0], body) == (b"HTTP/1.1 200 OK", b"POST /p abc")
    assert {b"content-length: 11", b"connection: close"} <= set(lines)
    assert any(line.startswith(b"date: ") and line.endswith(b" GMT") for line in lines)


def test_requests_that_come_at_once_are_answered_in_turn() -> None:
    async def slow_first(incoming: Incoming) -> Response:
        if incoming.target == b"/1":
            await asyncio.sleep(0.02)
        return await echo(incoming)

    sent = post(b"a", path="/1") + post(b"b", path="/2") + post(b"c", LAST, path="/3") + post(b"d", path="/4")
    answers = talk(sent, slow_first).split(b"HTTP/1.1 ")[1:]
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in answers] == [b"POST /1 a", b"POST /2 b", b"POST /3 c"]


def test_a_body_may_come_in_chunks() -> None:
    head = b"POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert talk(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").endswith(b"POST /p abcde")


def test_who_waits_to_be_asked_is_asked() -> None:
    async def run() -> bytes:
        async with Place(echo) as place:
            reader, writer = await place.connect()
            writer.write(post(b"", "Expect: 100-continue", LAST).replace(b"Content-Length: 0", b"Content-Length: 2"))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"ab")
            return await reader.read()

    assert asyncio.run(run()).endswith(b"POST /p ab")


def test_heads_are_answered_without_a_body() -> None:
    answer = talk(b"HEAD /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert b"content-length: 8" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_an_old_client_reads_until_the_connection_ends() -> None:
    async def stream(_: Incoming) -> Response:
        return Response(200, {}, parts(b"one", b"two"))

    head, _, body = talk(post(b"", version="1.0"), stream).partition(b"\r\n\r\n")
    assert body == b"onetwo"
    assert b"chunked" not in head


async def parts(*pieces: bytes | Exception) -> AsyncIterator[bytes]:
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        yield piece


def test_what_streams_is_sent_in_chunks() -> None:
    async def stream(_: Incoming) -> Response:
        return Response(200, {}, parts(b"one", b"", b"two"))

    assert talk(post(b"", LAST), stream).endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_a_stream_that_breaks_off_is_not_taken_for_a_whole(caplog: pytest.LogCaptureFixture) -> None:
    async def stream(_: Incoming) -> Response:
        return Response(200, {}, parts(b"one", RuntimeError("gone")))

    async def short(_: Incoming) -> Response:
        return Response(200, {"Content-Length": "6"}, parts(b"one"))

    for respond in (stream, short):
        with contextlib.suppress(ConnectionResetError):
            assert not talk(post(b""), respond).endswith(b"0\r\n\r\n")
    assert "broke off" in caplog.text


def test_what_stands_behind_a_body_is_not_of_the_next_request() -> None:
    seen = []

    async def look(incoming: Incoming) -> Response:
        seen.append(dict(incoming.fields))
        return await echo(incoming)

    head = b"POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    talk(head + b"1\r\na\r\n0\r\nAuthorization: mine\r\n\r\n" + post(b"", LAST), look)
    assert len(seen) == 2
    assert b"Authorization" not in seen[1]


@pytest.mark.parametrize("more", [b"X-Trailer: ", b"X-Trailer: t\r\n"])
def test_what_stands_behind_a_body_has_an_end(more: bytes) -> None:
    head = b"POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert talk(head + b"1\r\na\r\n0\r\n" + more * 60_000).endswith(b"broke off")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello, who is there?\r\n\r\n", b"400"),
        (b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", b"400"),
        (b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\nabc", b"400"),
        (b"POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\na: " + b"b" * 400_000, b"431"),
        (b"GET /" + b"b" * 400_000, b"431"),
    ],
)
def test_what_cannot_be_read_is_refused_and_the_connection_ends(sent: bytes, status: bytes) -> None:
    assert talk(sent)[9:12] == status


def test_a_header_cannot_begin_another() -> None:
    async def bent(_: Incoming) -> Response:
        return Response(200, {"a": "b\r\nset-cookie: c"}, b"")

    answer = talk(post(b"", LAST), bent)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\na: b  set-cookie: c\r\n" in answer


def test_a_refused_body_is_read_and_dropped_so_that_the_refusal_is_seen() -> None:
    async def refuse(_: Incoming) -> Response:
        return Response(413, {}, b"too large")

    async def run() -> bytes:
        async with Place(refuse) as place:
            reader, writer = await place.connect()
            writer.write(post(b"").replace(b"Content-Length: 0", b"Content-Length: 30000000"))
            for _ in range(30):
                writer.write(bytes(1_000_000))
                await writer.drain()
            return await reader.read()

    answer = asyncio.run(run())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"too large")


@pytest.mark.parametrize("sent", [b"", b"POST /p HT", post(b"a")])
def test_the_silent_are_left(sent: bytes) -> None:
    async def run() -> bytes:
        async with Place(echo) as place:
            reader, writer = await place.connect()
            writer.write(sent)
            await place.look(bounds.HEAD_S - 1)
            assert len(place.open) == 1
            await place.look(bounds.IDLE_S)
            return await reader.read()

    answer = asyncio.run(run())
    assert (b"408" in answer) == (sent == b"POST /p HT")


def test_a_body_that_drips_is_not_waited_for() -> None:
    async def run() -> bytes:
        async with Place(echo) as place:
            reader, writer = await place.connect()
            writer.write(post(b"").replace(b"Content-Length: 0", b"Content-Length: 1000"))
            for _ in range(8):
                writer.write(b".")
                await place.look(bounds.BODY_S / 6)
            return await reader.readuntil(b"broke off")

    assert asyncio.run(run()).startswith(b"HTTP/1.1 400 ")


def test_a_slow_body_that_keeps_coming_is_waited_for() -> None:
    async def run() -> bytes:
        async with Place(echo) as place:
            reader, writer = await place.connect()
            rate = bounds.BODY_RATE * 10
            writer.write(post(b"", LAST).replace(b"Content-Length: 0", f"Content-Length: {rate * 20}".encode()))
            for _ in range(20):
                writer.write(bytes(rate))
                await place.look(10)
            return await reader.read()

    assert b"HTTP/1.1 200 OK" in asyncio.run(run())


def test_who_leaves_while_a_body_comes_is_noticed() -> None:
    seen: list[Any] = []

    async def watch(incoming: Incoming) -> Response:
        seen.append(await echo(incoming))
        return Response(200)

    async def run() -> None:
        async with Place(watch) as place:
            _, writer = await place.connect()
            writer.write(post(b"abc").replace(b"Content-Length: 3", b"Content-Length: 9"))
            await settle()
            writer.close()
            await until(lambda: not place.open)

    asyncio.run(run())
    assert seen[0].body == b"broke off"


def test_who_leaves_while_an_answer_streams_ends_it() -> None:
    ended = []

    async def forever() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.sleep(1000)
        finally:
            ended.append(True)

    async def stream(_: Incoming) -> Response:
        return Response(200, {}, forever())

    async def run() -> None:
        async with Place(stream) as place:
            reader, writer = await place.connect()
            writer.write(post(b""))
            await reader.readuntil(b"first")
            writer.close()
            await until(lambda: bool(ended))

    asyncio.run(run())
    assert ended == [True]


def test_who_does_not_read_holds_little_and_not_for_long() -> None:
    made = []

    async def much() -> AsyncIterator[bytes]:
        for number in range(1000):
            made.append(number)
            yield bytes(1_000_000)

    async def stream(_: Incoming) -> Response:
        return Response(200, {}, much())

    async def run() -> None:
        async with Place(stream) as place:
            _, writer = await place.connect()
            writer.write(post(b""))
            await until(lambda: bool(made))
            await place.look(bounds.READER_S + 1)
            assert len(made) < 20
            await until(lambda: not place.open)

    asyncio.run(run())


def test_a_server_that_ends_lets_the_last_answer_out() -> None:
    go = asyncio.Event()

    async def slow(_: Incoming) -> Response:
        await go.wait()
        return Response(200, {}, b"done")

    async def run() -> bytes:
        async with Place(slow) as place:
            busy, idle = await place.connect(), await place.connect()
            busy[1].write(post(b""))
            await settle()
            for each in tuple(place.open):
                each.shutdown()
            assert await idle[0].read() == b""
            go.set()
            return await busy[0].read()

    assert asyncio.run(run()).endswith(b"done")
