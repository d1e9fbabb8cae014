"""The bus: who gets what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sagewright.base.ids import RandomIds
from sagewright.dataplane.events.bus import Bus
from sagewright.resources.event import DELIVERY, RULE
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query
from sagewright.store.memory import MemoryStore
from sagewright.telemetry.events import Event
from sagewright.testing.clock import ManualClock

ACCOUNT, REGION = "123456789012", "us-east-1"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
OTHER = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/other"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def bus(store: MemoryStore) -> Bus:
    return Bus(store, ManualClock(), RandomIds())


def rule(name: str, pattern: Any, *targets: Mapping[str, Any], bus: str = "default", state: str = "ENABLED") -> Record:
    spec = {"EventPattern": json.dumps(pattern), "Targets": list(targets)}
    return Record(Key(ACCOUNT, REGION, RULE, bus, name), name, 0, 0, spec, state=state)


def event(source: str = "mine", **detail: Any) -> Event:
    return Event(ACCOUNT, REGION, source, "Thing happened", detail)


def deliveries(store: MemoryStore) -> Sequence[Record]:
    return store.list(Query(ACCOUNT, REGION, DELIVERY), limit=100).records


def test_each_target_of_each_rule_gets_its_own(store: MemoryStore, bus: Bus) -> None:
    store.create(rule("a", {"source": ["mine"]}, {"Id": "1", "Arn": QUEUE}, {"Id": "2", "Arn": OTHER}))
    store.create(rule("b", {"detail": {"n": [1]}}, {"Id": "1", "Arn": QUEUE, "InputPath": "$.detail"}))
    store.create(rule("c", {"source": ["others"]}, {"Id": "1", "Arn": QUEUE}))
    bus.put(event(n=1))
    bodies = [json.loads(record.spec["body"]) for record in deliveries(store)]
    assert len(bodies) == 3
    assert {"n": 1} in bodies
    whole = next(body for body in bodies if "source" in body)
    assert (whole["detail-type"], whole["account"], whole["region"]) == ("Thing happened", ACCOUNT, REGION)


def test_what_nobody_wants_is_written_nowhere(store: MemoryStore, bus: Bus) -> None:
    store.create(rule("off", {"source": ["mine"]}, {"Id": "1", "Arn": QUEUE}, state="DISABLED"))
    store.create(rule("elsewhere", {"source": ["mine"]}, {"Id": "1", "Arn": QUEUE}, bus="other"))
    assert not bus.listens(ACCOUNT, REGION)
    assert len(bus.take([event()])) == 1
    assert deliveries(store) == []


def test_a_change_of_a_rule_is_heeded_at_once(store: MemoryStore, bus: Bus) -> None:
    bus.put(event())
    record = store.create(rule("a", {"source": ["mine"]}, {"Id": "1", "Arn": QUEUE}))
    bus.put(event())
    assert len(deliveries(store)) == 1
    store.delete(record)
    bus.put(event())
    assert len(deliveries(store)) == 1


def test_what_was_forwarded_is_not_forwarded_again(store: MemoryStore, bus: Bus) -> None:
    store.create(rule("on", {"source": ["mine"]}, {"Id": "1", "Arn": QUEUE}, {"Id": "2", "Arn": OTHER}, bus="other"))
    spelled = bus.spelled(event(), "e")
    for _ in range(2):  # a delivery may be repeated
        bus.forward(spelled, ACCOUNT, REGION, "other", "e:a:0")
    assert [record.spec["arn"] for record in deliveries(store)] == [QUEUE]
