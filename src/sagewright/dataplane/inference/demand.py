"""Serverless variants: who waits for an instance, and how many instances there should be.

Each request has an instance to itself. As many are wanted as were busy at once within the idle time; the number goes
into the store when it changes (`resources/demand.py`), and controllers start and stop what it says. Everything here
runs on the event loop, save what says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists, SagewrightError, StaleRecord
from sagewright.base.ids import Ids
from sagewright.dataplane.inference.meter import Meter
from sagewright.resources import demand
from sagewright.resources.endpoint import KIND as ENDPOINT
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store

_log = logging.getLogger(__name__)

COLD_START: Final = 60.0
"""Seconds that a request waits for an instance at most."""
_AGAIN: Final = 1.0
"""Seconds until a number that could not be written down is written again."""


class Throttled(Exception):
    """As many requests are under way as the variant may have at once."""


class Busy(Protocol):
    """What takes one request at a time."""

    outstanding: int


class _Found(Protocol):
    @property
    def instance(self) -> Busy: ...


F = TypeVar("F", bound=_Found)


@dataclass(slots=True)
class Pressure:
    """The requests at one variant."""

    key: Key
    """Where the demand is told."""
    place: tuple[str, str]
    dimensions: Mapping[str, str]
    """Of its metrics."""
    active: int = 0
    """Requests under way, those that wait included."""
    levels: list[float] = field(default_factory=list)
    """For each number of requests at once that was reached lately: when it was left last. Those up to `active` are in
    use. No level was left before the next one, so the old ones are at the end."""
    told: int = 0
    """What the store has."""
    telling: bool = False
    timer: asyncio.TimerHandle | None = None
    waiting: deque[asyncio.Event] = field(default_factory=deque)
    """First come, first served."""

    def enter(self) -> None:
        self.active += 1
        if len(self.levels) < self.active:
            self.levels.append(0.0)

    def leave(self, now: float) -> None:
        self.active -= 1
        self.levels[self.active] = now

    def forget(self, before: float) -> None:
        """Levels that were left before a moment are not wanted any more."""
        while len(self.levels) > self.active and self.levels[-1] <= before:
            self.levels.pop()

    def wake(self) -> None:
        """Have the first in line look again."""
        if self.waiting:
            self.waiting[0].set()


class Demand:
    """The pressure on all serverless variants of one server."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, meter: Meter, *, idle: float) -> None:
        """`idle`: for how many seconds an instance is kept that nobody asks for."""
        self._store, self._clock, self._ids, self._meter, self._idle = store, clock, ids, meter, idle
        self._pressures: dict[Key, Pressure] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        """Once somebody waits."""
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self) -> None:
        """Take over what an earlier server told: its instances are idle from now on."""
        for record in self._store.unsettled(demand.KIND, ()):
            pressure = self._pressure(record.key)
            pressure.told = record.spec["wanted"]
            pressure.levels = [self._clock.monotonic()] * pressure.told
            self._watch(pressure)

    @contextmanager
    def entered(self, endpoint: Key, variant: str, limit: int, provisioned: int) -> Iterator[Pressure]:
        """Have a request counted while it is under way. Raises Throttled when it would be one too many.

        `provisioned` of the variant's instances are there in any case.
        """
        pressure = self._pressure(demand.key(endpoint, variant))
        if pressure.active >= limit:
            raise Throttled(f"{limit} requests are under way, the most that variant {variant} may have at once")
        pressure.enter()
        self._tell(pressure)
        self._observe(pressure, limit, provisioned)
        try:
            yield pressure
        finally:
            pressure.leave(self._clock.monotonic())
            pressure.wake()
            self._watch(pressure)

    async def free(self, pressure: Pressure, find: Callable[[], F | None]) -> F:
        """What `find` finds, as soon as it does and those that came before have theirs; it counts as busy from here.

        Raises TimeoutError, and whatever `find` raises.
        """
        if not pressure.waiting and (found := find()) is not None:
            found.instance.outstanding += 1
            return found
        self._loop = asyncio.get_running_loop()
        turn, began = asyncio.Event(), self._clock.monotonic()
        pressure.waiting.append(turn)
        try:
            async with asyncio.timeout(COLD_START):
                while True:
                    turn.clear()
                    if pressure.waiting[0] is turn and (found := find()) is not None:
                        found.instance.outstanding += 1
                        waited = (self._clock.monotonic() - began) * 1e6
                        self._sample(pressure, "ModelSetupTime", waited, "Microseconds")
                        return found
                    await turn.wait()
        finally:
            pressure.waiting.remove(turn)
            pressure.wake()

    def changed(self, endpoint: Key) -> None:
        """Another instance may be there. From any thread."""
        for pressure in list(self._pressures.values()):
            key = pressure.key
            if pressure.waiting and (key.account, key.region, key.parent) == (
                endpoint.account,
                endpoint.region,
                endpoint.name,
            ):
                assert self._loop is not None, "who waits has said where"
                self._loop.call_soon_threadsafe(pressure.wake)

    def _pressure(self, key: Key) -> Pressure:
        found = self._pressures.get(key)
        if found is None:
            dimensions = {"EndpointName": key.parent, "VariantName": key.name}
            found = self._pressures[key] = Pressure(key, (key.account, key.region), dimensions)
        return found

    def _observe(self, pressure: Pressure, limit: int, provisioned: int) -> None:
        """Tell how much of what there may be is in use, now that a request came."""
        active = pressure.active
        self._sample(pressure, "ServerlessConcurrentExecutionsUtilization", active / limit, "None")
        if provisioned:
            within = "Invocations" if active <= provisioned else "SpilloverInvocations"
            self._sample(pressure, f"ServerlessProvisionedConcurrency{within}", 1, "Count")
            used = min(active, provisioned)
            self._sample(pressure, "ServerlessProvisionedConcurrencyExecutions", used, "Count")
            self._sample(pressure, "ServerlessProvisionedConcurrencyUtilization", used / provisioned, "None")

    def _sample(self, pressure: Pressure, name: str, value: float, unit: str) -> None:
        self._meter.observe(pressure.place, name, value, pressure.dimensions, unit=unit)

    # What is wanted.

    def _watch(self, pressure: Pressure) -> None:
        """See to it that levels are forgotten in time."""
        if pressure.timer is None and len(pressure.levels) > pressure.active:
            wait = pressure.levels[-1] + self._idle - self._clock.monotonic()
            pressure.timer = asyncio.get_running_loop().call_later(max(wait, 0.0), self._forget, pressure)

    def _forget(self, pressure: Pressure) -> None:
        pressure.timer = None
        pressure.forget(self._clock.monotonic() - self._idle)
        self._tell(pressure)
        self._watch(pressure)

    def _tell(self, pressure: Pressure) -> None:
        """Have the number written down, unless it is or somebody is at it."""
        if pressure.told == len(pressure.levels) or pressure.telling:
            return
        pressure.telling = True
        task = asyncio.get_running_loop().create_task(self._write(pressure))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, pressure: Pressure) -> None:
        try:
            while pressure.told != (count := len(pressure.levels)):
                try:
                    await asyncio.to_thread(self._put, pressure.key, count)
                    pressure.told = count
                except SagewrightError as error:
                    _log.warning("%s: what is wanted could not be written: %s", pressure.key.name, error)
                    await asyncio.sleep(_AGAIN)
        finally:
            pressure.telling = False
        if not (pressure.levels or pressure.active or pressure.telling):
            self._pressures.pop(pressure.key, None)

    def _put(self, key: Key, count: int) -> None:
        """Write down that so many are wanted. In a thread of its own, one at a time for each variant."""
        endpoint = self._store.get(Key(key.account, key.region, ENDPOINT, "", key.parent))
        before = self._store.get(key)
        if endpoint is None or count == 0:
            if before is not None:
                self._store.delete(before)
            return
        now, spec = self._clock.now(), {"endpoint": endpoint.uid, "wanted": count}
        try:
            if before is not None:
                self._store.update(replace(before, spec=spec, modified=now))
            else:
                self._store.create(Record(key, self._ids.token(), now, now, spec=spec))
        except AlreadyExists as error:
            raise StaleRecord(str(error)) from error
