"""The instances of variants that inference components are placed on: as many as are wanted, or needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.compute.machine import Machine
from sagewright.controllers import hosting
from sagewright.controllers.generation import Generation
from sagewright.controllers.hosting import IDLE_TIME
from sagewright.controllers.placement import Placed, Size
from sagewright.resources import endpoint, inference_component
from sagewright.resources.record import Key, Record
from sagewright.store.memory import MemoryStore

KEY = Key("1", "r", endpoint.KIND, "", "e")
MACHINE = Machine(vcpus=2, memory_bytes=8 << 30)
HALF = Size(1, 1024, 0)
"""Of an ml.m5.large."""


def variant(count: int = 1, **scaling: Any) -> dict[str, Any]:
    managed = {"ManagedInstanceScaling": {"Status": "ENABLED", **scaling}} if scaling else {}
    return {"VariantName": "v", "InstanceType": "ml.m5.large", "InitialInstanceCount": count, **managed}


def found(
    settings: Mapping[str, Any],
    placed: Sequence[Placed] = (),
    before: Sequence[Mapping[str, Any]] | None = None,
    now: float = 100.0,
) -> Sequence[Mapping[str, Any]]:
    """The hosts beside one component that is placed so."""
    store = MemoryStore()
    status = {} if before is None else {"hosts": {"v": before}}
    record = Record(KEY, "u", 0, 0, status=status)
    store.create(
        Record(
            KEY._replace(kind=inference_component.KIND, name="c"),
            "w",
            0,
            0,
            spec={"EndpointName": "e", "VariantName": "v"},
            status={"placement": [each.noted() for each in placed]},
            facets={"EndpointName": "e"},
        )
    )
    return hosting.hosts(record, [settings, {"VariantName": "other", "ModelName": "m"}], store, MACHINE, now)["v"]


def numbers(hosts: Sequence[Mapping[str, Any]]) -> list[int]:
    return [host["number"] for host in hosts]


def test_there_are_as_many_as_were_asked_for() -> None:
    assert found(variant(2)) == [{"number": 0, "idle": 100.0}, {"number": 1, "idle": 100.0}]


def test_nothing_is_told_of_an_endpoint_with_models() -> None:
    assert (
        hosting.hosts(Record(KEY, "u", 0, 0), [{"VariantName": "v", "ModelName": "m"}], MemoryStore(), MACHINE, 0) == {}
    )


def test_when_there_are_to_be_fewer_the_emptiest_go() -> None:
    placed = [Placed(1, HALF, 3, hosts=[1, 1, 2])]
    before: list[dict[str, Any]] = [{"number": 0, "idle": 1.0}, {"number": 1}, {"number": 2}]
    assert numbers(found(variant(2), placed, before)) == [1, 2]
    assert numbers(found(variant(1), placed, before)) == [1]
    assert numbers(found(variant(4), placed, before)) == [0, 1, 2, 3]


def test_managed_instances_grow_by_what_waits_up_to_the_most() -> None:
    waiting = [Placed(1, HALF, 9, hosts=[0, 0])]
    before = [{"number": 0}]
    assert numbers(found(variant(MaxInstanceCount=2), waiting, before)) == [0, 1]
    assert numbers(found(variant(MaxInstanceCount=9), waiting, before)) == [0, 1, 2, 3, 4]


def test_managed_instances_go_when_they_have_been_idle_down_to_the_least() -> None:
    before: list[dict[str, Any]] = [{"number": 0, "idle": 100.0}, {"number": 1}, {"number": 2, "idle": 100.0}]
    placed = [Placed(1, HALF, 1, hosts=[1])]
    later = 100.0 + IDLE_TIME
    scaling = {"MinInstanceCount": 0, "MaxInstanceCount": 3}
    assert numbers(found(variant(**scaling), placed, before, now=later - 1)) == [0, 1, 2]
    assert numbers(found(variant(**scaling), placed, before, now=later)) == [1]
    assert numbers(found(variant(MinInstanceCount=2, MaxInstanceCount=3), placed, before, now=later)) == [0, 1]
    assert numbers(found(variant(**scaling), (), [{"number": 0, "idle": 1.0}], now=later)) == []


def test_an_instance_is_idle_from_when_its_last_copy_went() -> None:
    assert found(variant(), (), [{"number": 0}], now=50.0) == [{"number": 0, "idle": 50.0}]
    assert found(variant(), (), [{"number": 0, "idle": 50.0}], now=60.0) == [{"number": 0, "idle": 50.0}]
    assert found(variant(), [Placed(1, HALF, 1, hosts=[0])], [{"number": 0, "idle": 50.0}]) == [{"number": 0}]


def test_the_endpoint_tells_how_many_there_are() -> None:
    for settings, desired in ((variant(3), 3), (variant(3, MaxInstanceCount=4), 1)):
        target = {"generation": 1, "config": {"ProductionVariants": [settings]}, "models": {}}
        (told,) = Generation(target).described({"v": [{"number": 0}]}, 0.0)["ProductionVariants"]
        assert (told["CurrentInstanceCount"], told["DesiredInstanceCount"]) == (1, desired)
        assert "DeployedImages" not in told
