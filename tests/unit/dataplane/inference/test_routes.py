"""Whose turn it is while two generations serve."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from sagewright.dataplane.inference.routes import Instances, Route
from sagewright.resources import routing
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record

MODEL = {"PrimaryContainer": {"Image": "i"}}


def variant(name: str, instances: int, *, weight: float = 1.0, shadow: bool = False) -> Mapping[str, Any]:
    members = [{"task": f"{name}{number}", "sockets": ["/s"], "log_stream": "v/i-1"} for number in range(instances)]
    settings = {"VariantName": name, "InitialVariantWeight": weight}
    return routing.variant(settings, MODEL, members, shadow=shadow)


def route(*generations: tuple[float, list[Mapping[str, Any]]]) -> Route:
    serving = [routing.generation(number, each, share=share) for number, (share, each) in enumerate(generations, 1)]
    status = {"serving": serving}
    return Instances().route(Record(Key("1", "r", KIND, "", "e"), "u", 0, 0, status=status), "arn")


def of(found: Route) -> Counter[float]:
    """How often a generation was chosen, by its share."""
    shares = {id(each): entry.share for entry in found.generations for each in entry.variants}
    return Counter(shares[id(found.chosen())] for _ in range(2000))


def test_generations_take_their_shares() -> None:
    counts = of(route((0.9, [variant("v", 1)]), (0.1, [variant("v", 1)])))
    assert 100 < counts[0.1] < 320
    assert counts[0.9] + counts[0.1] == 2000


def test_the_other_one_takes_over_what_cannot_be_answered() -> None:
    assert set(of(route((0.9, [variant("v", 0)]), (0.1, [variant("v", 1)])))) == {0.1}


def test_one_that_stands_by_is_asked_only_when_all_else_has_died() -> None:
    assert set(of(route((0, [variant("old", 1)]), (1, [variant("new", 1)])))) == {1}
    assert set(of(route((0, [variant("old", 1)]), (1, [variant("new", 0)])))) == {0}
    assert route((0, [variant("old", 0)]), (1, [variant("new", 0)])).chosen() is None


def test_a_named_variant_is_of_a_generation_by_share() -> None:
    found = route((0.5, [variant("v", 1)]), (0.5, [variant("v", 1), variant("w", 1)]))
    assert len({id(found.named("v")) for _ in range(100)}) == 2
    one_died = route((0.5, [variant("v", 0)]), (0.5, [variant("v", 1)]))
    assert {id(one_died.named("v")) for _ in range(100)} == {id(one_died.generations[1].variants[0])}
    standing_by = route((0, [variant("v", 1)]), (1, [variant("w", 1)]))
    assert standing_by.named("v") is standing_by.generations[0].variants[0]
    last = route((0, [variant("v", 1)]), (1, [variant("v", 0)]))
    assert last.named("v") is last.generations[0].variants[0]
    none_left = route((1, [variant("v", 0)]))
    assert none_left.named("v") is none_left.generations[0].variants[0]
    assert found.named("x") is None


def test_shadows_are_neither_chosen_nor_named() -> None:
    found = route((1, [variant("v", 1), variant("s", 1, shadow=True)]))
    production, shadow = found.generations[0].variants
    assert {id(found.chosen()) for _ in range(100)} == {id(production)}
    assert found.named("s") is None
    assert (production.shadowed_by, shadow.shadowed_by) == (shadow, None)
    off = route((1, [variant("v", 1), variant("s", 1, weight=0, shadow=True)]))
    assert off.generations[0].variants[0].shadowed_by is None


class Told:
    """Stands in for a meter."""

    def __init__(self) -> None:
        self.samples: list[tuple[str, str, float, Mapping[str, str]]] = []

    def observe(self, place: Any, name: str, value: float, dimensions: Mapping[str, str], **how: str) -> None:
        assert place == ("1", "r")
        self.samples.append((how["namespace"], name, value, dimensions))

    def invocations(self, *_: Any, **__: Any) -> None:
        """Not looked at here."""


def test_instances_of_many_models_count_them_as_long_as_they_serve() -> None:
    told = Told()
    instances = Instances(meter=cast(Any, told), folders=cast(Any, object()))
    container = {"Image": "i", "Mode": "MultiModel", "ModelDataUrl": "s3://b/all", "MultiModelConfig": {}}
    model = {"PrimaryContainer": container, "ExecutionRoleArn": "arn:role"}
    members = [{"task": "t", "sockets": ["/s"], "log_stream": "v/i-1"}]

    def serving(weight: float) -> Any:
        settings = {"VariantName": "v", "InitialVariantWeight": weight}
        status = {"serving": [routing.generation(1, [routing.variant(settings, model, members)])]}
        found = instances.route(Record(Key("1", "r", KIND, "", "e"), "u", 0, 0, status=status), "arn")
        return found.instances["t"].models

    models = serving(1.0)
    assert models.source == ("s3://b/all", "arn:role", "r", True)
    assert serving(0.5) is models
    models.tell("ModelCacheHit", 1.0, "None")
    instances.tell_models(0.0)
    of = {"EndpointName": "e", "VariantName": "v"}
    assert told.samples == [
        ("AWS/SageMaker", "ModelCacheHit", 1.0, of),
        ("/aws/sagemaker/Endpoints", "LoadedModelCount", 0, of),
    ]


def test_one_that_broke_off_is_asked_last_for_a_while() -> None:
    found = route((1, [variant("v", 3)])).generations[0].variants[0]
    broken = found.instances[0]
    broken.doubt()
    assert all(found.in_turn()[-1] is broken for _ in range(6))
    broken.doubted_until = time.monotonic() - 1
    assert {found.in_turn()[-1].task for _ in range(6)} == {"v0", "v1", "v2"}
