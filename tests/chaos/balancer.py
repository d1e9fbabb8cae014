"""A load balancer as users put one in front of replicas: each connection goes to the next of them that takes it."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
from collections.abc import Sequence
from types import TracebackType

from sagewright.compute.ray_cluster.relay import splice


class Balancer:
    """Of the servers on some ports of this machine. It looks at no request, so what clients signed stays signed."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._ports: Sequence[int] = ()
        self._turn = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._running: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="balancer", daemon=True)

    def between(self, ports: Sequence[int]) -> None:
        """Begin."""
        self._ports = ports
        self._thread.start()

    def __enter__(self) -> Balancer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(60)
        self._listener.close()

    def _run(self) -> None:
        accepting = self._loop.create_task(self._accept())
        self._loop.run_forever()
        for task in (accepting, *self._running):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(accepting, *self._running, return_exceptions=True))
        self._loop.close()

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            task = self._loop.create_task(self._carry(client))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _carry(self, client: socket.socket) -> None:
        for _ in self._ports:
            server = await self._connected(self._ports[next(self._turn) % len(self._ports)])
            if server is not None:
                await splice(client, server)
                return
        client.close()

    async def _connected(self, port: int) -> socket.socket | None:
        """None where nobody listens."""
        server = socket.socket()
        server.setblocking(False)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._loop.sock_connect(server, ("127.0.0.1", port))
            if server.getsockname() != server.getpeername():  # who connects to a free port may meet himself
                return server
        except OSError:
            pass
        server.close()
        return None
