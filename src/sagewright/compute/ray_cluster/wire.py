"""What a server and the wardens of its nodes say to each other over TCP: JSON messages, and streams of bytes.

A frame is a kind (`j`: a message, `d`: a piece of a stream, `e`: its end), a length of four bytes, and so many bytes.
Both sides prove that they know the warden's token, which itself never crosses the network.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import secrets
import socket
import struct
from collections.abc import Mapping
from typing import Any, Final

_HEAD: Final = struct.Struct(">cI")
_MESSAGE, _PIECE, _END = b"j", b"d", b"e"
_LONGEST: Final = 64 << 20
"""Bytes of a message, at most."""
_PIECES: Final = 1 << 18
_NONCE: Final = 32
_GONE: Final = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 15_000}
"""When a machine that says nothing at all counts as gone, in the system's words: after some 15 seconds. Connections to
it break off then; else a request would wait for its answer until its own time is over."""


class Wire:
    """One connection. One thread at a time. Raises OSError (ConnectionError where the other side has left)."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _GONE.items():
            if hasattr(socket, name):  # of Linux
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def close(self) -> None:
        self.sock.close()

    def send(self, message: Mapping[str, Any]) -> None:
        data = json.dumps(message).encode()
        self.sock.sendall(_HEAD.pack(_MESSAGE, len(data)) + data)

    def receive(self) -> dict[str, Any]:
        kind, size = self._head()
        if kind != _MESSAGE or size > _LONGEST:
            raise ConnectionError(f"a message was expected, not {kind!r} of {size} bytes")
        message: dict[str, Any] = json.loads(self.exactly(size))
        return message

    def writer(self) -> Writer:
        """A stream to be written, and closed: that is its end."""
        return Writer(self.sock)

    def reader(self) -> Reader:
        """The stream that the other side writes next. It must be read to its end."""
        return Reader(self)

    def exactly(self, size: int) -> bytes:
        buffer = bytearray(size)
        view = memoryview(buffer)
        while view:
            count = self.sock.recv_into(view)
            if not count:
                raise ConnectionError("the other side has left")
            view = view[count:]
        return bytes(buffer)

    def _head(self) -> tuple[bytes, int]:
        kind, size = _HEAD.unpack(self.exactly(_HEAD.size))
        return kind, size


class Writer(io.RawIOBase):
    """The writing end of a stream."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _PIECES):
            piece = view[start : start + _PIECES]
            self._sock.sendall(_HEAD.pack(_PIECE, len(piece)) + piece)
        return len(view)

    def end(self) -> None:
        """Only a stream that is whole has an end: who fails half-way closes the connection."""
        self._sock.sendall(_HEAD.pack(_END, 0))


class Reader(io.RawIOBase):
    """The reading end of a stream."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._left = 0
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left and not self._ended:
            kind, self._left = _HEAD.unpack(self._wire.exactly(_HEAD.size))
            self._ended = kind == _END
            if kind not in (_PIECE, _END):
                raise ConnectionError(f"a piece of a stream was expected, not {kind!r}")
        if self._ended:
            return 0
        view = memoryview(buffer).cast("B")[: self._left]
        count = self._wire.sock.recv_into(view)
        if not count:
            raise ConnectionError("the other side has left")
        self._left -= count
        return count

    def drain(self) -> None:
        """Read what is left of it."""
        while self.read(_PIECES):
            pass


def greet(wire: Wire, token: str) -> None:
    """What who connects does first. Raises PermissionError where the other side does not take the token, or does not
    know it itself: it is about to be told secrets."""
    theirs, ours = wire.exactly(_NONCE), secrets.token_bytes(_NONCE)
    wire.sock.sendall(ours + _proof(token, b"server" + theirs))
    if not hmac.compare_digest(wire.exactly(_NONCE), _proof(token, b"warden" + ours)):
        raise PermissionError("the node's warden does not know this server, or is none")


def admit(wire: Wire, token: str) -> bool:
    """What who is connected to does first. Whether the other side knows the token."""
    ours = secrets.token_bytes(_NONCE)
    wire.sock.sendall(ours)
    theirs = wire.exactly(_NONCE)
    known = hmac.compare_digest(wire.exactly(_NONCE), _proof(token, b"server" + ours))
    wire.sock.sendall(_proof(token, b"warden" + theirs) if known else bytes(_NONCE))
    return known


def _proof(token: str, nonce: bytes) -> bytes:
    return hmac.digest(token.encode(), nonce, hashlib.sha256)
