"""Requests to serverless and asynchronous endpoints, as the router takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from sagewright.base.ids import RandomIds
from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.dataplane.inference.connection import Unreachable
from sagewright.dataplane.inference.demand import Demand, Throttled
from sagewright.dataplane.inference.meter import Meter
from sagewright.dataplane.inference.router import Asynchronous, NotServing, Router
from sagewright.dataplane.inference.sessions import NEW
from sagewright.resources import demand, routing
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record
from sagewright.store.memory import MemoryStore
from sagewright.telemetry.metrics import Metrics
from sagewright.testing.clock import ManualClock

KEY = Key("111122223333", "us-east-1", KIND, "", "e")
PLACE = (KEY.account, KEY.region, KEY.name)


class Server:
    """Stands for the connections to a model server: answers with its socket, which may be that of a dead one."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self.at = self.most = 0

    async def exchange(self, request: bytes, *, timeout: float) -> Reply:
        if self.socket == "dead":
            raise Unreachable("It is gone.", sent=False)
        self.at += 1
        self.most = max(self.most, self.at)
        await asyncio.sleep(0.005)
        self.at -= 1
        return Reply(200, {}, self.socket.encode())


class World:
    """A router and a serverless endpoint, of which a test says the instances."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.store, clock = MemoryStore(), ManualClock()
        meter = Meter(Metrics(folder, clock), clock)
        self.router = Router(self.store, demand=Demand(self.store, clock, RandomIds(), meter, idle=300.0))
        self.servers: dict[str, Server] = {}
        self.router._instances.pool = cast(Any, lambda socket: self.servers.setdefault(socket, Server(socket)))
        self.store.create(Record(KEY, "u", 0.0, 0.0, spec={"config": config}, status=self.status(), state="InService"))

    def status(self, *sockets: str) -> dict[str, Any]:
        settings = {"VariantName": "v", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 2}}
        members = [{"task": f"t-{socket}", "sockets": [socket], "log_stream": "v/i-1"} for socket in sockets]
        table = routing.variant(settings, {"PrimaryContainer": {"Image": "i"}}, members)
        return {"EndpointArn": "arn", "serving": [routing.generation(1, [table])]}

    def start(self, *sockets: str) -> None:
        """As a controller would."""
        self.store.amend(KEY, lambda record: replace(record, status=self.status(*sockets)))

    async def wanted(self, count: int) -> None:
        """Wait until so many are."""
        record = self.store.get(KEY)
        assert record is not None
        async with asyncio.timeout(60):
            while demand.wanted(self.store.get(demand.key(KEY, "v")), record) != count:
                await asyncio.sleep(0.002)

    async def ask(self, **more: Any) -> bytes:
        return (await self.router.invoke(PLACE, Ask(b"in", **more))).reply.body


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_request_has_an_instance_started_and_waits_for_it(world: World) -> None:
    async def run() -> bytes:
        world.router.follow()
        asked = asyncio.create_task(world.ask())
        await world.wanted(1)
        await asyncio.to_thread(world.start, "a")
        return await asked

    assert asyncio.run(run()) == b"a"


def test_each_request_has_an_instance_to_itself_and_the_first_is_taken_first(world: World) -> None:
    async def run() -> Sequence[bytes]:
        world.router.follow()
        world.start("a", "b")
        both = await asyncio.gather(world.ask(), world.ask())
        return [*both, await world.ask(), await world.ask()]

    assert asyncio.run(run()) == [b"a", b"b", b"a", b"a"]
    assert {server.most for server in world.servers.values()} == {1}


def test_beyond_the_most_that_may_be_it_is_throttled(world: World) -> None:
    async def run() -> list[Any]:
        world.router.follow()
        world.start("a")
        return list(await asyncio.gather(*(world.ask() for _ in range(3)), return_exceptions=True))

    answers = asyncio.run(run())
    assert answers[:2] == [b"a", b"a"]
    assert isinstance(answers[2], Throttled)


def test_an_instance_that_is_gone_is_passed_over_until_another_is_there(world: World) -> None:
    async def run() -> bytes:
        world.router.follow()
        world.start("dead")
        asked = asyncio.create_task(world.ask())
        await world.wanted(1)
        await asyncio.to_thread(world.start, "b")
        return await asked

    assert asyncio.run(run()) == b"b"


def test_who_waits_at_an_endpoint_that_is_deleted_is_told(world: World) -> None:
    async def run() -> None:
        world.router.follow()
        asked = asyncio.create_task(world.ask())
        await world.wanted(1)
        deleting = lambda record: replace(record, state="Deleting")  # noqa: E731
        await asyncio.to_thread(world.store.amend, KEY, deleting)
        await asked

    with pytest.raises(NotServing, match="The endpoint is Deleting"):
        asyncio.run(run())


def test_a_serverless_endpoint_holds_no_sessions(world: World) -> None:
    async def run() -> None:
        world.router.follow()
        await world.ask(session=NEW)

    with pytest.raises(NotServing, match="hold no sessions"):
        asyncio.run(run())


def test_an_asynchronous_endpoint_answers_nothing_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, AsyncInferenceConfig={})

    async def run() -> None:
        world.router.follow()
        await world.ask()

    with pytest.raises(Asynchronous):
        asyncio.run(run())
