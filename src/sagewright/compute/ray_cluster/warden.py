"""A node's warden: the process that runs a server's tasks there, by the process engine, and outlives Ray's workers.

    <node folder>/<server>/<node>/lock       held while the warden lives
                                  address    where it listens, and its token; for this user's eyes only
                                  raylet     the process of Ray's that it lives with
                                  tasks/     the process engine's; <id>/ml, <id>/m0, … are what was brought
    <node folder>/<server>/blobs/            bytes of stored objects that nodes of this machine have fetched
    <node folder>/runtimes/                  Python environments (SAGEWRIGHT_RUNTIMES puts them elsewhere)

It ends with Ray's node, and its tasks before it: what a cluster counts as lost must not go on. The node folder is
~/.sagewright-node, or SAGEWRIGHT_NODE.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import secrets
import select
import shutil
import socket
import socketserver
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import psutil

from sagewright.base.errors import SagewrightError
from sagewright.compute.process import ProcessEngine
from sagewright.compute.ray_cluster.node import Node, engine
from sagewright.compute.ray_cluster.wire import Wire, admit

_LOG = logging.getLogger(__name__)
_PROOF: Final = 10.0
"""Seconds that who connects has to prove himself."""
_QUIET: Final = 3600.0
"""Seconds after which a connection that says nothing is closed."""


def node_folder() -> Path:
    return Path(os.environ.get("SAGEWRIGHT_NODE") or Path.home() / ".sagewright-node").absolute()


class _Handler(socketserver.BaseRequestHandler):
    """One connection of a server: it proves itself, then asks one thing after the other."""

    server: _Listener

    def handle(self) -> None:
        wire = Wire(self.request)
        self.request.settimeout(_PROOF)
        with contextlib.suppress(OSError):
            if not admit(wire, self.server.token):
                return
            self.request.settimeout(_QUIET)
            while True:
                message = wire.receive()
                if message["op"] == "connect":
                    self.server.handed.add(self.request)
                    self.server.node.connect(message["id"], wire)
                    return
                self._answer(wire, message)

    def _answer(self, wire: Wire, message: dict[str, Any]) -> None:
        try:
            self.server.node.answer(message, wire)
        except SagewrightError as problem:
            wire.send({"refused": str(problem), "kind": type(problem).__name__})
        except OSError:
            raise
        except Exception as problem:
            _LOG.exception("The request %s failed.", message.get("op"))
            wire.send({"refused": f"The node's warden failed: {problem}", "kind": "Transient"})
            raise ConnectionError("whatever comes next on this connection is not understood") from problem


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self, host: str, node: Node, token: str) -> None:
        self.node, self.token = node, token
        self.handed: set[socket.socket] = set()
        """Connections that are the node's now."""
        super().__init__((host, 0), _Handler)

    def shutdown_request(self, request: Any) -> None:
        if request in self.handed:
            self.handed.discard(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        _LOG.exception("A connection failed.")


def run(server: str, name: str, host: str, raylet: int) -> None:
    """Keep the node `name`, whose address is `host`, for a server until Ray's process `raylet` ends."""
    home = node_folder() / server / name
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another one keeps it
        _write(home / "raylet", {"pid": raylet, "since": _since(raylet)})
        _end_left(home)
        node = Node(home, node_folder(), host)
        with _Listener(host, node, secrets.token_hex(32)) as listener:
            _write(home / "address", {"port": listener.server_address[1], "token": listener.token, "pid": os.getpid()})
            threading.Thread(target=listener.serve_forever, name="warden", daemon=True).start()
            _wait_for(raylet)
            node.end()
            _LOG.warning("Ray's node has ended: so do its tasks.")
            end_all(engine(home / "tasks"))
        (home / "address").unlink(missing_ok=True)


def end_all(tasks: ProcessEngine) -> None:
    """Kill whatever runs, and see that it does not any more."""
    running = list(tasks.list())
    while running:
        for task in running:
            tasks.stop(task, grace=0)
        time.sleep(0.02)
        running = [task for task in running if tasks.inspect(task).phase == "running"]
    tasks.close()


def _write(path: Path, value: dict[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(value, file)
    fresh.rename(path)


def _since(pid: int) -> float | None:
    """When a process was started; None if there is none."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None


def _end_left(home: Path) -> None:
    """End and remove what earlier nodes of this machine have left, whose wardens were killed before they could."""
    for other in [entry for entry in home.parent.iterdir() if entry != home and (entry / "raylet").is_file()]:
        with (other / "lock").open("a") as lock, contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raylet = json.loads((other / "raylet").read_bytes())
            if _since(raylet["pid"]) != raylet["since"]:
                end_all(engine(other / "tasks"))
                shutil.rmtree(other, ignore_errors=True)


def _wait_for(pid: int) -> None:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    poll = select.poll()
    poll.register(process, select.POLLIN)
    poll.poll()
    os.close(process)


def main() -> None:
    """`warden SERVER NODE HOST RAYLET`, in the background: neither Ray's worker nor its end is to take it along."""
    server, name, host, raylet = sys.argv[1:]
    if os.fork():
        return
    os.setsid()
    os.chdir("/")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    run(server, name, host, int(raylet))


if __name__ == "__main__":
    main()
