"""Work that goes on while a task runs, in threads that can be called back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

_PATIENCE: Final = 10.0
"""Seconds to wait for work that was asked to end: it may be fetching from another machine."""

Work = Callable[[threading.Event], None]
"""Ends soon after the event is set."""


class Background:
    """Named pieces of work. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[threading.Event, threading.Thread]] = {}
        self._lock = threading.Lock()

    def start(self, name: str, work: Work) -> None:
        """Unless work of that name is going on."""
        with self._lock:
            if name in self._running:
                return
            stop = threading.Event()
            thread = threading.Thread(target=self._run, args=(name, work, stop), name=name, daemon=True)
            self._running[name] = stop, thread
            thread.start()

    def running(self, name: str) -> bool:
        """Whether work of that name is going on."""
        with self._lock:
            return name in self._running

    def stop(self, prefix: str) -> None:
        """End all work whose name begins so; on return it has ended, unless it is stuck."""
        with self._lock:
            found = [each for name, each in self._running.items() if name.startswith(prefix)]
        for stop, _ in found:
            stop.set()
        for _, thread in found:
            thread.join(_PATIENCE)

    def _run(self, name: str, work: Work, stop: threading.Event) -> None:
        try:
            work(stop)
        finally:
            with self._lock:
                del self._running[name]
