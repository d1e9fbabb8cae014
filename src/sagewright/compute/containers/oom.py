"""Whether the kernel killed something in a container for want of memory: not all engines tell.

The container's control group is gone as soon as it has ended, so it is watched while it runs.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
from pathlib import Path
from typing import Final

from sagewright.compute import cgroups
from sagewright.compute.supervisor import kills

_KILLED: Final = 137
_PATIENCE_MS: Final = 1000


class OutOfMemory:
    """Watches the memory group of the process `pid`. `killed` is what was seen so far."""

    def __init__(self, pid: int) -> None:
        self.killed = False
        self.told = False
        """Whether something was heard of: then it is worth looking again soon."""
        self._heard = 0
        self._folder, version = cgroups.memory_of(pid)
        self._events = -1
        if self._folder is not None:
            with contextlib.suppress(OSError):  # no rights to be told
                self._events = _listen(self._folder, version)
        self._wanted = select.POLLIN if version == 1 else select.POLLPRI

    def register(self, poll: select.poll) -> None:
        """Have `poll` wake when there is news."""
        if self._events >= 0:
            poll.register(self._events, self._wanted)

    def heed(self, ready: dict[int, int]) -> None:
        """After a poll."""
        if self._events in ready:
            self.told = True
            with contextlib.suppress(OSError):
                if self._wanted == select.POLLPRI:
                    os.pread(self._events, 4096, 0)
                else:
                    self._heard += int.from_bytes(os.read(self._events, 8), sys.byteorder)
        if self.told and self._folder is not None and not self.killed:
            # Version 1 tells of each want of memory, and once that the group is gone, when nothing is left to look at.
            self.killed = self._heard > 1 or kills(str(self._folder))

    def in_the_end(self, code: int) -> bool:
        """`killed`, when its process has ended with this code: what it was told of last may be on its way."""
        poll = select.poll()
        self.register(poll)
        for patience in (0, _PATIENCE_MS if code == _KILLED else 0):
            if self.killed or self._heard == 0 < patience:
                break
            self.heed(dict(poll.poll(patience)))
        return self.killed


def _listen(folder: Path, version: int) -> int:
    """A descriptor that is ready when something has happened for want of memory."""
    if version == 2:
        events = os.open(folder / "memory.events", os.O_RDONLY | os.O_CLOEXEC)
        os.read(events, 4096)
        return events
    events = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    control = os.open(folder / "memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
    try:
        (folder / "cgroup.event_control").write_text(f"{events} {control}")
    finally:
        os.close(control)
    return events
