"""The models that a multi-model container holds: each a process of the nursery's, as many as memory lasts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

from sagewright_container.serving import memory
from sagewright_container.serving.nursery import PACKET
from sagewright_container.serving.upstream import Upstream

_SHARE = 0.9  # of the container's memory is for models at rest; what is left is for what requests need
_SHORTEST_LOOK_S, _LONGEST_LOOK_S = 0.01, 0.1
_AGAIN_S = 1.0  # between two looks at all models: with a thousand of them one takes 20 ms
_GRACE_S = 10.0


class AlreadyLoaded(Exception):
    """A model of this name is loaded, or is being loaded."""


class NotLoaded(Exception):
    """No model of this name is loaded."""


class NoRoom(Exception):
    """The model does not fit into the memory that is left."""


class LoadFailed(Exception):
    """The model's code or data is at fault."""


class Model:
    """One model, from the moment its loading begins until its process is gone."""

    def __init__(self, name: str, url: str, path: str) -> None:
        loop = asyncio.get_running_loop()
        self.name = name
        self.url = url
        self.path = path
        self.upstream = Upstream(path)
        self.pid: int | None = None
        self.bytes = 0
        """What it holds, as far as is known; what its files hold before that."""
        self.anonymous = 0
        """What its process had in memory when `bytes` was known."""
        self.asked = 0
        """Requests that it is at."""
        self.answered = asyncio.Event()
        """Set at the end of each."""
        self.started: asyncio.Future[None] = loop.create_future()
        """Its process, or the attempt to start it has failed."""
        self.loaded: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        """How its process ended."""

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self.loaded.done() and not self.ended.done() and self.loaded.exception() is None


