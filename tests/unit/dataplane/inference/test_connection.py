"""Model servers as they are: quick, slow, gone in the middle, or talking nonsense."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest

from sagewright.compute.containers.relay import NOT_REACHED
from sagewright.dataplane.inference import connection
from sagewright.dataplane.inference.ask import Reply
from sagewright.dataplane.inference.connection import Pool, Unreachable
from sagewright.testing.clock import pass_time

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ASK = b"POST /invocations HTTP/1.1\r\nHost: model\r\nContent-Length: 2\r\n\r\nhi"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def model(behave: Behave) -> AsyncIterator[Pool]:
    """A pool to a server that behaves so on each connection, and what it was asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behave(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.sock")
        server = await asyncio.start_unix_server(serve, path)
        pool = Pool(path)
        try:
            yield pool
        finally:
            pool.close()
            server.close()
            await asyncio.sleep(0)


def says(*answers: bytes) -> Behave:
    """Reads a request before each answer, then closes."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readexactly(len(ASK))
            writer.write(answer)

    return behave


def exchanged(behave: Behave, *, times: int = 1, timeout: float = 10) -> list[Reply]:
    async def run() -> list[Reply]:
        async with model(behave) as pool:
            return [await pool.exchange(ASK, timeout=timeout) for _ in range(times)]

    return asyncio.run(run())


def whole(body: bytes) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n" % len(body) + body


def test_one_connection_serves_many_requests() -> None:
    assert [reply.body for reply in exchanged(says(whole(b"a"), whole(b"b")), times=2)] == [b"a", b"b"]


def test_names_of_headers_are_lower_case() -> None:
    assert exchanged(says(whole(b"")))[0].headers == {"content-type": "text/plain", "content-length": "0"}


def test_an_interim_answer_is_not_the_answer() -> None:
    (reply,) = exchanged(says(b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\n" + whole(b"a")))
    assert (reply.status, reply.body, "x" in reply.headers) == (200, b"a", False)


def test_an_answer_may_end_with_its_connection() -> None:
    assert exchanged(says(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"))[0].body == b"until the end"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"I am a teapot\r\n\r\n", "does not speak HTTP"),
        (OK + b"Content-Length: 10\r\n\r\nshort", "closed the connection"),
        (OK + b"Content-Length: no number\r\n\r\n", "does not speak HTTP"),
        (CHUNKED + b"zz\r\n", "does not speak HTTP"),
        (CHUNKED + b"5\r\nab", "closed the connection"),
        (b"", "closed the connection"),
        (OK + b"a: b\r\n" * 60_000, "head of the model server's answer"),
        (OK + b"a: " + b"b" * 300_000, "head of the model server's answer"),
    ],
)
def test_nonsense_is_told_apart(answer: bytes, sentence: str) -> None:
    with pytest.raises(Unreachable, match=sentence) as caught:
        exchanged(says(answer))
    assert caught.value.sent


def test_an_answer_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_BODY", 100_000)
    with pytest.raises(Unreachable, match="more than 100000 bytes"):
        exchanged(says(CHUNKED + b"186a1\r\n" + bytes(100_001) + b"\r\n"))


def test_a_server_that_is_not_there_was_sent_nothing() -> None:
    with pytest.raises(Unreachable) as caught:
        asyncio.run(Pool("/nowhere/model.sock").exchange(ASK, timeout=1))
    assert not caught.value.sent


@pytest.mark.parametrize("streams", [False, True])
def test_who_stands_in_its_stead_may_say_that_it_was_sent_nothing(streams: bool) -> None:
    async def run() -> None:
        async with model(says(NOT_REACHED)) as pool:
            if streams:
                await pool.stream(ASK, timeout=60, total=60)
            else:
                await pool.exchange(ASK, timeout=60)

    with pytest.raises(Unreachable) as caught:
        asyncio.run(run())
    assert not caught.value.sent


def test_a_model_may_be_unavailable_in_its_own_words() -> None:
    (reply,) = exchanged(says(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"))
    assert reply.status == 503


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


def test_one_that_hangs_is_left() -> None:
    with pytest.raises(TimeoutError):
        exchanged(hang, timeout=0.02)


class Watch:
    """An event loop whose clock stands still, and what it was to do when."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, Callable[[], None]]] = []
        self.create_future = asyncio.get_running_loop().create_future

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> Mock:
        self.due.append((when, call))
        return Mock(when=lambda: when)

    def go_to(self, now: float) -> None:
        self.now = now
        due, self.due = self.due, []
        for when, call in due:
            if when <= now:
                call()
            else:
                self.due.append((when, call))


def test_the_time_of_an_earlier_request_does_not_count() -> None:
    async def run() -> None:
        watch = Watch()
        made = connection._Connection(cast(Any, watch))
        made.connection_made(Mock())
        first = made.exchange(ASK, 10)
        watch.go_to(9)
        made.data_received(whole(b"a"))
        second = made.exchange(ASK, 10)
        assert len(watch.due) == 1  # one alarm for all requests
        watch.go_to(18)
        assert (first.result().body, second.done()) == (b"a", False)
        watch.go_to(19)
        assert isinstance(second.exception(), TimeoutError)

    asyncio.run(run())


def test_what_nobody_asked_for_ends_the_connection() -> None:
    async def run() -> bytes:
        async with model(says(whole(b"a") + whole(b"stray"), whole(b"b"))) as pool:
            await pool.exchange(ASK, timeout=60)
            await asyncio.sleep(0.01)
            return (await pool.exchange(ASK, timeout=60)).body

    # Never the stray one: it would be the answer to somebody else's question.
    assert asyncio.run(run()) == b"a"


# Streams.


def test_pieces_are_there_before_the_end() -> None:
    go = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await reader.readexactly(len(ASK))
            writer.write(CHUNKED + b"3\r\none\r\n")
            await go.wait()
            writer.write(b"3\r\ntwo\r\n0\r\n\r\n")

    async def run() -> list[bytes]:
        async with model(behave) as pool:
            stream = await pool.stream(ASK, timeout=60, total=60)
            assert (stream.status, stream.headers["content-type"]) == (200, "text/plain")
            pieces = [await anext(stream)]
            go.set()
            pieces += [piece async for piece in stream]
            # Read to its end, the connection serves the next.
            again = await pool.stream(ASK, timeout=60, total=60)
            return [*pieces, b"".join([piece async for piece in again])]

    assert asyncio.run(run()) == [b"one", b"two", b"onetwo"]


def test_a_stream_that_breaks_off_gives_what_came_first() -> None:
    async def run() -> None:
        async with model(says(CHUNKED + b"3\r\none\r\n")) as pool:
            stream = await pool.stream(ASK, timeout=60, total=60)
            assert await anext(stream) == b"one"
            with pytest.raises(Unreachable, match="closed the connection"):
                await anext(stream)

    asyncio.run(run())


@pytest.mark.parametrize(("pause", "total"), [(600, 3600), (3600, 600)])
def test_a_stream_that_stops_is_left(pause: float, total: float) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(ASK))
        writer.write(CHUNKED + b"3\r\none\r\n")
        await reader.read()

    async def run() -> None:
        async with model(behave) as pool:
            stream = await pool.stream(ASK, timeout=pause, total=total)
            assert await anext(stream) == b"one"
            asyncio.get_running_loop().call_soon(pass_time, 600)
            with pytest.raises(TimeoutError):
                await anext(stream)

    asyncio.run(run())


