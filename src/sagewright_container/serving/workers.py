"""Processes that share one listening socket, each started again when it ends or is stuck.

Nothing heavy may be imported before: thread pools do not survive a fork, and what starts them need not be here.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import time
from collections.abc import Callable

Beat = Callable[[], None]
"""What a worker calls to say that it is alive; the first time, when it has loaded."""

_LOOK_S = 1.0
_MARGIN_S = 5.0  # of silence beyond what a prediction may take: a worker ends itself when it can
_MOST_DEATHS, _WITHIN_S = 5, 60.0
_STOPS = (signal.SIGTERM, signal.SIGINT)
_SIGNALS = (signal.SIGCHLD, *_STOPS)


def supervise(count: int, work: Callable[[Beat], int], *, silence_s: float | None = None) -> int:
    """Run `work` in so many processes until SIGTERM; answer 0, or the exit code of the worker that ended it all.

    A worker that ends after it has loaded is started again, unless that happens again and again; one that ends before
    ends all. One that has loaded and is silent for longer than `silence_s` is killed.
    """
    return _Supervisor(count, work, silence_s).run()


class _Supervisor:
    def __init__(self, count: int, work: Callable[[Beat], int], silence_s: float | None) -> None:
        self._work = work
        self._silence_s = silence_s
        self._beats = memoryview(mmap.mmap(-1, 8 * count)).cast("d")  # shared; 0: not loaded yet
        self._places: dict[int, int] = {}  # of processes: where each one's beat is
        self._deaths: list[float] = []
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def run(self) -> int:
        for place in range(len(self._beats)):
            self._start(place)
        while True:
            told = signal.sigtimedwait(_SIGNALS, _LOOK_S)
            if told is not None and told.si_signo in _STOPS:
                self._end()
                return 0
            for place, code in self._ended():
                if not self._beats[place] or self._too_often():
                    self._end()
                    return code if code > 0 else 1
                sys.stderr.write(f"A worker of the model server {_how(code)}; another one takes its place.\n")
                self._start(place)
            self._kill_silent()

    def _start(self, place: int) -> None:
        self._beats[place] = 0.0
        pid = os.fork()
        if pid == 0:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
            os._exit(_flushed(self._work(lambda: self._beats.__setitem__(place, time.monotonic()))))
        self._places[pid] = place

    def _ended(self) -> list[tuple[int, int]]:
        """The places of processes that have ended, and their exit codes (below zero: the signal)."""
        found = []
        for pid in list(self._places):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                found.append((self._places.pop(pid), os.waitstatus_to_exitcode(status)))
        return found

    def _too_often(self) -> bool:
        now = time.monotonic()
        self._deaths = [*(each for each in self._deaths if now - each < _WITHIN_S), now]
        return len(self._deaths) > _MOST_DEATHS

    def _kill_silent(self) -> None:
        """A worker whose every thread is held up cannot end itself."""
        if self._silence_s is None:
            return
        latest = time.monotonic() - self._silence_s - _MARGIN_S
        for pid, place in self._places.items():
            if 0 < self._beats[place] < latest:
                os.kill(pid, signal.SIGKILL)

    def _end(self) -> None:
        for pid in self._places:
            os.kill(pid, signal.SIGTERM)
        for pid in self._places:
            os.waitpid(pid, 0)


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def _flushed(code: int) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    return code
