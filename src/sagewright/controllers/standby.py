"""Instances that stand by: started, with what all models of their framework need, and without their model until they
are called (`sagewright_container/serving/standby.py` is the other side)."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

from sagewright.controllers.platform import Platform

_NAME: Final = "standby.sock"
"""Beside the model server's own socket."""


def environment(server: str) -> Mapping[str, str]:
    """What a task is told that is to stand by; `server` is its socket, as the task sees it."""
    return {"SAGEWRIGHT_STANDBY_UDS": str(PurePosixPath(server).with_name(_NAME))}


class Standby:
    """Calls them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._called: dict[str, float] = {}
        """When, by their first tasks."""

    def call(self, tasks: Sequence[str]) -> float | None:
        """Have an instance load its model. For how many seconds it has done so; None: it is not ready for a call."""
        addresses = [self._platform.engine.address(task) for task in tasks]
        if not all(address is not None and connect(address) for address in addresses):
            return None
        now = self._platform.clock.monotonic()
        return now - self._called.setdefault(tasks[0], now)

    def forget(self, tasks: Sequence[str]) -> None:
        """They are gone."""
        self._called.pop(tasks[0], None)


def connect(server: Path) -> bool:
    """The call itself. Whether it was made, now or earlier: not before whoever stands by is ready for it."""
    path = server.with_name(_NAME)
    if not path.is_socket() or path.is_symlink():  # a link could lead to somebody else's
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, suppress(OSError):
        connection.setblocking(False)
        connection.connect(str(path))
    return True
