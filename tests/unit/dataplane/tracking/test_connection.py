"""One exchange with a server on a Unix socket: whole answers, long ones, broken ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sagewright.dataplane.tracking import connection
from sagewright.dataplane.tracking.connection import Unreachable, exchange

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def ask(
    folder: Path, answering: Answering, method: str = "GET", body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    """The answer to a request, whole."""
    path = str(folder / "s")

    async def both() -> tuple[int, dict[str, str], bytes]:
        ended: list[asyncio.Event] = []

        async def to_its_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ended.append(asyncio.Event())
            with suppress(asyncio.IncompleteReadError, OSError):
                await answering(reader, writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            ended[-1].set()

        server = await asyncio.start_unix_server(to_its_end, path)
        try:
            answer = await exchange(path, method, "/x?y=1", [("host", "localhost")], body)
            if isinstance(answer.body, bytes):
                return answer.status, dict(answer.headers), answer.body
            return answer.status, dict(answer.headers), b"".join([piece async for piece in answer.body])
        finally:
            for each in ended:
                await each.wait()
            server.close()

    return asyncio.run(both())


def said(*pieces: bytes) -> Answering:
    """Reads the head of the request, says these pieces one after the other, hangs up."""

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    return answering


def test_a_short_answer_comes_whole(tmp_path: Path) -> None:
    answer = ask(tmp_path, said(b"HTTP/1.1 201 Created\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok"))
    assert answer == (201, {"x-a": "1", "content-length": "2"}, b"ok")


def test_a_long_answer_comes_piece_by_piece(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = [b"%x\r\n%b\r\n" % (5, b"abcde")] * 20
    assert ask(tmp_path, said(head, *pieces, b"0\r\n\r\n"))[2] == b"abcde" * 20


def test_an_answer_that_says_nothing_of_its_length_ends_with_the_connection(tmp_path: Path) -> None:
    answer = ask(tmp_path, said(b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n", b"abc", b"de"))
    assert answer == (200, {"x-a": "1"}, b"abcde")


def test_an_interim_answer_is_passed_over(tmp_path: Path) -> None:
    answer = ask(tmp_path, said(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    assert answer[0] == 200


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"])
def test_the_head_alone_is_an_answer(tmp_path: Path, head: bytes) -> None:
    assert ask(tmp_path, said(head), "HEAD")[2] == b""


def test_the_request_goes_out_whole(tmp_path: Path) -> None:
    got: list[bytes] = []

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readuntil(b"\r\n\r\n"))
        got.append(await reader.readexactly(3))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    ask(tmp_path, answering, "POST", b"abc")
    assert got == [
        b"POST /x?y=1 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\nconnection: close\r\n\r\n",
        b"abc",
    ]


@pytest.mark.parametrize(
    "pieces",
    [(), (b"HTTP/1.1 200 OK\r\n",), (b"nonsense\r\n\r\n",), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"abc")],
)
def test_what_breaks_off_is_no_answer(tmp_path: Path, pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(Unreachable):
        ask(tmp_path, said(*pieces))


def test_nobody_there_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        asyncio.run(exchange(str(tmp_path / "none"), "GET", "/", [], b""))


def test_silence_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "READ_TIMEOUT", 0.05)

    async def answering(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)

    with pytest.raises(TimeoutError):
        ask(tmp_path, answering)
