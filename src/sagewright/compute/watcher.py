"""One thread that waits for the ends of all tasks of a `ProcessEngine`, and reaps the supervisors it started."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

_LOG = logging.getLogger(__name__)
_AGAIN_MS = 20
"""How soon to look again at what has hung up but is not gone, or cannot be waited for here."""


class Watcher:
    """Waits on a pidfd for supervisors that this process started, else on the hang-up of their control FIFO.

    Both only say "look": a task has ended when `running` says so.
    """

    def __init__(self, running: Callable[[str], bool]) -> None:
        self._running = running
        self._guard = threading.Lock()
        self._wakes: dict[str, list[Callable[[], None]]] = {}
        self._children: dict[int, str] = {}
        """Supervisors not yet reaped: pid to task."""
        self._descriptors: dict[int, int | str] = {}
        """What is polled: to a child's pid (a pidfd) or a task's id (its FIFO)."""
        self._look: set[str] = set()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._bell, self._rope = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._rope, False)

    def adopt(self, task_id: str, pid: int) -> None:
        """Reap `pid`, the supervisor of `task_id`, when it ends."""
        with self._guard:
            self._children[pid] = task_id
            with contextlib.suppress(AttributeError, OSError):  # not Linux, or no descriptors left: look often
                self._descriptors[os.pidfd_open(pid)] = pid
            self._ring()

    def watch(self, task_id: str, control: Path, wake: Callable[[], None]) -> None:
        """Call `wake` once, when the task does not run."""
        with self._guard:
            known = task_id in self._wakes or task_id in self._children.values()
            self._wakes.setdefault(task_id, []).append(wake)
            if not known:
                with contextlib.suppress(OSError):  # no FIFO: nothing runs there, which the look will find
                    self._descriptors[os.open(control, os.O_RDONLY | os.O_NONBLOCK)] = task_id
            self._look.add(task_id)
            self._ring()

    def close(self) -> None:
        """Stop waiting; nobody is woken any more."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._ring(start=False)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)
        with self._guard:
            for fd in (*self._descriptors, self._bell, self._rope):
                os.close(fd)
            self._descriptors.clear()

    def _ring(self, *, start: bool = True) -> None:
        if self._thread is None and start and not self._closed:
            self._thread = threading.Thread(target=self._loop, name="task-watcher", daemon=True)
            self._thread.start()
        with contextlib.suppress(BlockingIOError):
            os.write(self._rope, b"!")

    def _loop(self) -> None:
        while True:
            with self._guard:
                if self._closed:
                    return
                poll = select.poll()
                poll.register(self._bell, select.POLLIN)
                for fd, what in self._descriptors.items():
                    # A FIFO is asked for nothing, and so answers only its hang-up, not that a stop waits in it.
                    poll.register(fd, select.POLLIN if isinstance(what, int) else 0)
                blind = len(self._children) > sum(isinstance(w, int) for w in self._descriptors.values())
                patience = _AGAIN_MS if self._look or blind else None
            ready = [fd for fd, _ in poll.poll(patience)]
            with contextlib.suppress(BlockingIOError):
                os.read(self._bell, 4096)
            with self._guard:
                self._note(ready)
                ids = list(self._look)
            for task_id in ids:
                self._check(task_id)

    def _note(self, ready: list[int]) -> None:
        """Which tasks to look at. Reaps."""
        for fd in ready:
            what = self._descriptors.get(fd)
            if isinstance(what, str):
                self._look.add(what)
                os.close(fd)
                del self._descriptors[fd]
        for pid in list(self._children):
            try:
                ended, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended = pid
            if ended:
                self._look.add(self._children.pop(pid))
                for fd in [fd for fd, what in self._descriptors.items() if what == pid]:
                    os.close(fd)
                    del self._descriptors[fd]

    def _check(self, task_id: str) -> None:
        """Wake whoever watches the task if it has ended; else look again only if nothing else would tell."""
        with self._guard:
            tracked = task_id in self._children.values() or task_id in self._descriptors.values()
        running = self._running(task_id)
        with self._guard:
            wakes = [] if running else self._wakes.pop(task_id, [])
            if not running or tracked or task_id not in self._wakes:
                self._look.discard(task_id)
            if not running:
                for fd in [fd for fd, what in self._descriptors.items() if what == task_id]:
                    os.close(fd)
                    del self._descriptors[fd]
        for wake in wakes:
            try:
                wake()
            except Exception:  # noqa: BLE001  # a listener's failure must not stop the others
                _LOG.exception("A listener to the end of task %s failed.", task_id)
