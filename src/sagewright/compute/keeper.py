"""Keeps the network that the tasks of one job share: `python -I -S keeper.py <socket>`, started by `networks.py`.

Whoever connects to the socket is given the network's namespaces, and counts as long as the connection is open; the
keeper outlives the server, and goes when the last one has gone. With it goes the network.

The network has a loopback interface and nothing else. What listens in it is this process, from outside: at the address
of the platform's endpoint, each connection is carried to the real one; at 169.254.169.254, where machines on AWS ask
who they are, to the endpoint's own page of that. A task can choose no other destination.

File descriptors it is given:
    0   the order, written with marshal: it holds a secret, so it has no name on disk
    1   2   where its failures go
    3   a lock that it holds while it lives
"""

import array
import contextlib
import fcntl
import marshal
import os
import select
import socket
import struct
import sys

TYPE_CHECKING = False  # type checkers know the name; `typing` itself would cost 10 ms
if TYPE_CHECKING:
    from typing import TypedDict

    class Order(TypedDict):
        """What is to be reached from the network."""

        endpoint: tuple[str, int]
        """The platform's address and port; a port of 0 for nothing."""
        metadata: bytes
        """Path at the endpoint under which it tells about the job; empty for none."""


LOCK = 3
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
METADATA = "169.254.169.254"
FIRST_GUEST = 30
"""Seconds to wait for whoever had us started."""
MOST = 1024
"""Connections at once; more are refused."""
PIECE = 1 << 18
LONGEST_HEAD = 1 << 14


class Side:
    """One end of a carried connection. `waiting` is to be written to it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.peer: Side = self
        self.waiting = b""
        self.ended = False
        self.head: bytearray | None = None
        """What came of a request's head, where it is to be rewritten."""
        self.events = 0


class Relay:
    """Carries bytes between what is accepted in the network and the endpoint."""

    def __init__(self, order: "Order", listeners: "dict[socket.socket, bool]") -> None:
        """`listeners`: whether requests for metadata come in there."""
        self._order = order
        self._listeners = {each.fileno(): (each, metadata) for each, metadata in listeners.items()}
        self._poll = select.epoll()
        self._sides: dict[int, Side] = {}
        self._guests: dict[int, socket.socket] = {}
        for fd in self._listeners:
            self._poll.register(fd, select.EPOLLIN)

    def run(self, door: socket.socket, namespaces: "list[int]") -> None:
        """Until the last guest has gone."""
        self._poll.register(door.fileno(), select.EPOLLIN)
        come = False
        while self._guests or not come:
            ready = self._poll.poll(-1 if come else FIRST_GUEST)
            if not ready and not come:
                return
            for fd, events in ready:
                if fd == door.fileno():
                    come = self._welcome(door, namespaces) or come
                elif fd in self._listeners:
                    self._accept(*self._listeners[fd])
                elif fd in self._guests:
                    self._part(fd)
                elif fd in self._sides:
                    self._carry(self._sides[fd], events)

    def _welcome(self, door: socket.socket, namespaces: "list[int]") -> bool:
        guest, _ = door.accept()
        try:
            socket.send_fds(guest, [b"."], namespaces)
        except OSError:
            guest.close()
            return False
        guest.setblocking(False)
        self._guests[guest.fileno()] = guest
        self._poll.register(guest.fileno(), select.EPOLLIN | select.EPOLLRDHUP)
        return True

    def _part(self, fd: int) -> None:
        try:
            if self._guests[fd].recv(64):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._poll.unregister(fd)
        self._guests.pop(fd).close()

    def _accept(self, listener: socket.socket, metadata: bool) -> None:
        try:
            inner, _ = listener.accept()
        except OSError:
            return
        if len(self._sides) >= 2 * MOST:
            inner.close()
            return
        try:
            family = socket.AF_INET6 if ":" in self._order["endpoint"][0] else socket.AF_INET
            outer = socket.socket(family)
        except OSError:
            inner.close()
            return
        for sock in (inner, outer):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        outer.connect_ex(self._order["endpoint"])
        one, other = Side(inner), Side(outer)
        one.peer, other.peer = other, one
        if metadata:
            one.head = bytearray()
        for side in (one, other):
            self._sides[side.sock.fileno()] = side
            self._attend(side)

    def _carry(self, side: Side, events: int) -> None:
        try:
            if events & (select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP):
                self._write(side)
            if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and self._reads(side):
                self._read(side)
        except OSError:
            self._close(side)
            return
        if side.ended and side.peer.ended and not side.waiting and not side.peer.waiting:
            self._close(side)
            return
        self._attend(side)
        self._attend(side.peer)

    def _reads(self, side: Side) -> bool:
        return not side.ended and not side.peer.waiting

    def _read(self, side: Side) -> None:
        try:
            data = side.sock.recv(PIECE)
        except BlockingIOError:
            return
        if not data:
            side.ended = True
            self._finish(side.peer)
            return
        if side.head is not None:
            side.head += data
            if len(side.head) > LONGEST_HEAD:
                raise OSError
            if b"\r\n\r\n" not in side.head:
                return
            data, side.head = rewritten(bytes(side.head), self._order), None
        side.peer.waiting = data
        self._write(side.peer)

    def _write(self, side: Side) -> None:
        if side.waiting:
            try:
                side.waiting = side.waiting[side.sock.send(side.waiting) :]
            except BlockingIOError:
                return
        self._finish(side)

    def _finish(self, side: Side) -> None:
        """Tell one end that the other has said everything."""
        if side.peer.ended and not side.waiting:
            with contextlib.suppress(OSError):  # it has gone already
                side.sock.shutdown(socket.SHUT_WR)

    def _attend(self, side: Side) -> None:
        wanted = (select.EPOLLIN if self._reads(side) else 0) | (select.EPOLLOUT if side.waiting else 0)
        if wanted == side.events:
            return
        fd = side.sock.fileno()
        # What nothing is wanted of is not registered: its end would be told again and again.
        if not wanted:
            self._poll.unregister(fd)
        elif not side.events:
            self._poll.register(fd, wanted)
        else:
            self._poll.modify(fd, wanted)
        side.events = wanted

    def _close(self, side: Side) -> None:
        for each in (side, side.peer):
            fd = each.sock.fileno()
            if each.events:
                self._poll.unregister(fd)
                each.events = 0
            self._sides.pop(fd, None)
            each.sock.close()


