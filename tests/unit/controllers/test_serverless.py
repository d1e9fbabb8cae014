"""A serverless variant's instances come with demand and go with idleness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sagewright.compute.fake import Plan
from sagewright.controllers import fleet, standby
from sagewright.controllers.endpoint import Endpoints
from sagewright.resources import demand, routing
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record

from .conftest import ACCOUNT, IMAGE, REGION, Bench, packed

KEY = Key(ACCOUNT, REGION, KIND, "", "e")
DEMAND = demand.key(KEY, "v")
IDLE = 10.0


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The servers that stood by and were called; only these, and those that never stood by, answer."""
    found: list[Path] = []
    monkeypatch.setattr(fleet, "answers_ping", lambda address: "standby" not in address.name or address in found)

    def connect(address: Path) -> bool:
        found.append(address)
        return True

    monkeypatch.setattr(standby, "connect", connect)
    return found


class World:
    """A serverless endpoint on a bench."""

    def __init__(self, bench: Bench, *, standby: bool = True) -> None:
        self.bench = bench
        bench.files.held["b", "model.tar.gz"] = packed({"weights": b"w"})
        bench.engine.plan("*", Plan(after=None, on_stop=0, address=Path("/plain")))
        bench.platform = replace(bench.platform, serverless_idle=IDLE, serverless_standby=standby)
        self.endpoints = Endpoints(bench.platform, bench.wake, bench.room(2))
        now = bench.clock.now()
        status = {"EndpointArn": "arn:e"}
        bench.store.create(Record(KEY, "u", now, now, spec=spec(1), status=status, state="Creating"))

    @property
    def record(self) -> Record:
        found = self.bench.store.get(KEY)
        assert found is not None
        return found

    @property
    def serving(self) -> Sequence[str]:
        return [member["task"] for member in routing.all_members(self.record.status.get("serving", ()))]

    @property
    def standing_by(self) -> Sequence[str]:
        return [each["task"] for each in self.record.status["instances"] if each.get("standby")]

    @property
    def running(self) -> Sequence[str]:
        return [task for task in self.bench.engine.list() if self.bench.engine.inspect(task).phase == "running"]

    def look(self, looks: int = 8) -> None:
        """As the loop does it, with time passing as it is asked for, for at most a few seconds."""
        for _ in range(looks):
            delay = self.bench.look(self.endpoints, KEY)
            self.bench.engine.advance(min(delay or 0.0, 0.6))

    def want(self, count: int) -> None:
        """As the data plane tells it."""
        before = self.bench.store.get(DEMAND)
        if before is not None:
            self.bench.store.delete(before)
        if count:
            told = {"endpoint": "u", "wanted": count}
            self.bench.store.create(Record(DEMAND, "d", 0.0, 0.0, spec=told))


def spec(generation: int, **config: Any) -> dict[str, Any]:
    model = {
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/R",
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": "s3://b/model.tar.gz"},
    }
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 3, **config}
    variant = {"VariantName": "v", "ModelName": "m", "ServerlessConfig": serverless}
    return {
        "EndpointConfigName": f"config-{generation}",
        "generation": generation,
        "config": {"ProductionVariants": [variant]},
        "models": {"m": model},
    }


def test_an_instance_proves_the_model_and_is_let_go_when_nobody_asks(bench: Bench, called: list[Path]) -> None:
    world = World(bench, standby=False)
    world.look()
    assert (world.record.state, len(world.serving)) == ("InService", 1)
    (task,) = bench.engine.started
    assert task.resources.memory_bytes == 2048 << 20
    (described,) = world.record.status["ProductionVariants"]
    assert described["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 3}
    assert "CurrentInstanceCount" not in described
    bench.engine.advance(IDLE)
    world.look()
    assert (world.record.state, world.serving, world.running) == ("InService", [], [])


def test_a_model_that_does_not_load_fails_the_endpoint(bench: Bench, called: list[Path]) -> None:
    world = World(bench)
    bench.engine.plan("*", Plan(lines=["no such file"], exit_code=1))
    world.look()
    assert world.record.state == "Failed"
    assert "no such file" in world.record.status["FailureReason"]


def test_instances_follow_the_demand_up_to_the_most_there_may_be(bench: Bench, called: list[Path]) -> None:
    world = World(bench, standby=False)
    world.look()
    for wanted, there in ((2, 2), (9, 3), (1, 1)):
        world.want(wanted)
        world.look(14)
        assert len(world.serving) == len(world.running) == there
    assert bench.woken.count(KEY) >= 3, "the demand's record has the endpoint looked at"


def test_while_nobody_asks_one_stands_by_and_serves_when_it_is_called(bench: Bench, called: list[Path]) -> None:
    world = World(bench)
    world.look()
    bench.engine.plan("*", Plan(after=None, on_stop=0, address=Path("/standby")))
    bench.engine.advance(IDLE)
    world.look(14)
    assert world.serving == []
    assert world.running == world.standing_by
    assert called == []
    (first, second) = bench.engine.started
    assert "SAGEWRIGHT_STANDBY_UDS" not in first.environment
    assert second.environment["SAGEWRIGHT_STANDBY_UDS"] == "/opt/ml/run/standby.sock"
    world.want(1)
    world.look()
    assert world.serving == [second.id]
    assert called == [Path("/standby")]
    assert len(bench.engine.started) == 2, "nothing had to be started"
    world.look()
    assert world.standing_by == []


def test_one_that_was_called_and_does_not_answer_in_time_is_replaced(
    bench: Bench, called: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(bench)
    world.look()
    bench.engine.plan("*", Plan(after=None, on_stop=0, address=Path("/standby")))
    bench.engine.advance(IDLE)
    world.look(14)
    (stuck,) = world.standing_by
    monkeypatch.setattr(fleet, "answers_ping", lambda address: False)
    world.want(1)
    world.look()
    assert world.running == [stuck]
    bench.engine.advance(fleet.HEALTH_TIMEOUT)
    world.look(2)
    assert stuck not in world.running


def test_what_stands_by_is_told_apart_by_the_next_server(bench: Bench, called: list[Path]) -> None:
    world = World(bench)
    world.look()
    bench.engine.plan("*", Plan(after=None, on_stop=0, address=Path("/standby")))
    bench.engine.advance(IDLE)
    world.look(14)
    standing = world.standing_by
    world.endpoints = Endpoints(bench.platform, bench.wake, bench.room(2))
    world.look()
    assert (world.standing_by, world.running, called) == (standing, standing, [])


def test_provisioned_instances_are_there_without_demand(bench: Bench, called: list[Path]) -> None:
    world = World(bench)
    bench.change(KEY, spec=spec(1, ProvisionedConcurrency=2))
    world.look()
    bench.engine.advance(IDLE)
    world.look(14)
    assert len(world.serving) == len(world.running) == 2


def test_an_update_proves_the_next_model_while_the_old_one_sleeps(bench: Bench, called: list[Path]) -> None:
    world = World(bench, standby=False)
    world.look()
    bench.engine.advance(IDLE)
    world.look()
    bench.change(KEY, spec=spec(2), state="Updating")
    world.look(10)
    assert world.record.state == "InService"
    assert [task.rsplit("-", 4)[1] for task in world.serving] == ["2"]
    assert len(bench.engine.started) == 2, "the old generation slept on"


def test_demand_that_was_told_of_another_endpoint_starts_nothing(bench: Bench, called: list[Path]) -> None:
    world = World(bench, standby=False)
    bench.store.create(Record(DEMAND, "d", 0.0, 0.0, spec={"endpoint": "another", "wanted": 3}))
    world.look()
    assert len(world.running) == 1
