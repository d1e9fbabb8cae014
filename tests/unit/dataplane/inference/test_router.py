"""Routes follow the store, whoever writes when."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sagewright.dataplane.inference.meter import Meter
from sagewright.dataplane.inference.router import (
    ComponentError,
    ComponentMissing,
    ComponentUnwanted,
    NoCapacity,
    NoSuchComponent,
    Router,
)
from sagewright.dataplane.inference.routes import Variant
from sagewright.resources import inference_component, routing
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record
from sagewright.store.memory import MemoryStore
from sagewright.telemetry.metrics import Metrics
from sagewright.testing.clock import ManualClock

KEY = Key("1", "us-east-1", KIND, "", "e")


class SlowReader(MemoryStore):
    """Holds the first reader back after it has read, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.has_read, self.let_go = threading.Event(), threading.Event()
        self.slow: threading.Thread | None = None

    def get(self, key: Key) -> Record | None:
        record = super().get(key)
        if threading.current_thread() is self.slow:
            self.has_read.set()
            assert self.let_go.wait(60)
        return record


def test_an_older_state_never_replaces_a_newer_one() -> None:
    store = SlowReader()
    record = store.create(Record(KEY, "u", 0.0, 0.0, status={"EndpointArn": "arn"}, state="Creating"))
    router = Router(store)
    router.follow()

    def update() -> None:
        store.update(replace(record, state="Updating"))

    store.slow = threading.Thread(target=update)
    store.slow.start()
    assert store.has_read.wait(60)
    newer = threading.Thread(target=lambda: store.update(replace(record, state="InService", version=2)))
    newer.start()
    newer.join(0.2)
    store.let_go.set()
    store.slow.join(60)
    newer.join(60)
    assert router._routes[KEY.account, KEY.region, KEY.name].state == "InService"


# Inference components.

PLACE = (KEY.account, KEY.region, KEY.name)
MODEL = {"PrimaryContainer": {"Image": "i"}}


def table(count: int, **settings: Any) -> Mapping[str, Any]:
    """The routing table's entry for a variant with so many instances."""
    members = [{"task": f"t-{n}", "sockets": ["s"], "log_stream": f"v/i-{n}"} for n in range(count)]
    return routing.variant({"VariantName": "v", **settings}, MODEL, members)


@pytest.fixture
def router() -> Router:
    """Of an endpoint `e` that hosts components, and an endpoint `own` that has a model."""
    store = MemoryStore()
    found = Router(store)
    found.follow()
    entries: Mapping[str, Mapping[str, Any]] = {"e": routing.host({"VariantName": "v"}), "own": table(1)}
    for name, entry in entries.items():
        status = {"EndpointArn": name, "serving": [routing.generation(1, [entry])]}
        store.create(Record(KEY._replace(name=name), name, 0, 0, status=status, state="InService"))
    for name, endpoint, count in (("c", "e", 2), ("none", "e", 0), ("elsewhere", "other", 1)):
        key = KEY._replace(kind=inference_component.KIND, name=name)
        serving = [routing.generation(1, [table(count)])] if count else []
        status = {"InferenceComponentArn": name, "serving": serving}
        store.create(Record(key, name, 0, 0, spec={"EndpointName": endpoint}, status=status, state="InService"))
    return found


def test_a_request_goes_to_the_component_that_it_names(router: Router) -> None:
    route = router.route(PLACE, "c")
    assert (route.arn, route.endpoint, sorted(route.instances)) == ("c", "e", ["t-0", "t-1"])


@pytest.mark.parametrize(
    ("endpoint", "component", "error"),
    [
        ("e", None, ComponentMissing),
        ("own", "c", ComponentUnwanted),
        ("e", "unheard-of", NoSuchComponent),
        ("e", "elsewhere", NoSuchComponent),
        ("e", "none", NoCapacity),
    ],
)
def test_a_request_names_a_component_of_the_endpoint_that_has_copies(
    router: Router, endpoint: str, component: str | None, error: type[ComponentError]
) -> None:
    with pytest.raises(error):
        router.route((*PLACE[:2], endpoint), component)


def test_the_requests_of_a_component_are_counted_by_its_name(tmp_path: Path) -> None:
    store, clock = MemoryStore(), ManualClock()
    metrics = Metrics(tmp_path, clock)
    found = Router(store, Meter(metrics, clock))
    found.follow()
    host = {"EndpointArn": "e", "serving": [routing.generation(1, [routing.host({"VariantName": "v"})])]}
    store.create(Record(KEY, "e", 0, 0, status=host, state="InService"))
    key = KEY._replace(kind=inference_component.KIND, name="c")
    status = {"InferenceComponentArn": "c", "serving": [routing.generation(1, [table(1)])]}
    store.create(Record(key, "c", 0, 0, spec={"EndpointName": "e"}, status=status, state="InService"))
    chosen = found.route(PLACE, "c").chosen()
    metrics.close()
    assert chosen is not None
    assert [each.dimensions for each in chosen.counted] == [{"InferenceComponentName": "c"}]


# Whose turn it is.


def variant(count: int, strategy: str | None) -> Variant:
    config = {} if strategy is None else {"RoutingConfig": {"RoutingStrategy": strategy}}
    store = MemoryStore()
    status = {"EndpointArn": "e", "serving": [routing.generation(1, [table(count, **config)])]}
    store.create(Record(KEY, "e", 0, 0, status=status, state="InService"))
    router = Router(store)
    router.follow()
    found = router.route(PLACE).named("v")
    assert found is not None
    return found


def first(variant: Variant, times: int) -> Sequence[str]:
    return [variant.in_turn()[0].task for _ in range(times)]


def test_instances_take_turns() -> None:
    assert first(variant(3, None), 4) == ["t-1", "t-2", "t-0", "t-1"]


def test_the_instance_that_is_at_the_fewest_requests_is_next() -> None:
    found = variant(3, routing.LEAST_OUTSTANDING)
    found.instances[1].outstanding = found.instances[2].outstanding = 2
    found.instances[0].outstanding = 1
    assert first(found, 3) == ["t-0"] * 3
    found.instances[0].outstanding = 2
    assert set(first(found, 3)) == {"t-0", "t-1", "t-2"}, "of those that are at equally many, each in turn"


def test_at_random_every_instance_is_first_at_times() -> None:
    found = variant(3, routing.RANDOM)
    assert set(first(found, 200)) == {"t-0", "t-1", "t-2"}
    assert {each.task for each in found.in_turn()} == {"t-0", "t-1", "t-2"}
