"""What runs in Ray's own worker on each node: it sees that the node has a warden, and says where that listens.

Imported by the driver, which sends the class to the nodes. It needs no Ray itself.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import sagewright
from sagewright.compute.ray_cluster.warden import node_folder

_PATIENCE: Final = 20.0
"""Seconds that a warden may take to come up."""


class Agent:
    """One per node and server, started again by Ray when it dies; it keeps nothing itself."""

    def __init__(self, server: str, node: str, host: str) -> None:
        self._words = [server, node, host, str(os.getppid())]  # a worker is its raylet's child
        self._home = node_folder() / server / node

    def warden(self) -> dict[str, Any]:
        """Where the node's warden listens, and its token. Starts it where there is none."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if not _held(self._home / "lock"):
                program = "sagewright.compute.ray_cluster.warden"
                self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
                command = [sys.executable, "-m", program, *self._words]
                with (self._home / "log").open("ab") as log:
                    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
            try:
                address: dict[str, Any] = json.loads((self._home / "address").read_bytes())
                os.kill(address["pid"], 0)
                return {**address, "version": sagewright.__version__}
            except (FileNotFoundError, ProcessLookupError):
                time.sleep(0.05)
        raise TimeoutError(f"the warden does not come up; {self._home / 'log'} on the node says more")


def _held(path: Path) -> bool:
    try:
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
