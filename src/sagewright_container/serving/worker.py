"""One process that serves one model over HTTP, and looks after itself.

The watch is a thread. When a quick model hangs on the event loop for once, it lets a second event loop take
connections, so that /ping is answered; when a prediction takes longer than it may, it ends the process, and whoever
started it starts another.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable

from sagewright_container.serving.app import App
from sagewright_container.serving.http_server import Server
from sagewright_container.serving.predictor import Predictor

STUCK = 75  # the exit code of a process that ended itself because a prediction took too long
_GRACE_S = 30
_LOOK_S = 0.25
_HELD_UP_S = 0.5
_LAST_WORDS_S = 0.25


def serve(predictor: Predictor, sock: socket.socket, beat: Callable[[], None] | None, *, max_body: int | None) -> int:
    """Serve until SIGTERM; answer the exit code.

    `beat` is called now, and again and again from another thread; without one the process sleeps while it is idle.
    """
    app = App(predictor, max_body=max_body)
    main = Server(app)
    watch = _Watch(predictor, app, main, sock, beat)
    if beat is not None:
        beat()
    watch.start()
    main.run(sock)
    watch.stop()
    return 0


class _Watch(threading.Thread):
    def __init__(
        self, predictor: Predictor, app: App, main: Server, sock: socket.socket, beat: Callable[[], None] | None
    ) -> None:
        super().__init__(name="watch", daemon=True)
        self._predictor = predictor
        self._app = app
        self._main = main
        self._sock = sock.dup()
        self._beat = beat
        self._parent = os.getppid()
        self._helper: Server | None = None
        self._helping: threading.Thread | None = None

    def run(self) -> None:
        while True:
            if self._beat is not None:
                self._beat()
            else:
                self._predictor.wait_for_work()
            time.sleep(_LOOK_S)
            if os.getppid() != self._parent:
                os._exit(1)
            stuck_s = self._predictor.stuck_s()
            if stuck_s > self._predictor.timeout_s:
                self._give_up(stuck_s)
            elif stuck_s > _HELD_UP_S and self._helper is None:
                self._help()

    def stop(self) -> None:
        """Let the second event loop finish what it has."""
        if self._helper is not None and self._helping is not None:
            self._helper.stop()
            self._helping.join(_GRACE_S)

    def _help(self) -> None:
        self._helper = Server(self._app)
        self._helping = threading.Thread(target=self._helper.run, args=(self._sock,), name="second-loop", daemon=True)
        self._helping.start()

    def _give_up(self, stuck_s: float) -> None:
        sys.stderr.write(f"A prediction has taken {stuck_s:.0f} s and is not done: this process ends.\n")
        for each in (self._main, self._helper):
            if each is not None:
                each.stop_listening()
        self._predictor.give_up()
        time.sleep(_LAST_WORDS_S)  # for the answers to leave
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(STUCK)
