"""The models that one instance of a multi-model endpoint has loaded: brought when they are asked for, sent away when
there is no room, the least recently used ones first.

What the container does is AWS's contract for multi-model containers; only it knows how much memory there is. What it
has loaded outlives this server, which asks it once and keeps count from then on.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from sagewright.dataplane.inference.ask import Ask, Reply, http_request
from sagewright.dataplane.inference.connection import Pool, Unreachable

READY_TIME: Final = 60.0
"""Seconds that a request waits for its model, as on AWS. The loading goes on."""
LOAD_TIME: Final = 360.0
"""Seconds that a container may take to load a model, as on AWS."""
READ_TIMEOUT: Final = 60.0
"""Seconds that a model may take for one request, as on AWS."""
_SHORT: Final = 10.0
"""Seconds for what containers answer at once; and that a model waits for another to be idle before it sends it away."""
_AT_ONCE: Final = 4
"""Models that an instance loads at the same time."""
_TRIES: Final = 3


class NoSuchModel(LookupError):
    """There is no such model, or it is none; the message is for whoever asks."""


class ModelNotReady(Exception):
    """The model is still on its way."""


class LoadRefused(Exception):
    """The container did not load it, and said why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"The container answered {reply.status} when it was to load the model.")
        self.reply = reply


class Source(NamedTuple):
    """Where a variant's models come from."""

    prefix: str
    """`s3://bucket/prefix`"""
    role: str
    """On whose behalf they are read."""
    region: str
    cached: bool = True
    """Whether they stay loaded when nobody asks them (ModelCacheSetting)."""


class Folders(Protocol):
    """The files of models, as the containers of instances see them. No method blocks the event loop."""

    async def fetch(self, task: str, source: Source, target: str, name: str) -> str:
        """Bring the model `target` of the source to the instance; where its container finds it.

        Raises NoSuchModel with the sentence for the client; Unreachable when the instance is gone.
        """

    async def remove(self, task: str, name: str) -> None:
        """Remove a model's files. Silent if there are none."""

    async def keep_only(self, task: str, names: Collection[str]) -> None:
        """Remove the files of all other models."""


class Tell(Protocol):
    """Adds a sample to a metric of the variant."""

    def __call__(self, name: str, value: float, unit: str = "Microseconds") -> None: ...


def name_of(source: Source, target: str) -> str:
    """What the container calls the model: the same for the same, whichever server asks."""
    return hashlib.sha256(f"{source.prefix}\n{target}".encode()).hexdigest()[:32]


@dataclass(slots=True)
class Held:
    """A model that is loaded, or being loaded."""

    name: str
    target: str
    wanted: int = 0
    """Requests that it is at, or that wait for it."""
    loading: asyncio.Task[None] | None = None
    """None: it is loaded."""
    needs_room: bool = False


