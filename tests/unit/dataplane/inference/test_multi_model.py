"""Which instance is asked for a model."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from sagewright.dataplane.inference import multi_model
from sagewright.dataplane.inference.ask import Ask
from sagewright.dataplane.inference.models import Models, NoSuchModel
from sagewright.dataplane.inference.routes import Instance, Variant


class Held:
    """An instance's models: how many requests each is at."""

    def __init__(self, **wanted: int) -> None:
        self.held = wanted
        self.brought: list[str] = []

    async def learn(self) -> None:
        """It knows."""

    def wanted(self, target: str) -> int | None:
        return self.held.get(target)

    @property
    def count(self) -> int:
        return len(self.held)

    def bring(self, target: str) -> None:
        self.brought.append(target)


def variant(*held: Held, mode: str = "multi-model") -> Variant:
    instances = [Instance(str(number), [], "v/i", models=cast(Models, each)) for number, each in enumerate(held)]
    return Variant("v", 1.0, shadow=False, mode=mode, hostnames=["model"], instances=instances, table={})


def order(of: Variant, model: str | None = "a") -> list[str]:
    async def work() -> Any:
        return await multi_model.instances(of, Ask(b"", model=model))

    return [each.task for each in asyncio.run(work())]


def test_those_that_have_it_come_first_the_least_busy_one_before() -> None:
    assert order(variant(Held(b=0), Held(a=3), Held(a=1))) == ["2", "1", "0"]


def test_what_nobody_has_goes_to_the_one_with_fewest() -> None:
    assert order(variant(Held(b=0, c=0), Held(), Held(b=1)))[0] == "1"


def test_a_busy_model_is_brought_to_another_instance_too() -> None:
    few, many = Held(b=0), Held(b=0, c=0)
    busy = Held(a=multi_model.BUSY)
    assert order(variant(many, busy, few))[0] == "1"
    assert (few.brought, many.brought) == (["a"], [])
    assert order(variant(few, Held(a=multi_model.BUSY - 1)))[0] == "1"
    assert few.brought == ["a"]


def test_a_target_is_for_many_models_and_only_for_those() -> None:
    many, single = variant(Held()), variant(Held(), mode="single")
    with pytest.raises(NoSuchModel, match="missing a target model header"):
        multi_model.check(many, Ask(b""), "e")
    with pytest.raises(NoSuchModel, match="Endpoint e is not a multi-model endpoint"):
        multi_model.check(single, Ask(b"", model="a"), "e")
    multi_model.check(many, Ask(b"", model="a"), "e")
    multi_model.check(single, Ask(b""), "e")
    assert order(single, None) == ["0"]
