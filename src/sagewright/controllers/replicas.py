"""Servers that share a data folder and a database: who is there, and whether that can go well.

DATA/server.lock            held alone by a server that shares nothing, and by one that settles what a crash left;
                            shared by all others
DATA/replicas/<host>-<port> held by each of them, with its process id in it
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Final

from sagewright.base.clock import Clock
from sagewright.base.errors import Terminal
from sagewright.compute.base import Engine
from sagewright.store.base import Store

FOLDER: Final = "replicas"
_PATIENCE: Final = 60.0
"""Seconds to wait for another one that settles what a crash left."""
_PAUSE: Final = 0.05
_FOREVER: Final = 1e12
_MACHINE_SECONDS: Final = 15.0
_OF_ONE_SERVER: Final = ("logs", "metrics", "neighbours.db", "state.db")
"""What a server that shares nothing keeps in its folder, where others would not find it."""


def refuse_one_server(data: Path) -> None:
    """Raises Terminal for a folder that replicas have worked on: a server of its own would not see all of it."""
    if (data / FOLDER).is_dir():
        raise Terminal(
            f"Replicas have worked on {data}, so its logs, metrics and neighbours are in their database. Start with "
            "--replica and their --store, or choose another folder with --data."
        )


def join(data: Path, store_url: str) -> tuple[IO[str], bool]:
    """The lock on a folder that is shared, and whether nobody else has it: then it is held alone until `share`.

    Raises Terminal for a folder or a store that cannot be shared.
    """
    if not store_url.startswith(("postgresql://", "postgres://")):
        raise Terminal("Replicas keep their records in PostgreSQL: give --store postgresql://user@host/database.")
    left = [name for name in _OF_ONE_SERVER if (data / name).exists()]
    if left and not (data / FOLDER).is_dir():
        raise Terminal(
            f"{data} has {left[0]}, which a server kept there for itself and replicas would not read. Start "
            "replicas on a fresh folder and database."
        )
    (data / FOLDER).mkdir(exist_ok=True, mode=0o700)
    file = (data / "server.lock").open("a+")
    end = time.monotonic() + _PATIENCE
    while True:
        if _take(file, fcntl.LOCK_EX):
            file.truncate(0)
            return file, True
        if _take(file, fcntl.LOCK_SH):
            return file, False
        file.seek(0)
        if file.read().isdigit() or time.monotonic() > end:
            file.close()
            raise Terminal(f"A server that shares nothing works on {data}. Stop it, or choose another folder.")
        time.sleep(_PAUSE)


def share(lock: IO[str]) -> None:
    """Let others in."""
    fcntl.flock(lock, fcntl.LOCK_SH)


def alone(lock: IO[str]) -> bool:
    """Whether no other replica is there now."""
    if _take(lock, fcntl.LOCK_EX):
        return True
    _take(lock, fcntl.LOCK_SH)  # which the attempt may have cost
    return False


def announced(data: Path, port: int) -> IO[str]:
    """Say that this process is the replica on this port; to be kept open. Raises Terminal when another one is."""
    file = (data / FOLDER / f"{socket.gethostname()}-{port}").open("a+")
    if not _take(file, fcntl.LOCK_EX):
        file.close()
        raise Terminal(f"Another replica works on {data} with port {port}. Choose another --port.")
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def working_on(data: Path, port: int) -> int | None:
    """The process id of the replica on this machine that has a port; None when none does."""
    try:
        file = (data / FOLDER / f"{socket.gethostname()}-{port}").open("r+")
    except OSError:
        return None
    with file:
        if _take(file, fcntl.LOCK_EX):
            return None
        told = file.read()
        return int(told) if told.isdigit() else None


class Membership:
    """That all who share a database share a folder as well, and a machine where tasks are bound to one."""

    def __init__(self, data: Path, store: Store, clock: Clock, engine: Engine) -> None:
        """Raises Terminal where that is not so."""
        self._store, self._clock = store, clock
        if engine.servers == "one":
            raise Terminal(
                f"Replicas cannot share the tasks of the engine {engine.name} yet. Start them with --engine process on "
                "one machine, or one server without --replica."
            )
        self._machine = None if engine.servers == "all" else _machine()
        folder = _identity(data)
        if not store.acquire("data folder", folder, ttl=_FOREVER, now=clock.now()):
            raise Terminal(
                "The database belongs to another data folder. Replicas share both: give them the same --data, on a "
                "file system that all of them see."
            )
        if not self._renew():
            raise Terminal(
                f"Tasks of the engine {engine.name} run on the machine that starts them, and other replicas run on "
                "another machine, or see another temporary folder. Start all of them on one machine, or choose an "
                "--engine whose tasks every machine reaches."
            )

    def keep(self, stop: threading.Event) -> None:
        """Renew it until `stop`."""
        while not stop.wait(_MACHINE_SECONDS / 3):
            self._renew()

    def _renew(self) -> bool:
        if self._machine is None:
            return True
        return self._store.acquire("machine", self._machine, ttl=_MACHINE_SECONDS, now=self._clock.now())


def _take(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _identity(data: Path) -> str:
    """The folder's name for itself, made by who comes first, who is alone."""
    path = data / FOLDER / "folder"
    if not path.exists():
        path.write_text(secrets.token_hex(8))
    return path.read_text()


def _machine() -> str:
    """The same for all processes that see each other's locks and sockets."""
    try:
        booted = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        booted = socket.gethostname()
    temporary = os.stat(tempfile.gettempdir())
    return f"{booted}/{temporary.st_dev}/{temporary.st_ino}"