@dataclass(slots=True)
class Models:
    """Those of one instance. Used on the event loop alone."""

    task: str
    pool: Pool
    source: Source
    folders: Folders
    tell: Tell
    _held: OrderedDict[str, Held] = field(default_factory=OrderedDict)
    """By name, the least recently used first."""
    _leaving: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _learning: asyncio.Task[None] | None = None
    _loads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _making_room: asyncio.Lock = field(default_factory=asyncio.Lock)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Something ended that may have made room."""

    def wanted(self, target: str) -> int | None:
        """How many requests the model is at, or wait for it; None where it is neither loaded nor being loaded."""
        held = self._held.get(name_of(self.source, target))
        return None if held is None else held.wanted

    @property
    def count(self) -> int:
        """Models that are loaded, or are being loaded."""
        return len(self._held)

    @property
    def loaded(self) -> int:
        """Models that are loaded."""
        return sum(held.loading is None for held in list(self._held.values()))

    async def learn(self) -> None:
        """Ask the container once what it has. Raises Unreachable, TimeoutError."""
        if self._learning is None or (self._learning.done() and self._learning.exception() is not None):
            self._learning = asyncio.create_task(self._learn())
        if not self._learning.done():
            await asyncio.shield(self._learning)

    def bring(self, target: str) -> None:
        """Begin to load a model without a request that waits for it."""
        _unheard(self._hold(target).loading)

    async def take(self, target: str) -> Held:
        """Have the model loaded, and keep it until `give_back`.

        Raises NoSuchModel, ModelNotReady, LoadRefused, Unreachable, TimeoutError.
        """
        await self.learn()
        hit = (known := self._held.get(name_of(self.source, target))) is not None and known.loading is None
        self.tell("ModelCacheHit", float(hit), "None")
        held = self._hold(target)
        held.wanted += 1
        try:
            if held.loading is not None:
                await self._wait_for(held)
        except BaseException:
            self.give_back(held)
            raise
        return held

    def give_back(self, held: Held) -> None:
        """A request is done with the model."""
        held.wanted -= 1
        self._changed.set()
        if not self.source.cached and not held.wanted and held.loading is None and held.name in self._held:
            _unheard(self._send_away(held))

    async def exchange(self, ask: Ask) -> Reply:
        """What the model answers; called while it is taken. One that its container has lost is loaded again.

        Raises what `take` does.
        """
        if ask.model is None:
            raise NoSuchModel("Name the model in TargetModel.")
        name = name_of(self.source, ask.model)
        request = ask.request(f"/models/{name}/invoke")
        for _ in range(_TRIES):
            reply = await self.pool.exchange(request, timeout=READ_TIMEOUT)
            if reply.status != 404 or (await self._call("GET", f"/models/{name}")).ok:
                break
            held = self._hold(ask.model)
            if held.loading is None:
                held.loading = asyncio.create_task(self._load(held))
            await self._wait_for(held)
        return reply

    def _hold(self, target: str) -> Held:
        """The model's entry, now the most recently used one; its loading begins if it has not."""
        if target.startswith("/") or ".." in target.split("/") or "\0" in target:
            raise NoSuchModel(
                f"TargetModel {target} is not a path below the models' prefix: it may neither begin with / nor hold a "
                "part that is called .. ."
            )
        name = name_of(self.source, target)
        held = self._held.get(name)
        if held is None:
            held = self._held[name] = Held(name, target)
            held.loading = asyncio.create_task(self._load(held))
        held.target = target  # unknown of what was loaded before this server began
        self._held.move_to_end(name)
        return held

    async def _wait_for(self, held: Held) -> None:
        begun = time.monotonic()
        assert held.loading is not None
        try:
            async with asyncio.timeout(READY_TIME):
                await asyncio.shield(held.loading)
        except TimeoutError:
            _unheard(held.loading)
            raise ModelNotReady(held.target) from None
        finally:
            self.tell("ModelLoadingWaitTime", _micros(begun))

    async def _load(self, held: Held) -> None:
        try:
            async with self._loads:
                if (leaving := self._leaving.get(held.name)) is not None:
                    await asyncio.shield(leaving)
                begun = time.monotonic()
                folder = await self.folders.fetch(self.task, self.source, held.target, held.name)
                self.tell("ModelDownloadingTime", _micros(begun))
                begun = time.monotonic()
                await self._have_it_loaded(held, folder)
                self.tell("ModelLoadingTime", _micros(begun))
        except BaseException:
            if self._held.get(held.name) is held:
                del self._held[held.name]
            await self.folders.remove(self.task, held.name)
            raise
        finally:
            self._changed.set()
        held.loading = None

    async def _have_it_loaded(self, held: Held, folder: str) -> None:
        reply = await self._ask_to_load(held, folder)
        if reply.status == 507:
            held.needs_room = True
            async with self._making_room:
                while reply.status == 507:
                    if not await self._make_room():
                        raise LoadRefused(reply)
                    reply = await self._ask_to_load(held, folder)
            held.needs_room = False
        if not reply.ok and reply.status != 409:
            raise LoadRefused(reply)

    async def _ask_to_load(self, held: Held, folder: str) -> Reply:
        headers = [
            ("Content-Type", "application/json"),
            ("X-Amzn-SageMaker-Target-Model", held.target),
        ]
        body = json.dumps({"model_name": held.name, "url": folder}).encode()
        return await self.pool.exchange(http_request("/models", headers, body), timeout=LOAD_TIME)

    async def _make_room(self) -> bool:
        """Send one model away, or wait for another that is being loaded; False when there is neither."""
        end = time.monotonic() + _SHORT
        while True:
            loaded = [each for each in self._held.values() if each.loading is None]
            idle = [each for each in loaded if not each.wanted]
            if idle or (loaded and time.monotonic() > end):
                await self._send_away((idle or loaded)[0])
                return True
            if not loaded and not any(each.loading and not each.needs_room for each in self._held.values()):
                return False
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), max(0.0, end - time.monotonic()) + 0.1)

    def _send_away(self, held: Held) -> asyncio.Task[None]:
        del self._held[held.name]
        leaving = self._leaving[held.name] = asyncio.create_task(self._unload(held))
        return leaving

    async def _unload(self, held: Held) -> None:
        begun = time.monotonic()
        try:
            # What it is at is still answered.
            await self._call("DELETE", f"/models/{held.name}", timeout=READ_TIMEOUT)
        except (Unreachable, TimeoutError):
            pass  # with the instance, its models are gone too
        finally:
            await self.folders.remove(self.task, held.name)
            self._leaving.pop(held.name, None)
        self.tell("ModelUnloadingTime", _micros(begun))

    async def _learn(self) -> None:
        names: list[str] = []
        more = ""
        while True:
            reply = await self._call("GET", f"/models{more}")
            page: Mapping[str, Any] = json.loads(reply.body) if reply.ok else {}
            names += [each["modelName"] for each in page.get("models", ())]
            if not page.get("nextPageToken"):
                break
            more = f"?next_page_token={page['nextPageToken']}"
        for name in names:
            self._held.setdefault(name, Held(name, ""))
        await self.folders.keep_only(self.task, set(self._held))

    async def _call(self, method: str, path: str, *, timeout: float = _SHORT) -> Reply:
        request = f"{method} {path} HTTP/1.1\r\nHost: model\r\n\r\n"
        return await self.pool.exchange(request.encode(), timeout=timeout)


def _micros(begun: float) -> float:
    return (time.monotonic() - begun) * 1e6


def _unheard(task: asyncio.Task[None] | None) -> None:
    """Nobody waits for it: its error was told to those who did."""
    if task is not None:
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
