"""A server that can be killed: `sagewright up` as a user starts it, on a data folder that is kept."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[2]
SAGEWRIGHT = ROOT / ".venv" / "bin" / "sagewright"
_held: list[socket.socket] = []


class Front(Protocol):
    """Where users ask: one server, or several behind a balancer."""

    port: int
    """Where requests are taken, by whoever is up."""
    ports: Sequence[int]
    """Those of the servers themselves."""
    up: threading.Event
    """Set while somebody answers."""

    @property
    def lives(self) -> int:
        """How often a server was started."""
        ...

    def environment(self) -> dict[str, str]:
        """What `sagewright env` exports."""
        ...


class Server:
    """One data folder and one port; one process at a time."""

    def __init__(
        self, folder: Path, *options: str, program: tuple[str, ...] = (str(SAGEWRIGHT),), log: str = "server.log"
    ) -> None:
        """`options` of `up` besides; `program` is the command."""
        self._options, self._program = options, program
        self.data = folder / "data"
        self.log = folder / log
        self.port = _free_port()
        self.ports: Sequence[int] = [self.port]
        self.up = threading.Event()
        """Set while it answers."""
        self.lives = 0
        """How often it was started."""
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {"SAGEWRIGHT_RUNTIMES": str(ROOT / ".cache" / "runtimes"), **os.environ}

    def spawn(self) -> None:
        """Start it, and do not wait."""
        assert self._process is None
        with self.log.open("ab") as log:
            log.write(b"--- a new life\n")
            log.flush()
            command = [*self._program, "up", "--port", str(self.port), "--data", str(self.data), *self._options]
            # A session of its own: its process group can be killed without ours.
            self._process = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        self.lives += 1

    def start(self) -> None:
        """Start it and wait until its port answers."""
        self.spawn()
        self.wait()

    def wait(self) -> None:
        """Until its port answers, after `spawn`."""
        eventually(self._answers, within=60, every=0.01, what="an answer of the server")
        self.up.set()

    def kill(self, *, group: bool = False) -> None:
        """SIGKILL, to the process or to all of its process group."""
        if self._process is None:
            return
        self.up.clear()
        if group:
            os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()
        self._process = None

    def interrupt(self) -> None:
        """Ctrl-C, and do not wait."""
        assert self._process is not None
        self.up.clear()
        self._process.send_signal(signal.SIGINT)

    def restart(self) -> None:
        """`sagewright restart`: the same process, another server."""
        command = [str(SAGEWRIGHT), "restart", "--port", str(self.port), "--data", str(self.data)]
        subprocess.run(command, check=True, capture_output=True, env=self._environment)
        self.lives += 1

    def stop(self) -> None:
        """Ctrl-C, and wait for its end."""
        self.interrupt()
        assert self._process is not None
        assert self._process.wait(timeout=120) == 0, f"Ctrl-C did not end the server cleanly:\n{self.tail()}"
        self._process = None

    def environment(self) -> dict[str, str]:
        """What `sagewright env` exports."""
        command = [str(SAGEWRIGHT), "env", "--port", str(self.port), "--data", str(self.data)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=self._environment)
        lines = (line.removeprefix("export ") for line in done.stdout.splitlines())
        return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}

    def tail(self, lines: int = 40) -> str:
        """The end of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the server ended by itself:\n{self.tail()}"
        with socket.socket() as probe:
            connected = probe.connect_ex(("127.0.0.1", self.port)) == 0
            # Who connects to a port that nobody listens on may be given that very port, and meet itself.
            return connected and probe.getsockname() != probe.getpeername()


def eventually(
    attempt: Callable[[], object], *, within: float, every: float = 0.05, what: Callable[[], str] | str
) -> None:
    """Return once `attempt` is true; fail when it is not in time, saying `what` should have come about."""
    end = time.monotonic() + within
    while not attempt():
        if time.monotonic() > end:
            raise AssertionError(f"not within {within} s: {what if isinstance(what, str) else what()}")
        time.sleep(every)


def _free_port() -> int:
    """A port that nobody else is given while this process runs. It is held without being listened on: that leaves it
    to all the lives of a server that reuses addresses, as ours does."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _held.append(held)
    return int(held.getsockname()[1])
