"""Requests on their way to a model are counted, and those that it answers are captured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from sagewright.base.ids import RandomIds
from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.dataplane.inference.capture import Captures
from sagewright.dataplane.inference.connection import Unreachable
from sagewright.dataplane.inference.meter import Meter
from sagewright.dataplane.inference.router import Router
from sagewright.resources import routing
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record
from sagewright.store.memory import MemoryStore
from sagewright.telemetry.metrics import Metric, Metrics
from sagewright.testing.clock import ManualClock

KEY = Key("111122223333", "us-east-1", KIND, "", "e")
PLACE = (KEY.account, KEY.region, KEY.name)
VARIANT = {"EndpointName": "e", "VariantName": "v"}
INSTANCE = {**VARIANT, "InstanceId": "i-2"}
CAPTURE = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/p",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}


class Model:
    """Stands for the connections to a model server."""

    def __init__(self, behaves: Callable[[], Reply]) -> None:
        self.behaves = behaves

    async def exchange(self, request: bytes, *, timeout: float) -> Reply:
        return self.behaves()


class World:
    """A router in front of two instances; the first one cannot be reached."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.metrics = Metrics(folder, self.clock)
        self.meter = Meter(self.metrics, self.clock)
        self.kept: list[bytes] = []
        self.captures = Captures(lambda *told: self.kept.append(told[-1]), self.clock, RandomIds())
        self.store = store = MemoryStore()
        config = {"DataCaptureConfig": CAPTURE, "MetricsConfig": {"EnableEnhancedMetrics": True}}
        settings = {"VariantName": "v"}
        model = {"PrimaryContainer": {"Image": "i"}}
        members = [{"task": f"t-{n}", "sockets": [f"{n}"], "log_stream": f"v/i-{n}"} for n in (1, 2)]
        table = {**routing.variant(settings, model, members), **routing.observed(config, "role")}
        status = {"EndpointArn": "arn", "serving": [routing.generation(1, [table])]}
        store.create(Record(KEY, "u", 0.0, 0.0, status=status, state="Creating"))
        self.router = Router(store, self.meter, self.captures)
        self.away = Model(lambda: _raise(Unreachable("away", sent=False)))
        self.model = Model(lambda: Reply(200, {}, b"answer"))
        self.router._instances.pool = cast(Any, lambda socket: self.away if socket == "1" else self.model)
        self.router.follow()

    def invoke(self) -> None:
        asyncio.run(self.router.invoke(PLACE, Ask(b"body")))

    def sum(self, name: str, dimensions: dict[str, str] = VARIANT) -> float:
        self.meter.publish(all_of_it=True)
        found = self.metrics.at(*PLACE[:2]).query(Metric("AWS/SageMaker", name, dimensions), 0, 2e9, 60)
        return sum(period.sum for period in found)

    def captured(self) -> int:
        self.captures.work(all_of_it=True)
        return sum(data.count(b"\n") for data in self.kept)


def _raise(error: BaseException) -> Any:
    raise error


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_answer_counts_once_however_many_instances_were_tried(world: World) -> None:
    for _ in range(4):
        world.invoke()
    assert (world.sum("Invocations"), world.sum("Invocations", INSTANCE)) == (4, 4)
    assert world.sum("InvocationsPerInstance") == 2
    assert world.sum("InvocationModelErrors") == 0
    assert world.sum("Invocations", {**INSTANCE, "InstanceId": "i-1"}) == 0
    assert world.captured() == 4


@pytest.mark.parametrize(
    ("behaves", "error", "of_server"),
    [
        (lambda: Reply(503, {}, b""), None, 1),
        (lambda: _raise(TimeoutError()), TimeoutError, 0),
        (lambda: _raise(Unreachable("broke off", sent=True)), Unreachable, 0),
    ],
)
def test_failures_of_the_model_are_counted_and_not_captured(
    world: World, behaves: Callable[[], Reply], error: type[Exception] | None, of_server: int
) -> None:
    world.model.behaves = behaves
    if error is None:
        world.invoke()
    else:
        with pytest.raises(error):
            world.invoke()
    assert (world.sum("Invocations"), world.sum("InvocationModelErrors")) == (1, 1)
    assert world.sum("Invocation5XXErrors") == of_server
    assert world.captured() == 0


def test_whoever_does_not_wait_is_not_counted(world: World) -> None:
    world.model.behaves = lambda: _raise(asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        world.invoke()
    assert world.sum("Invocations") == 0
    assert world.meter.invocations(PLACE[:2], VARIANT).idle


def test_each_of_several_containers_is_counted(world: World) -> None:
    model = {"Containers": [{"Image": "i"}, {"Image": "i"}, {"Image": "i"}]}
    members = [{"task": "t-3", "sockets": ["2", "3", "4"], "log_stream": "v/i-3"}]
    table = routing.variant({"VariantName": "v"}, model, members)
    record = world.store.get(KEY)
    assert record is not None
    world.store.update(replace(record, status={**record.status, "serving": [routing.generation(2, [table])]}))
    answers = iter([Reply(200, {}, b"1"), Reply(500, {}, b"2")])
    world.model.behaves = lambda: next(answers)
    world.invoke()
    sums = [world.sum("Invocations", {**VARIANT, "ContainerName": f"container-{number}"}) for number in (1, 2, 3)]
    assert sums == [1, 1, 0]
    assert world.sum("Invocation5XXErrors", {**VARIANT, "ContainerName": "container-2"}) == 1
    assert world.sum("ContainerLatency", {**VARIANT, "ContainerName": "container-1"}) > 0
    assert (world.sum("Invocations"), world.sum("Invocation5XXErrors")) == (1, 1)


def test_a_change_of_the_route_goes_on_counting(world: World) -> None:
    world.invoke()
    (variant,) = world.router.route(PLACE).generations[0].variants
    world.router._changed(KEY)
    (again,) = world.router.route(PLACE).generations[0].variants
    assert again.counted[0] is variant.counted[0]
    world.invoke()
    assert world.sum("Invocations") == 2
