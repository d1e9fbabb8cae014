"""Scheduled rules: when they fire, and how often."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sagewright.base.ids import RandomIds
from sagewright.controllers.event_rule import EventRules
from sagewright.dataplane.events.bus import Bus
from sagewright.resources.event import DELIVERY, RULE
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query
from sagewright.store.memory import MemoryStore
from sagewright.testing.clock import ManualClock

ACCOUNT, REGION = "123456789012", "us-east-1"
KEY = Key(ACCOUNT, REGION, RULE, "default", "tick")
TARGETS = [{"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"}]


class Scene:
    def __init__(self) -> None:
        self.clock, self.store = ManualClock(1_760_000_000.0), MemoryStore()
        bus = Bus(self.store, self.clock, RandomIds())
        self.rules = EventRules(self.store, bus, self.clock, RandomIds())

    def put(self, expression: str, state: str = "ENABLED") -> None:
        now = self.clock.now()
        spec = {"ScheduleExpression": expression, "Targets": TARGETS}
        self.store.create(Record(KEY, "u", now, now, spec, state=state))

    def look(self) -> float | None:
        record = self.store.get(KEY)
        assert record is not None
        return self.rules.reconcile(record)

    def sent(self) -> list[dict[str, object]]:
        records = self.store.list(Query(ACCOUNT, REGION, DELIVERY), limit=100).records
        return [json.loads(record.spec["body"]) for record in records]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_rule_fires_on_its_beat(scene: Scene) -> None:
    scene.put("rate(5 minutes)")
    assert scene.look() == 300
    scene.clock.advance(299)
    assert scene.look() == 1
    assert scene.sent() == []
    scene.clock.advance(1.5)
    assert scene.look() == 0
    assert scene.look() == pytest.approx(299.5)
    (event,) = scene.sent()
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert event["resources"] == [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/tick"]


def test_what_was_missed_is_made_up_for_once(scene: Scene) -> None:
    scene.put("rate(1 minute)")
    scene.clock.advance(3600.5)
    assert scene.look() == 0
    assert scene.look() == pytest.approx(59.5)
    assert len(scene.sent()) == 1


def test_a_rule_that_was_disabled_makes_up_for_nothing(scene: Scene) -> None:
    scene.put("rate(1 minute)", state="DISABLED")
    scene.clock.advance(3600)
    assert scene.look() is None
    scene.store.amend(
        KEY, lambda record: replace(record, state="ENABLED", spec={**record.spec, "since": scene.clock.now()})
    )
    assert scene.look() == 60
    assert scene.sent() == []


def test_a_schedule_that_is_over_needs_no_look(scene: Scene) -> None:
    scene.put("cron(0 0 1 1 ? 2020)")
    assert scene.look() is None


def test_far_dates_are_looked_at_once_an_hour(scene: Scene) -> None:
    scene.put("cron(0 0 1 1 ? 2040)")
    assert scene.look() == 3600
