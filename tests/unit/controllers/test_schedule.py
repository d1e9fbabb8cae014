"""Schedules: when they fire, what their targets get, what is left of them."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.base.ids import RandomIds
from sagewright.controllers.schedule import Schedules
from sagewright.dataplane.events.bus import Bus
from sagewright.resources.event import DELIVERY
from sagewright.resources.record import Key, Record
from sagewright.resources.schedule import KIND
from sagewright.store.base import Query
from sagewright.store.memory import MemoryStore
from sagewright.testing.clock import ManualClock

ACCOUNT, REGION = "123456789012", "us-east-1"
KEY = Key(ACCOUNT, REGION, KIND, "default", "s")
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"


class Scene:
    def __init__(self) -> None:
        self.clock, self.store = ManualClock(1_760_000_000.0), MemoryStore()  # 2025-10-09 08:53:20
        bus = Bus(self.store, self.clock, RandomIds())
        self.schedules = Schedules(self.store, bus, self.clock, RandomIds())

    def put(self, expression: str, **more: Any) -> None:
        now = self.clock.now()
        spec = {
            "ScheduleExpression": expression,
            "ScheduleExpressionTimezone": "UTC",
            "ActionAfterCompletion": "NONE",
            "Target": {"Arn": QUEUE, "Input": '{"at": "<aws.scheduler.scheduled-time>"}'},
            "since": now,
            **more,
        }
        self.store.create(Record(KEY, "u", now, now, spec, state="ENABLED"))

    def look(self) -> float | None:
        record = self.store.get(KEY)
        assert record is not None
        return self.schedules.reconcile(record)

    def sent(self) -> list[str]:
        records = self.store.list(Query(ACCOUNT, REGION, DELIVERY), limit=100).records
        return [record.spec["body"] for record in records]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_schedule_fires_and_says_when(scene: Scene) -> None:
    scene.put("cron(0 9 * * ? *)")
    assert scene.look() == 400
    scene.clock.advance(401)
    assert scene.look() == 0
    assert scene.sent() == ['{"at": "2025-10-09T09:00:00Z"}']
    assert scene.look() == 3600


def test_times_are_those_of_its_zone(scene: Scene) -> None:
    scene.put("cron(0 11 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin")
    assert scene.look() == 400


def test_once_is_once_and_may_take_the_schedule_along(scene: Scene) -> None:
    scene.put("at(2025-10-09T09:00:00)", ActionAfterCompletion="DELETE")
    scene.clock.advance(7200)
    assert scene.look() == 0
    assert scene.look() is None
    assert scene.store.get(KEY) is None
    assert len(scene.sent()) == 1


def test_start_and_end_are_kept_to(scene: Scene) -> None:
    now = scene.clock.now()
    scene.put("rate(1 minute)", StartDate=now + 600, EndDate=now + 700)
    assert scene.look() == pytest.approx(660, abs=0.01)
    scene.clock.advance(661)
    assert scene.look() == 0
    assert scene.look() is None
    assert scene.store.get(KEY) is not None
