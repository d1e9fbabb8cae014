"""Unix sockets on this machine that stand for the sockets of tasks on nodes; a relay of our own listens on them."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

from sagewright.compute import links
from sagewright.compute.ray_cluster.cluster import Address

_LOG = logging.getLogger(__name__)
_TENDED: Final = 1.0
"""Seconds between two looks at whether all sockets are listened on."""
_CLOSING: Final = 0.5
"""Seconds that a relay has to end in, once it is told."""


class Sockets:
    """One server's. Any thread."""

    def __init__(self, folder: Path) -> None:
        """`folder` is for the relay's log."""
        self._folder = folder
        self._guard = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._open: dict[str, Address] = {}
        self._closed = threading.Event()

    def path(self, folder: Path, task_id: str, address: Address | None) -> Path:
        """Where to connect to the task that `folder` is kept for. `address` is its node's warden's, None if that is
        not known now: then nobody answers there. Another server on this machine may be the one who listens."""
        path = links.make(folder, folder) / "socket"
        with self._guard:
            is_open = self._open.get(str(path)) == address and path.exists() and self._runs()
            if address is not None and not is_open and not self._closed.is_set():
                if self._tell({"path": str(path), "task": task_id, **asdict(address)}):
                    self._open[str(path)] = address
                else:
                    self._open.pop(str(path), None)
        return path

    def tend(self, wanted: Callable[[], None]) -> None:
        """Call `wanted` again and again: it asks for the paths that there should be. Who listened may have died."""

        def run() -> None:
            while not self._closed.wait(_TENDED):
                try:
                    wanted()
                except Exception:  # noqa: BLE001  # whatever it was, the next turn may do
                    _LOG.exception("The sockets of tasks on nodes could not be looked after.")

        threading.Thread(target=run, name="task-sockets", daemon=True).start()

    def remove(self, folder: Path) -> None:
        path = str(links.make(folder, folder) / "socket")
        with self._guard:
            if self._open.pop(path, None) is not None and self._runs():
                self._tell({"path": path, "close": True})
        for each in (path, f"{path}.lock"):
            with contextlib.suppress(OSError):
                os.unlink(each)
        links.remove(folder)

    def close(self) -> None:
        self._closed.set()
        with self._guard:
            process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            with contextlib.suppress(
                subprocess.TimeoutExpired
            ):  # it stays while it carries something for another server
                process.wait(_CLOSING)

    def _runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _tell(self, wanted: dict[str, object]) -> bool:
        """Whether it was done."""
        if not self._runs():
            self._open.clear()
            self._process = self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has just died: whoever asks next starts another
            self._process.stdin.write(json.dumps(wanted) + "\n")
            self._process.stdin.flush()
            return self._process.stdout.readline() == "ready\n"
        return False

    def _start(self) -> subprocess.Popen[str]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / "relay.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "sagewright.compute.ray_cluster.relay"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                text=True,
            )
