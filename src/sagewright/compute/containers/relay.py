"""Carries connections from one address to another: `python -I -S relay.py READY POOL FROM TO [FROM TO …]`.

It runs in a container that has a network namespace, which the task's own joins: an image listens there on TCP, and we
reach it by a Unix socket; the task asks this server at an address of its own, and a Unix socket leads out. Addresses
are `tcp:PORT` (of the loopback interface) and `unix:PATH`. The file READY is made when it listens everywhere.
POOL is where other jobs' networks are, `10.208.0.0/13`: no way leads there; '' where the engine sees to that itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Sequence

READY, DOOR = "ready", "platform.sock"
"""In a porch's folder: the file that says that it listens, the socket that leads to this server."""
NOT_REACHED = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Sagewright-Task: not-reached\r\n"
    b"Connection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)
"""What is said in the place of a task that is not reached, here and on the way to nodes (`ray_cluster/relay.py`): by
the header, which the data plane's connections know too, who asks knows that no model has heard the request, and may ask
another one (ADR 0045). It stands in this file because this file runs alone."""
_TURNED_AWAY = 5.0
"""Seconds that who is turned away has to hear of it."""
_PIECE = 1 << 18
_ADD_ROUTE, _UP, _REJECT = 0x890B, 0x1, 0x200
"""Of the kernel's `route` interface: struct rtentry and its flags."""


def listen(address: str) -> socket.socket:
    """A listening socket at the address."""
    kind, _, where = address.partition(":")
    if kind == "tcp":
        return socket.create_server(("127.0.0.1", int(where)), backlog=512)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(where)
    server = socket.socket(socket.AF_UNIX)
    server.bind(where)
    server.listen(512)
    return server


def connect(address: str) -> socket.socket:
    """Raises OSError."""
    kind, _, where = address.partition(":")
    if kind == "tcp":
        host, _, port = where.rpartition(":")
        found = socket.create_connection((host or "127.0.0.1", int(port)))
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found
    found = socket.socket(socket.AF_UNIX)
    try:
        found.connect(where)
    except OSError:
        found.close()
        raise
    return found


def carry(server: socket.socket, to: str) -> None:
    """Take connections for ever, each with threads of its own. Who cannot be connected is told so."""
    while True:
        try:
            client, _ = server.accept()
        except ConnectionError:
            continue
        except OSError:
            return  # closed
        threading.Thread(target=_join, args=(client, to), daemon=True).start()


def _join(client: socket.socket, to: str) -> None:
    try:
        other = connect(to)
    except OSError:
        _turn_away(client)
        return
    back = threading.Thread(target=_pour, args=(other, client), daemon=True)
    back.start()
    _pour(client, other)
    back.join()
    client.close()
    other.close()


def _turn_away(client: socket.socket) -> None:
    """Say so, and read whatever is sent all the same: a close before would take it back."""
    with client, contextlib.suppress(OSError):
        client.settimeout(_TURNED_AWAY)
        client.sendall(NOT_REACHED)
        client.shutdown(socket.SHUT_WR)
        while client.recv(_PIECE):
            pass


def _pour(source: socket.socket, target: socket.socket) -> None:
    """Until the source has said all. Then the target hears no more, but may still answer."""
    piece = memoryview(bytearray(_PIECE))
    try:
        while count := source.recv_into(piece):
            target.sendall(piece[:count])
        target.shutdown(socket.SHUT_WR)
    except OSError:  # one side is gone: so is the other
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def keep_apart(pool: str) -> None:
    """Let nothing go to the addresses of `pool`, save those of our own network, to which a closer way leads.

    Answers are held as well, so nobody comes from there either.
    """
    place, _, bits = pool.partition("/")
    mask = socket.inet_ntoa(struct.pack(">I", 0xFFFFFFFF << (32 - int(bits)) & 0xFFFFFFFF))
    target, nowhere, genmask = (
        struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(each))
        for each in (place, "0.0.0.0", mask)  # noqa: S104
    )
    route = struct.pack("=Q16s16s16sHh4xQQh6xQQQH6x", 0, target, nowhere, genmask, _UP | _REJECT, *[0] * 8)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        fcntl.ioctl(asker, _ADD_ROUTE, route)


def main(ready: str, pool: str, pairs: Sequence[str]) -> None:
    """Serve all pairs until killed."""
    if pool:
        keep_apart(pool)
    work: list[Callable[[], None]] = []
    for number in range(0, len(pairs), 2):
        server, to = listen(pairs[number]), pairs[number + 1]
        work.append(lambda server=server, to=to: carry(server, to))  # type: ignore[misc]
    with open(ready, "w"):
        pass
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], sys.argv[3:])
    except OSError as failure:
        with open(f"{sys.argv[1]}-not", "w") as file:
            file.write(str(failure))
        sys.exit(1)
