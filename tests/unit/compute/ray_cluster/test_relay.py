"""Sockets that stand for those of tasks on nodes: what is said where there is no way to the task."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagewright.compute.ray_cluster import relay
from sagewright.compute.ray_cluster.wire import Wire, admit
from sagewright.dataplane.inference.connection import Pool, Unreachable

TOKEN = "secret"
BODY = bytes(3 << 20)
"""More than a socket holds."""
REQUEST = b"POST /invocations HTTP/1.1\r\nHost: model\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
Program = subprocess.Popen[str]


@pytest.fixture
def program() -> Iterator[Program]:
    words = [sys.executable, "-m", relay.__name__]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        yield program
        program.kill()


@pytest.fixture
def warden() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def opened(program: Program, path: Path, warden: socket.socket) -> Path:
    """Have it listen there."""
    host, port = warden.getsockname()
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(json.dumps({"path": str(path), "host": host, "port": port, "token": TOKEN, "task": "t"}) + "\n")
    program.stdin.flush()
    assert program.stdout.readline() == "ready\n"
    return path


def asked(path: Path) -> Unreachable:
    """What becomes of a request."""
    with pytest.raises(Unreachable) as caught:
        asyncio.run(Pool(str(path)).exchange(REQUEST, timeout=60))
    return caught.value


def answering(warden: socket.socket, answer: dict[str, object], words: bytes = b"") -> threading.Thread:
    """A warden that gives one answer, and the words of a task; of what it is sent it gives back a byte, and leaves."""

    def answers() -> None:
        wire = Wire(warden.accept()[0])
        assert admit(wire, TOKEN)
        assert wire.receive() == {"op": "connect", "id": "t"}
        wire.send(answer)
        wire.sock.sendall(words)
        if said := wire.sock.recv(1):
            wire.sock.sendall(said if words else b"")
        wire.close()

    thread = threading.Thread(target=answers)
    thread.start()
    return thread


def test_a_task_that_does_not_listen_has_heard_nothing(tmp_path: Path, program: Program, warden: socket.socket) -> None:
    path = opened(program, tmp_path / "socket", warden)
    thread = answering(warden, {"refused": "no such task"})
    assert not asked(path).sent
    thread.join()
    assert not path.exists(), "who comes next is refused at once"


def test_nor_has_one_whose_node_is_gone(tmp_path: Path, program: Program, warden: socket.socket) -> None:
    path = opened(program, tmp_path / "socket", warden)
    warden.close()
    assert not asked(path).sent


def test_who_waits_while_another_one_finds_no_way_is_told_as_well(
    tmp_path: Path, program: Program, warden: socket.socket
) -> None:
    path = opened(program, tmp_path / "socket", warden)

    async def both() -> list[BaseException]:
        asking = [Pool(str(path)).exchange(REQUEST, timeout=60) for _ in range(8)]
        return [each for each in await asyncio.gather(*asking, return_exceptions=True) if isinstance(each, Unreachable)]

    warden.close()
    found = asyncio.run(both())
    assert [getattr(each, "sent", True) for each in found] == [False] * 8


def test_one_that_was_reached_may_have_heard_it(tmp_path: Path, program: Program, warden: socket.socket) -> None:
    path = opened(program, tmp_path / "socket", warden)
    thread = answering(warden, {"connected": True})
    assert asked(path).sent
    thread.join()


def test_one_whose_server_has_ended_carries_what_it_has_and_no_more(
    tmp_path: Path, program: Program, warden: socket.socket
) -> None:
    path = opened(program, tmp_path / "socket", warden)
    thread = answering(warden, {"connected": True}, b"here")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.settimeout(60)
        assert client.recv(4) == b"here"
        assert program.stdin is not None
        program.stdin.close()
        while path.exists():
            time.sleep(0.01)
        client.sendall(b"!")
        assert client.recv(4) == b"!"
    thread.join()
    assert program.wait(60) == 0


def test_sockets_that_come_after_those_of_a_broken_connection_are_heard() -> None:
    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        (client, one), (other, server) = socket.socketpair(), socket.socketpair()
        splicing = loop.create_task(relay.splice(one, other))
        numbers = {one.fileno(), other.fileno()}
        client.sendall(b"a request")
        await asyncio.to_thread(server.recv, 1, socket.MSG_PEEK)
        server.close()  # unread: that is a reset
        await splicing
        late, early = socket.socketpair()
        with client, late, early:
            assert {late.fileno(), early.fileno()} & numbers
            late.setblocking(False)
            early.setblocking(False)
            loop.call_later(0.05, early.send, b"!")
            loop.call_later(0.05, late.send, b"!")
            return b"".join(await asyncio.gather(loop.sock_recv(late, 1), loop.sock_recv(early, 1)))

    assert asyncio.run(asyncio.wait_for(run(), 60)) == b"!!"