def test_a_stream_that_never_lacks_pieces_is_left_in_the_end() -> None:
    gone = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(ASK))
        writer.write(CHUNKED + 2 * b"3\r\none\r\n")
        await reader.read()
        gone.set()

    async def run() -> None:
        async with model(behave) as pool:
            stream = await pool.stream(ASK, timeout=60, total=600)
            while not stream._connection._pieces:
                await asyncio.sleep(0.001)
            pass_time(600)
            with pytest.raises(TimeoutError):
                await anext(stream)
            await asyncio.wait_for(gone.wait(), 60)

    asyncio.run(run())


def test_a_stream_that_nobody_reads_is_ended_at_the_server() -> None:
    gone = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(ASK))
        writer.write(CHUNKED)
        await reader.read()
        gone.set()

    async def run() -> None:
        async with model(behave) as pool:
            stream = await pool.stream(ASK, timeout=60, total=60)
            await stream.aclose()
            await asyncio.wait_for(gone.wait(), 60)

    asyncio.run(run())


def test_a_server_that_is_not_read_has_to_wait() -> None:
    sent = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readexactly(len(ASK))
        writer.write(CHUNKED)
        for _ in range(200):
            writer.write(b"186a0\r\n" + bytes(100_000) + b"\r\n")
            await writer.drain()
            sent += 1
        writer.write(b"0\r\n\r\n")

    async def run() -> int:
        async with model(behave) as pool:
            stream = await pool.stream(ASK, timeout=60, total=60)
            await asyncio.sleep(0.05)
            assert sent < 50
            return sum([len(piece) async for piece in stream])

    assert asyncio.run(run()) == 20_000_000
