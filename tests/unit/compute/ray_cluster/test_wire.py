"""Messages, streams and the proof of a token."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from sagewright.compute.ray_cluster.wire import Wire, admit, greet


@pytest.fixture
def pair() -> Iterator[tuple[Wire, Wire]]:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as one,
        server.accept()[0] as other,
    ):
        yield Wire(one), Wire(other)


def test_messages_and_streams_take_turns(pair: tuple[Wire, Wire]) -> None:
    one, other = pair
    data = os.urandom(3 << 20)

    def talk() -> None:
        one.send({"op": "first", "ü": [1, None]})
        for piece in (data, b""):
            stream = one.writer()
            stream.write(piece)
            stream.end()
        one.send({"op": "last"})

    thread = threading.Thread(target=talk)
    thread.start()
    assert other.receive() == {"op": "first", "ü": [1, None]}
    assert other.reader().readall() == data
    assert other.reader().readall() == b""
    assert other.receive() == {"op": "last"}
    thread.join()


def test_a_stream_without_its_end_is_an_error(pair: tuple[Wire, Wire]) -> None:
    one, other = pair
    one.writer().write(b"half")
    one.close()
    with pytest.raises(ConnectionError):
        other.reader().readall()


@pytest.mark.parametrize(("told", "known"), [("secret", True), ("guess", False), ("", False)])
def test_only_who_knows_the_token_is_admitted(pair: tuple[Wire, Wire], told: str, known: bool) -> None:
    one, other = pair
    admitted: list[bool] = []
    thread = threading.Thread(target=lambda: admitted.append(admit(other, "secret")))
    thread.start()
    if known:
        greet(one, told)
    else:
        with pytest.raises(PermissionError):
            greet(one, told)
    thread.join()
    assert admitted == [known]


def test_who_only_claims_to_be_a_warden_is_told_nothing(pair: tuple[Wire, Wire]) -> None:
    one, other = pair
    other.sock.sendall(bytes(64))  # a number, and what could be a proof
    with pytest.raises(PermissionError):
        greet(one, "secret")
