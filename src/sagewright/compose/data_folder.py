"""A data folder, and who works on it."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sagewright.base.errors import Terminal
from sagewright.base.settings import Settings
from sagewright.controllers import replicas


@dataclass(frozen=True, slots=True)
class DataFolder:
    """One that this server holds."""

    locks: Sequence[IO[str]]
    alone: bool
    """Whether no other server works on it just now."""
    made: tuple[str, ...]
    """A line where it was not there."""


def held(settings: Settings) -> DataFolder:
    """Make it where it is not there, and hold it. Raises Terminal when another server uses it."""
    data = settings.data
    made = () if data.exists() else (f"data folder {data}",)
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not settings.replica:
        replicas.refuse_one_server(data)
        return DataFolder([_lock(data)], alone=True, made=made)
    lock, alone = replicas.join(data, settings.store)
    return DataFolder([lock, replicas.announced(data, settings.port)], alone, made)


def _lock(data: Path) -> IO[str]:
    """Held while the server lives: two servers on one folder would undo each other's work."""
    file = (data / "server.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise Terminal(
            f"Another Sagewright server already uses {data}. Stop it, or choose another folder with --data."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def working_on(data: Path, port: int) -> int | None:
    """The process id of the server that works on a data folder, of several the one on this port; None for none."""
    if (replica := replicas.working_on(data, port)) is not None:
        return replica
    try:
        file = (data / "server.lock").open("r+")
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            told = file.read()
            return int(told) if told.isdigit() else None
    return None


def server_id(data: Path) -> str:
    """Which one it is, the same for as long as the folder is there."""
    path = data / "server.id"
    if not path.exists():
        path.write_text(secrets.token_hex(8))
    return path.read_text()
