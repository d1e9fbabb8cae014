"""Networks of jobs' own: what is reached from them, and that nothing of them is left."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sagewright.compute import keeper, sandbox
from sagewright.compute.networks import Access, Networks

pytestmark = pytest.mark.skipif(sandbox.available() is not None, reason=str(sandbox.available()))

INSIDE = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
for fd, kind in ((int(sys.argv[1]), 0x10000000), (int(sys.argv[2]), 0x40000000)):
    assert libc.setns(fd, kind) == 0
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Platform(BaseHTTPRequestHandler):
    """Says what it was asked, and gives back what it was given."""

    def do_GET(self) -> None:
        told = f"{self.path} {self.headers['host']} {self.headers['connection']} {self.headers['x-mine']}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Platform) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def within(access: Access, *command: str, **options: Any) -> str:
    """What a program says that runs in the network."""
    fds = (access.user, access.network)
    done = subprocess.run(
        [sys.executable, "-c", INSIDE, *map(str, fds), *command],
        pass_fds=fds,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    said: str = done.stdout or done.stderr
    return said


def leave(access: Access) -> None:
    for fd in access.descriptors():
        os.close(fd)


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_platform_is_reached_and_nothing_else(tmp_path: Path, port: int) -> None:
    networks = Networks(tmp_path / ("long-" * 20) / "networks", ("127.0.0.1", port))
    access = networks.join("job", reaches_platform=True, metadata="/_sagewright/metadata/GRANT")
    try:
        with socket.create_server(("127.0.0.1", 0)) as other:
            curl = ("curl", "-sS", "-m", "20", "-H", "x-mine: 1")
            here = f"127.0.0.1:{port}"
            assert within(access, *curl, f"http://{here}/bucket/key") == f"/bucket/key {here} None 1"
            told = within(access, *curl, "http://169.254.169.254/latest/meta-data/")
            assert told == f"/_sagewright/metadata/GRANT/latest/meta-data/ {here} close 1"
            for address in (f"127.0.0.1:{other.getsockname()[1]}", "169.254.169.254:8080", "192.0.2.1"):
                assert "Failed to connect" in within(access, *curl, f"http://{address}/")
    finally:
        leave(access)


def test_much_is_carried_both_ways(tmp_path: Path, port: int) -> None:
    networks = Networks(tmp_path / "networks", ("127.0.0.1", port))
    access = networks.join("job", reaches_platform=True, metadata="")
    try:
        sent = tmp_path / "sent"
        sent.write_bytes(os.urandom(1 << 20) * 24)
        got = [tmp_path / f"got-{number}" for number in range(3)]
        transfers = [
            word
            for path in got
            for word in ("-o", str(path), "--data-binary", f"@{sent}", f"http://127.0.0.1:{port}/", "--next")
        ]
        within(access, "curl", "-sS", *transfers[:-1])
        assert all(path.read_bytes() == sent.read_bytes() for path in got)
        assert "Failed to connect" in within(access, "curl", "-sS", "http://169.254.169.254/")
    finally:
        leave(access)


def test_those_who_join_one_network_are_together_and_it_goes_with_the_last(tmp_path: Path) -> None:
    folder = tmp_path / "networks"
    networks, restarted = Networks(folder, ("", 0)), Networks(folder, ("", 0))
    found: list[Access] = []
    gate = threading.Barrier(4)

    def join(who: Networks) -> None:
        gate.wait()
        found.append(who.join("job", reaches_platform=False, metadata=""))

    threads = [threading.Thread(target=join, args=(who,)) for who in (networks, restarted) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other = networks.join("other", reaches_platform=False, metadata="")
    identities = [os.fstat(each.network).st_ino for each in (*found, other)]
    assert len(set(identities[:4])) == 1
    assert identities[4] != identities[0]
    for each in found:
        leave(each)
    until(lambda: len(list(folder.iterdir())) == 1)
    leave(other)
    until(lambda: not list(folder.iterdir()))


def test_what_a_killed_keeper_left_is_tidied(tmp_path: Path) -> None:
    place = tmp_path / "networks" / "0123456789abcdef"
    place.mkdir(parents=True)
    (place / "door").touch()
    networks = Networks(tmp_path / "networks", ("", 0))
    networks.tidy()
    assert not place.exists()


@pytest.mark.parametrize("request_", [b"nonsense\r\n\r\n", b"GET http://other/ HTTP/1.1\r\n\r\n", b"\r\n\r\n"])
def test_what_is_no_request_goes_nowhere(request_: bytes) -> None:
    with pytest.raises(OSError):  # noqa: PT011  # whatever it says, nobody reads it
        keeper.rewritten(request_, {"endpoint": ("127.0.0.1", 1), "metadata": b"/m"})


def test_a_request_keeps_its_headers_and_its_body() -> None:
    given = b"PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\nCONNECTION: keep-alive\r\nX-A: b\r\n\r\nrest"
    expected = b"PUT /m/latest/api/token HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\nX-A: b\r\n\r\nrest"
    assert keeper.rewritten(given, {"endpoint": ("h", 1), "metadata": b"/m"}) == expected
