"""Requests to serverless variants: counted, throttled, in line; and what of it is told in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sagewright.base.ids import RandomIds
from sagewright.dataplane.inference.demand import Demand, Pressure, Throttled
from sagewright.dataplane.inference.meter import Meter
from sagewright.resources import demand
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record
from sagewright.store.memory import MemoryStore
from sagewright.telemetry.metrics import Metric, Metrics
from sagewright.testing.clock import ManualClock

ENDPOINT = Key("111122223333", "us-east-1", KIND, "", "e")
IDLE = 300.0


@dataclass
class Spot:
    outstanding: int = 0

    @property
    def instance(self) -> Spot:
        return self


class World:
    """Demand for variant v of an endpoint, on a clock that stands still."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.store = ManualClock(), MemoryStore()
        self.endpoint = self.store.create(Record(ENDPOINT, "u", 0.0, 0.0, state="InService"))
        self.metrics = Metrics(folder, self.clock)
        self.meter = Meter(self.metrics, self.clock)
        self.spots = [Spot()]
        self.demand = self.made()

    def made(self, idle: float = IDLE) -> Demand:
        return Demand(self.store, self.clock, RandomIds(), self.meter, idle=idle)

    def find(self) -> Spot | None:
        return next((spot for spot in self.spots if not spot.outstanding), None)

    def told(self) -> int:
        return demand.wanted(self.store.get(demand.key(ENDPOINT, "v")), self.endpoint)

    async def request(self, work: Callable[[], Awaitable[object]], limit: int = 3) -> None:
        with self.demand.entered(ENDPOINT, "v", limit, 0) as pressure:
            spot = await self.demand.free(pressure, self.find)
            try:
                await work()
            finally:
                spot.outstanding -= 1


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


def test_as_many_are_wanted_as_were_busy_at_once_within_the_idle_time() -> None:
    pressure = Pressure(ENDPOINT, ("1", "r"), {})
    for _ in range(3):
        pressure.enter()
    pressure.leave(10.0)
    pressure.leave(20.0)
    pressure.forget(9.0)
    assert len(pressure.levels) == 3
    pressure.forget(10.0)
    assert len(pressure.levels) == 2, "the third level was left first"
    pressure.leave(30.0)
    pressure.enter()
    pressure.forget(100.0)
    assert len(pressure.levels) == 1, "what is in use is wanted"


def test_what_is_wanted_is_told_when_it_changes_and_not_with_each_request(world: World) -> None:
    writes: list[Key] = []
    world.store.subscribe(writes.append)

    async def run() -> None:
        await world.request(lambda: soon(lambda: world.told() == 1))
        for _ in range(5):
            await world.request(lambda: asyncio.sleep(0))
        assert [key.kind for key in writes] == [demand.KIND]
        world.spots.append(Spot())
        both = lambda: soon(lambda: world.told() == 2)  # noqa: E731
        await asyncio.gather(world.request(both), world.request(both))
        assert len(writes) == 2

    asyncio.run(run())


def test_what_nobody_asks_for_is_let_go_after_the_idle_time(world: World) -> None:
    world.demand = world.made(idle=0.01)

    async def run() -> None:
        await world.request(lambda: soon(lambda: world.told() == 1))
        world.clock.advance(1.0)
        await soon(lambda: world.store.get(demand.key(ENDPOINT, "v")) is None)

    asyncio.run(run())


def test_the_next_server_finds_instances_idle_and_lets_them_go(world: World) -> None:
    key = demand.key(ENDPOINT, "v")
    world.store.create(Record(key, "d", 0.0, 0.0, spec={"endpoint": "u", "wanted": 2}))

    async def run() -> None:
        world.demand = world.made(idle=0.01)
        world.demand.follow()
        assert world.told() == 2
        world.clock.advance(1.0)
        await soon(lambda: world.store.get(key) is None)

    asyncio.run(run())


def test_demand_for_an_earlier_endpoint_of_the_name_counts_for_nothing(world: World) -> None:
    record = Record(demand.key(ENDPOINT, "v"), "d", 0.0, 0.0, spec={"endpoint": "another", "wanted": 2})
    assert demand.wanted(record, world.endpoint) == 0


def test_one_too_many_is_refused_at_once(world: World) -> None:
    async def run() -> None:
        release = asyncio.Event()
        first = asyncio.create_task(world.request(release.wait, limit=1))
        await asyncio.sleep(0)
        with pytest.raises(Throttled, match="1 requests are under way"):
            await world.request(release.wait, limit=1)
        release.set()
        await first
        await world.request(release.wait, limit=1)

    asyncio.run(run())


def test_who_waits_is_served_in_turn_and_somebody_who_leaves_holds_nobody_up(world: World) -> None:
    done: list[int] = []

    async def run() -> None:
        release = asyncio.Event()

        async def work(number: int) -> None:
            await release.wait()
            done.append(number)

        tasks = [asyncio.create_task(world.request(lambda n=n: work(n), limit=9)) for n in range(4)]  # type: ignore[misc]
        await asyncio.sleep(0.01)
        tasks[1].cancel()
        release.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
    assert done == [0, 2, 3]
    assert world.spots[0].outstanding == 0


def test_an_instance_that_starts_is_taken_by_who_waits_and_its_time_is_told(world: World) -> None:
    world.spots = []

    async def run() -> None:
        task = asyncio.create_task(world.request(lambda: asyncio.sleep(0)))
        await soon(lambda: world.told() == 1)
        world.clock.advance(0.5)
        world.spots.append(Spot())
        await asyncio.to_thread(world.demand.changed, ENDPOINT)
        await task

    asyncio.run(run())
    world.meter.publish(all_of_it=True)
    metric = Metric("AWS/SageMaker", "ModelSetupTime", {"EndpointName": "e", "VariantName": "v"})
    (period,) = world.metrics.at(ENDPOINT.account, ENDPOINT.region).query(metric, 0, 2e9, 60)
    assert period.statistic("Sum") == 500_000
