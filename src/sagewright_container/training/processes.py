"""Several processes of one host as one: the first that fails ends all, a stop reaches all. For launchers."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, NamedTuple

GRACE_S = 15.0
"""Seconds between SIGTERM and SIGKILL for the processes that are left when one has failed."""
_TAIL_BYTES = 16 * 1024
_DRAIN_S = 5.0
_writing = threading.Lock()


class Program(NamedTuple):
    """What to start."""

    command: Sequence[str]
    environ: Mapping[str, str]


class Ended(NamedTuple):
    """How the group ended: as its first process that failed did, else well."""

    exit_code: int
    stderr_tail: str
    command: Sequence[str]
    stdout_tail: str = ""
    """Of a group that keeps it."""


class Group:
    """Processes that live and end together."""

    def __init__(self, programs: Sequence[Program], *, cwd: str, keeps: bool = False) -> None:
        """Starts them, in order. Raises OSError where one cannot be. `keeps`: the end of their standard output too."""
        self._children: list[_Child] = []
        self._killer: threading.Timer | None = None
        self.asked = False
        """Whether the platform asked all to end: they have its time to do so, not ours."""
        try:
            for program in programs:
                self._children.append(_Child(program, cwd, alone=len(programs) == 1 and not keeps))
        except OSError:
            self.end()
            raise

    def signal(self, number: int) -> None:
        """Pass the platform's stop on to all that run."""
        self.asked = True
        if self._killer is not None:
            self._killer.cancel()
        self._send(number)

    def end(self) -> None:
        """End what runs: with grace, then without. Any thread, any number of times."""
        if self.asked:
            return
        self._send(signal.SIGTERM)
        if self._killer is None:
            self._killer = threading.Timer(GRACE_S, self._send, [signal.SIGKILL])
            self._killer.daemon = True
            self._killer.start()

    def _send(self, number: int) -> None:
        for child in self._children:
            child.signal(number)

    def wait(self) -> Ended:
        """Wait for all to end."""
        gone: queue.SimpleQueue[_Child] = queue.SimpleQueue()
        for child in self._children:
            threading.Thread(target=child.reap, args=(gone.put,), daemon=True).start()
        failed: _Child | None = None
        for _ in self._children:
            child = gone.get()
            if child.exit_code and failed is None:
                failed = child
                self.end()
        if self._killer is not None:
            self._killer.cancel()
        last = failed or self._children[-1]
        for child in self._children:
            child.drain()
        out, err = (bytes(last.tails[stream]).decode("utf-8", "replace") for stream in (1, 2))
        return Ended(last.exit_code, err, last.program.command, out)


class _Child:
    """One process: what it says is relayed by whole lines, so that those of several do not mix; the end of it
    is kept."""

    def __init__(self, program: Program, cwd: str, *, alone: bool) -> None:
        self.program = program
        self.exit_code = 0
        self.tails = {1: bytearray(), 2: bytearray()}
        self._running = True
        self._guard = threading.Lock()
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            program.command,
            cwd=cwd,
            env=program.environ,
            stdin=subprocess.DEVNULL,
            stdout=None if alone else pipe,
            stderr=pipe,
            bufsize=0,
        )
        relays = [(self.process.stderr, 2)] + ([] if alone else [(self.process.stdout, 1)])
        self._relays = [threading.Thread(target=self._relay, args=each, daemon=True) for each in relays]
        for relay in self._relays:
            relay.start()

    def signal(self, number: int) -> None:
        """Unless it has been waited for."""
        with self._guard:
            if self._running:  # else the process id may be another's
                os.kill(self.process.pid, number)

    def reap(self, gone: Callable[[_Child], None]) -> None:
        """Wait for its end, and tell."""
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        with self._guard:
            _, status = os.waitpid(self.process.pid, 0)
            self._running = False
        code = os.waitstatus_to_exitcode(status)
        self.exit_code = code if code >= 0 else 128 - code
        self.process.returncode = code
        gone(self)

    def drain(self) -> None:
        """Wait until all that it said is told; not for what it left running and still holds its pipes."""
        for relay in self._relays:
            relay.join(_DRAIN_S)

    def _relay(self, stream: IO[bytes], target: int) -> None:
        whole, tail = bytearray(), self.tails[target]
        while chunk := os.read(stream.fileno(), 65536):
            tail += chunk
            del tail[:-_TAIL_BYTES]
            whole += chunk
            end = max(whole.rfind(b"\n"), whole.rfind(b"\r")) + 1
            if end or len(whole) > _TAIL_BYTES:
                _write(target, bytes(whole[: end or len(whole)]))
                del whole[: end or len(whole)]
        _write(target, bytes(whole))
        stream.close()


def _write(target: int, data: bytes) -> None:
    with _writing:
        view = memoryview(data)
        while view:
            view = view[os.write(target, view) :]
