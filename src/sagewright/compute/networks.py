"""Networks of jobs' own, for tasks that are not to use this machine's: each is kept by a process, see `keeper.py`.

A network is there from the first `join` until the last of those who joined has gone, whatever becomes of the server.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import marshal
import os
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sagewright.base.errors import Transient
from sagewright.compute import spawning

_KEEPER: Final = Path(__file__).with_name("keeper.py")
_PATIENCE: Final = 20.0
"""Seconds for a keeper to come up."""
_NAP: Final = 0.003
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Access:
    """What leads a process into a network: open descriptors, to be closed by whoever asked."""

    user: int
    network: int
    keeper: int
    """A connection; the network stays as long as anybody holds it."""

    def descriptors(self) -> tuple[int, int, int]:
        return self.user, self.network, self.keeper


class Networks:
    """The networks of one engine."""

    def __init__(self, folder: Path, endpoint: tuple[str, int]) -> None:
        """`folder` is where keepers listen; `endpoint` is the platform's address and port."""
        self._folder = folder
        self._endpoint = endpoint

    def join(self, name: str, *, reaches_platform: bool, metadata: str) -> Access:
        """The network of that name, made if it is not there.

        `metadata` is the path at the endpoint that tells about its job. What reaches the platform is settled by who
        makes it. Raises Transient when it cannot be made.
        """
        place = self._folder / hashlib.sha256(name.encode()).hexdigest()[:16]
        until = time.monotonic() + _PATIENCE
        endpoint = self._endpoint if reaches_platform else ("", 0)
        tries = 0
        while True:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = _connect(place)
            if found is not None:
                return found
            tries += _start(place, endpoint, metadata if reaches_platform else "")
            if tries > _TRIES or time.monotonic() > until:
                raise Transient(f"The job's network did not come up: {_said(place)}")
            time.sleep(_NAP)

    def tidy(self) -> None:
        """Remove what keepers that have gone left behind."""
        if not self._folder.is_dir():
            return
        for place in self._folder.iterdir():
            lock = _lock(place)
            if lock is not None:
                shutil.rmtree(place, ignore_errors=True)
                os.close(lock)


def _connect(place: Path) -> Access | None:
    """None while nobody keeps it."""
    try:
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(_PATIENCE)
            sock.connect(f"/proc/self/fd/{folder}/door")  # the folder's own name may be too long
            _, descriptors, _, _ = socket.recv_fds(sock, 1, 2)
            if len(descriptors) == 2:
                sock.setblocking(True)
                user, network = descriptors
                return Access(user, network, sock.detach())
            for each in descriptors:
                os.close(each)
    except OSError:
        pass  # not there yet, or just going
    finally:
        os.close(folder)
    return None


def _lock(place: Path) -> int | None:
    with contextlib.suppress(OSError):
        lock = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock), os.stat(place / "lock")):
                return lock
        except OSError:
            pass
        os.close(lock)
    return None


def _start(place: Path, endpoint: tuple[str, int], metadata: str) -> bool:
    """False when somebody else keeps it, or is about to."""
    lock = _lock(place)
    if lock is None:
        return False
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, lock)
        order = spawning.hidden_file(marshal.dumps({"endpoint": endpoint, "metadata": metadata.encode()}), place)
        stack.callback(os.close, order)
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (order, lock)]
        for fd in high:
            stack.callback(os.close, fd)
        argv = [sys.executable, "-I", "-S", str(_KEEPER), str(place / "door")]
        os.waitpid(spawning.spawn(argv, [(high[0], 0), (high[1], 3)], place / "log"), 0)  # it goes on in a child
    return True


def _said(place: Path) -> str:
    try:
        lines = (place / "log").read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "its keeper said nothing."