def rewritten(request: bytes, order: "Order") -> bytes:
    """A request for metadata as the endpoint takes it: below its own path, and one on a connection. Raises OSError for
    what is none."""
    head, end, rest = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3 or not words[1].startswith(b"/"):
        raise OSError
    kept = [line for line in lines if not line.lower().startswith((b"host:", b"connection:"))]
    host = "{}:{}".format(*order["endpoint"]).encode()
    words[1] = order["metadata"] + words[1]
    return b"\r\n".join([b" ".join(words), b"Host: " + host, b"Connection: close", *kept]) + end + rest


def make_network(order: "Order") -> "tuple[list[int], dict[socket.socket, bool]]":
    """A user namespace and a network namespace, and what listens in the latter. They are made by a child, because
    whoever makes them is in them."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            namespaces, listeners = in_network(order)
            socket.send_fds(theirs, [b"."], [*namespaces, *(each.fileno() for each in listeners)])
            os._exit(0)
        except BaseException as problem:  # noqa: BLE001  # nothing may get past the fork
            os.write(2, f"no network could be made: {problem}\n".encode())
        finally:
            os._exit(1)
    theirs.close()
    _, descriptors, _, _ = socket.recv_fds(ours, 1, 8)
    os.waitpid(child, 0)
    ours.close()
    if len(descriptors) < 2:
        raise OSError("the child that makes the network failed")
    listeners = [socket.socket(fileno=fd) for fd in descriptors[2:]]
    for each in listeners:
        each.setblocking(False)
    return descriptors[:2], {each: number == 1 for number, each in enumerate(listeners)}


def in_network(order: "Order") -> "tuple[list[int], list[socket.socket]]":
    """In the child: be in a new network, and listen there."""
    import ctypes

    uid, gid = os.geteuid(), os.getegid()
    if ctypes.CDLL(None).unshare(CLONE_NEWUSER | CLONE_NEWNET):
        raise OSError("this user may make no network namespaces")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    namespaces = [os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name in ("user", "net")]
    interface("lo")
    host, port = order["endpoint"]
    if not port:
        return namespaces, []
    if ":" not in host and not host.startswith("127."):
        interface("lo:1", host)
    listeners = [listen(host, port)]
    if order["metadata"]:
        interface("lo:2", METADATA)
        listeners.append(listen(METADATA, 80))
    return namespaces, listeners


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


def interface(name: str, address: str = "") -> None:
    """Give the loopback interface another address, or set it up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        if address:
            for request, value in ((0x8916, address), (0x891C, "255.255.255.255")):  # SIOCSIFADDR, SIOCSIFNETMASK
                place = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(value))
                fcntl.ioctl(sock, request, struct.pack("16s16s8x", name.encode(), place))
        flags = array.array("b", struct.pack("16sH22x", name.encode(), 0x41))  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(sock, 0x8914, flags)  # SIOCSIFFLAGS


def main() -> None:
    if os.fork():
        os._exit(0)  # whoever started us waits for that, and has no child to look after
    os.set_inheritable(LOCK, False)
    path = sys.argv[1]
    with open(0, "rb", closefd=False) as file:
        order: Order = marshal.loads(file.read())  # noqa: S302  # from our own parent
    os.dup2(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), 0)
    namespaces, listeners = make_network(order)
    folder, name = os.path.split(path)
    os.chdir(folder)  # the name of a socket may have some hundred bytes
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(name)
        door.listen(64)
        Relay(order, listeners).run(door, namespaces)
    for each in (name, "log", "lock"):
        os.unlink(each)
    os.rmdir(folder)


if __name__ == "__main__":
    main()
    os._exit(0)
