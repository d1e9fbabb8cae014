"""One process that serves one model over HTTP, and looks after itself.

The watch is a thread. When a quick model hangs on the event loop for once, it lets a second event loop take
connections, so that /ping is answered; when a prediction takes longer than it may, it ends the process, and whoever
started it starts another.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable

import uvicorn

from sagewright_container.serving.app import App
from sagewright_container.serving.predictor import Predictor

STUCK = 75  # the exit code of a process that ended itself because a prediction took too long
_IDLE_S = 3600  # the platform keeps its connections; closing one while it is picked up again would lose a request
_GRACE_S = 30
_LOOK_S = 0.25
_HELD_UP_S = 0.5
_LAST_WORDS_S = 0.25


def serve(predictor: Predictor, sock: socket.socket, beat: Callable[[], None], *, max_body: int | None) -> int:
    """Serve until SIGTERM; answer the exit code. `beat` is called now, and again and again from another thread."""
    app = App(predictor, max_body=max_body)
    main = server(app)
    watch = _Watch(predictor, main, sock, beat)
    # uvicorn stops at a signal, then raises it again for whoever handled it before: that a stop is no failure.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    beat()
    watch.start()
    main.run(sockets=[sock])
    watch.stop()
    return 0


class Server(uvicorn.Server):
    """One that can be told from another thread to take no more connections."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        self._own = asyncio.get_running_loop()
        await super().startup(sockets)

    def stop_listening(self) -> None:
        """Leave new connections to other processes."""
        for each in self.servers:
            self._own.call_soon_threadsafe(each.close)


def server(app: object) -> Server:
    """A server for an ASGI application, quiet and quick."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_GRACE_S,
        backlog=2048,
    )
    return Server(config)


class _Watch(threading.Thread):
    def __init__(self, predictor: Predictor, main: Server, sock: socket.socket, beat: Callable[[], None]) -> None:
        super().__init__(name="watch", daemon=True)
        self._predictor = predictor
        self._main = main
        self._sock = sock.dup()
        self._beat = beat
        self._parent = os.getppid()
        self._helper: Server | None = None
        self._helping: threading.Thread | None = None

    def run(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            self._beat()
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
            self._helper.should_exit = True
            self._helping.join(_GRACE_S)

    def _help(self) -> None:
        self._helper = server(self._main.config.app)
        self._helping = threading.Thread(
            target=self._helper.run, kwargs={"sockets": [self._sock]}, name="second-loop", daemon=True
        )
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