class Models:
    """The table of models. Lives on one event loop."""

    def __init__(self, channel: socket.socket, nursery: int, *, limit: int | None = None) -> None:
        self._channel = channel
        self._nursery = nursery
        self._room = int((limit or memory.limit_bytes()) * _SHARE)
        self._folder = tempfile.mkdtemp(prefix="models-")
        self._count = 0
        self._table: dict[str, Model] = {}
        self._processes: dict[str, Model] = {}
        """By the paths of their sockets: all that the nursery was asked for, until they are gone."""
        self._base = 0
        """What this process and the nursery hold."""
        self._looked = -_AGAIN_S
        self._needed: dict[tuple[str, str], int] = {}
        """What models held, at least, when they were refused."""

    def attach(self, lost: Callable[[], None]) -> None:
        """Listen to the nursery from now on; `lost` is called when it is gone."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            with contextlib.suppress(BlockingIOError):
                while packet := self._channel.recv(PACKET, socket.MSG_DONTWAIT):
                    self._hear(json.loads(packet))

        loop.add_reader(self._channel, read)
        loop.add_reader(os.pidfd_open(self._nursery), lost)  # models keep the channel open without it

    def names(self) -> list[str]:
        """All models that answer, in the order of their names."""
        return sorted(name for name, model in self._table.items() if model.ready)

    def get(self, name: str) -> Model:
        """A model that answers. Raises NotLoaded."""
        model = self._table.get(name)
        if model is None or not model.ready:
            raise NotLoaded(f"The model {name} is not loaded.")
        return model

    async def load(self, name: str, url: str) -> None:
        """Load the folder `url` under a name. Raises AlreadyLoaded, NoRoom, LoadFailed."""
        while (there := self._table.get(name)) is not None:
            if there.ready:
                raise AlreadyLoaded(f"The model {name} is already loaded.")
            await asyncio.sleep(_LONGEST_LOOK_S)  # whoever asked for it may be gone, and cannot tell how it ends
        self._count += 1
        model = self._table[name] = Model(name, url, os.path.join(self._folder, str(self._count)))
        try:
            await self._make_room(model)
            await self._start(model)
        except BaseException:
            self._table.pop(name, None)
            await self._end(model)
            raise

    async def unload(self, name: str) -> None:
        """End a model, and come back when its memory is free. Requests that it has begun get their answers.

        Raises NotLoaded.
        """
        model = self._table.pop(name, None)
        if model is None:
            raise NotLoaded(f"The model {name} is not loaded.")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                while model.asked:
                    model.answered.clear()
                    await model.answered.wait()
        await self._end(model)

    async def _make_room(self, model: Model) -> None:
        if not os.path.isdir(model.url):
            raise LoadFailed(f"There is no folder {model.url}.")
        size = await asyncio.to_thread(memory.size_bytes, model.url)
        await asyncio.to_thread(self._look_again)
        # Hardly any is smaller than the least of the others: that saves beginning with what will not fit.
        smallest = min((each.bytes for each in self._table.values() if each.ready), default=0)
        model.bytes = max(size, smallest, self._needed.pop((model.name, model.url), 0))
        self._check(model)

    async def _start(self, model: Model) -> None:
        if self._table.get(model.name) is not model:
            raise LoadFailed(f"The model {model.name} was unloaded before it was there.")
        self._processes[model.path] = model
        self._tell({"load": model.path, "url": model.url})
        least, look_s = model.bytes, _SHORTEST_LOOK_S
        begun = memory.anonymous_bytes(self._nursery)  # a fork begins with what its parent has
        while not (await asyncio.wait([model.loaded], timeout=look_s))[0]:
            look_s = min(2 * look_s, _LONGEST_LOOK_S)
            if model.pid is not None:
                model.bytes = max(least, memory.anonymous_bytes(model.pid) - begun)
                self._check(model)
        model.loaded.result()
        assert model.pid is not None
        model.bytes = await asyncio.to_thread(memory.held_bytes, model.pid)
        model.anonymous = memory.anonymous_bytes(model.pid)
        self._check(model)

    def _check(self, model: Model) -> None:
        """Raises NoRoom where all that is loaded would be more than there may be."""
        if self._base + sum(each.bytes for each in self._table.values()) > self._room:
            self._needed[model.name, model.url] = model.bytes
            raise NoRoom(
                f"The model {model.name} needs {model.bytes >> 20} MiB or more, and all loaded models may hold "
                f"{max(0, self._room - self._base) >> 20} MiB. Unload another one first."
            )

    def _look_again(self) -> None:
        """Many models grow while they answer."""
        if time.monotonic() - self._looked < _AGAIN_S:
            return
        self._looked = time.monotonic()
        self._base = memory.held_bytes(os.getpid()) + memory.held_bytes(self._nursery)
        for model in list(self._table.values()):
            if model.pid is not None and model.anonymous:
                now = memory.anonymous_bytes(model.pid)
                model.bytes, model.anonymous = max(0, model.bytes + now - model.anonymous), now

    async def _end(self, model: Model) -> None:
        """End its process, if it was ever asked for, and come back when that is gone."""
        if model.path not in self._processes:
            return
        await asyncio.wait([model.started])
        self._tell({"end": model.path})
        await asyncio.wait([model.ended])

    def _tell(self, message: Mapping[str, Any]) -> None:
        self._channel.send(json.dumps(message).encode())

    def _hear(self, message: Mapping[str, Any]) -> None:
        ((what, path), *_) = message.items()
        model = self._processes[path]
        match what:
            case "started":
                model.pid = message["pid"]
                _settle(model.started)
            case "loaded":
                _settle(model.loaded)
            case "failed":
                error = NoRoom if message["memory"] else LoadFailed
                _settle(model.loaded, error(message["reason"]))
            case "refused":
                _settle(model.loaded, NoRoom(f"No process can be started: {message['reason']}"))
                self._bury(model, "was never started")
            case "ended":
                code = message["code"]
                how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
                # Whoever runs out of memory is ended by the kernel, without a word.
                error = NoRoom if code == -signal.SIGKILL else LoadFailed
                _settle(model.loaded, error(f"The model's process {how} while it was loaded."))
                self._bury(model, how)

    def _bury(self, model: Model, how: str) -> None:
        del self._processes[model.path]
        model.ended.set_result(how)
        _settle(model.started)
        if self._table.get(model.name) is model and model.loaded.exception() is None:
            del self._table[model.name]
            sys.stderr.write(f"The process of the model {model.name} {how}; it is not loaded any more.\n")
        with contextlib.suppress(OSError):
            os.unlink(model.path)


def _settle(future: asyncio.Future[None], error: Exception | None = None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
        future.exception()  # asked for here, so that nobody complains when nobody else does
