"""HTTP for an ASGI application: uvicorn's protocol on an event loop that sleeps while nothing comes.

uvicorn's own server looks ten times a second whether it should stop. In a container of a thousand idle models that
alone would keep a processor busy.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import signal
import socket
import threading
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_IDLE_S = 3600  # the platform keeps its connections; closing one while it is picked up again would lose a request
_GRACE_S = 30.0
_LOOK_S = 0.01
_BACKLOG = 2048


class Server:
    """Serves on one event loop. In the main thread SIGTERM and SIGINT stop it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._stopped = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: asyncio.Server | None = None

    def run(self, sock: socket.socket) -> None:
        """Serve on a loop of its own until it is stopped and all that was begun has its answer, or 30 s later."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.serve(sock))

    async def serve(self, sock: socket.socket) -> None:
        """The same on the loop that runs."""
        loop = self._loop = asyncio.get_running_loop()
        state = ServerState()
        protocol = functools.partial(HttpToolsProtocol, config=_config(self._app), server_state=state, app_state={})
        self._listener = await loop.create_server(protocol, sock=sock, backlog=_BACKLOG)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stopped.set)
        await self._stopped.wait()
        self._listener.close()
        for connection in list(state.connections):
            connection.shutdown()
        end = loop.time() + _GRACE_S
        while (state.connections or state.tasks) and loop.time() < end:
            await asyncio.sleep(_LOOK_S)

    def stop(self) -> None:
        """From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)

    def stop_listening(self) -> None:
        """Leave new connections to other processes. From any thread."""
        if self._loop is not None and self._listener is not None:
            self._loop.call_soon_threadsafe(self._listener.close)


def _config(app: Any) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE_S,
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    config.load()
    return config
