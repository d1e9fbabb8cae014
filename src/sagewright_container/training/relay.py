"""Start a program and wait for it: its output runs live, the end of its standard error is kept.

`subprocess` would cost as much to import as all the rest of a job's start, so the few calls are made here.
"""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:  # see contract.py
    from collections.abc import Callable, Mapping
    from typing import Any

_TAIL_BYTES = 16 * 1024


class Run:
    """One child process, and how it ended."""

    def __init__(self, pid: int, command: list[str], *, leads: bool = False) -> None:
        self.pid = pid
        self.command = command
        self._leads = leads
        self.exit_code = 0
        self.stderr_tail = ""
        self._running = True

    def signal(self, number: int) -> None:
        """Send a signal, unless the child has been waited for and its pid may belong to another."""
        if self._running:
            (os.killpg if self._leads else os.kill)(self.pid, number)

    def wait(self) -> None:
        """Wait for the end. A child killed by signal n ends with 128 + n, as a shell says it."""
        _, status = os.waitpid(self.pid, 0)
        self._running = False
        code = os.waitstatus_to_exitcode(status)
        self.exit_code = code if code >= 0 else 128 - code


def run(
    command: list[str],
    *,
    cwd: str,
    environ: Mapping[str, str],
    forward: Callable[[Run], None] | None = None,
    leads: bool = False,
) -> Run:
    """Run `command` in `cwd` to its end, standard output inherited, standard error relayed and its end kept.

    `forward` is called once the child exists, so that signals can be passed on to it: to it alone, or, where it
    `leads`, to all that it starts as well. A shell passes nothing on.
    Raises FileNotFoundError where there is no such program.
    """
    reader, writer = os.pipe()
    os.chdir(cwd)  # posix_spawn has no folder of its own to start in
    actions = [(os.POSIX_SPAWN_DUP2, writer, 2), (os.POSIX_SPAWN_CLOSE, reader), (os.POSIX_SPAWN_CLOSE, writer)]
    group: dict[str, Any] = {"setpgroup": 0} if leads else {}
    child = Run(os.posix_spawnp(command[0], command, environ, file_actions=actions, **group), command, leads=leads)
    if forward is not None:
        forward(child)
    os.close(writer)
    child.stderr_tail = _relay(reader, child.pid)
    child.wait()
    return child


def _relay(reader: int, pid: int) -> str:
    """Copy to our own standard error until the child has ended; answer the last of it.

    Not until every holder of the pipe is gone: what a script leaves running must not keep the job from its end.
    """
    tail = b""
    waiting = select.poll()
    waiting.register(reader, select.POLLIN)
    ended = _watch_end(pid)
    if ended >= 0:
        waiting.register(ended, select.POLLIN)
    while ready := dict(waiting.poll()):
        if reader not in ready:
            break  # it has ended, and the pipe is empty
        chunk = os.read(reader, 65536)
        if not chunk:
            break
        view = memoryview(chunk)
        while view:
            view = view[os.write(2, view) :]
        tail = (tail + chunk)[-_TAIL_BYTES:]
    os.close(reader)
    if ended >= 0:
        os.close(ended)
    return tail.decode("utf-8", "replace")


def _watch_end(pid: int) -> int:
    """A descriptor that can be read when the process has ended; -1 where the system has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1
