"""Alarms: evaluated as time passes, and what follows from a change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.ids import RandomIds
from sagewright.controllers.alarm import Alarms, CompositeAlarms
from sagewright.dataplane.alarms.changing import Change, change
from sagewright.dataplane.events.bus import Bus
from sagewright.resources.alarm import COMPOSITE, HISTORY, METRIC
from sagewright.resources.event import DELIVERY, RULE
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query
from sagewright.store.memory import MemoryStore
from sagewright.telemetry.metrics import Metrics
from sagewright.testing.clock import ManualClock

ACCOUNT, REGION = "123456789012", "us-east-1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:t"
POLICY = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:1:resource/sagemaker/endpoint/e/variant/v:policyName/p"
SPEC = {
    "Namespace": "n",
    "MetricName": "m",
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 2,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "AlarmActions": [TOPIC, POLICY],
}


class Scene:
    def __init__(self, folder: Path) -> None:
        self.clock, self.store = ManualClock(1_760_000_040.0), MemoryStore()
        self.metrics = Metrics(folder, self.clock)
        self.bus = Bus(self.store, self.clock, RandomIds())
        self.woken: list[str] = []
        wake = lambda key: self.woken.append(key.name)  # noqa: E731
        self.scaled: list[tuple[str, str]] = []
        scale = lambda arn, alarm: self.scaled.append((arn, alarm.name))  # noqa: E731
        self.alarms = Alarms(self.store, self.bus, self.metrics, self.clock, wake, scale)
        self.composites = CompositeAlarms(self.store, self.bus, self.clock, wake)

    def put(self, name: str = "a", kind: str = METRIC, **more: Any) -> Key:
        now = self.clock.now()
        spec = {"AlarmRule": more.pop("rule")} if kind == COMPOSITE else {**SPEC, **more}
        key = Key(ACCOUNT, REGION, kind, "", name)
        self.store.create(Record(key, name, now, now, spec, {}, "INSUFFICIENT_DATA"))
        return key

    def look(self, key: Key) -> str:
        record = self.store.get(key)
        assert record is not None
        (self.alarms if key.kind == METRIC else self.composites).reconcile(record)
        return self.state(key)

    def state(self, key: Key) -> str:
        record = self.store.get(key)
        return record.state if record is not None else ""

    def sample(self, value: float) -> None:
        self.metrics.put("n", "m", {}, None, value)
        self.clock.advance(60)

    def left(self, kind: str) -> list[Record]:
        return list(self.store.list(Query(ACCOUNT, REGION, kind), limit=100).records)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.metrics.close()


def test_an_alarm_goes_off_and_calms_down(scene: Scene) -> None:
    key = scene.put()
    assert scene.look(key) == "INSUFFICIENT_DATA"
    states = []
    for value in (1, 9, 9, 9, 1):
        scene.sample(value)
        states.append(scene.look(key))
    assert states == ["OK", "OK", "ALARM", "ALARM", "OK"]
    summaries = [item.spec["HistorySummary"] for item in scene.left(HISTORY) if item.state == "StateUpdate"]
    assert sorted(summaries) == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Alarm updated from OK to ALARM",
    ]


def test_an_alarm_looks_once_a_minute(scene: Scene) -> None:
    record = scene.store.get(scene.put())
    assert record is not None
    scene.clock.advance(-30)
    assert scene.alarms.reconcile(record) == 30  # at the full minute
    quick = scene.store.get(scene.put("quick", Period=10))
    assert quick is not None
    assert scene.alarms.reconcile(quick) == 10


def test_a_state_set_by_hand_lasts_until_the_next_look(scene: Scene) -> None:
    key = scene.put()
    for _ in range(2):
        scene.sample(1)
    assert scene.look(key) == "OK"
    change(scene.store, scene.bus, key, lambda _record: Change("ALARM", "a test"), scene.clock.now())
    assert scene.look(key) == "ALARM"
    scene.clock.advance(60)
    assert scene.look(key) == "OK"


def test_an_alarm_tells_its_topic_and_its_policy(scene: Scene) -> None:
    key = scene.put()
    for _ in range(2):
        scene.sample(9)
    scene.look(key)
    by_arn = {delivery.spec["arn"]: delivery for delivery in scene.left(DELIVERY)}
    assert set(by_arn) == {TOPIC, POLICY}
    told = json.loads(by_arn[TOPIC].spec["body"])
    assert by_arn[TOPIC].spec["title"] == f'ALARM: "a" in {REGION}'
    assert (told["NewStateValue"], told["OldStateValue"]) == ("ALARM", "INSUFFICIENT_DATA")
    assert told["Trigger"]["MetricName"] == "m"


def test_a_policy_is_called_at_each_evaluation_while_the_state_lasts(scene: Scene) -> None:
    key = scene.put()
    called = []
    for value in (1, 9, 9, 9, 1):
        scene.sample(value)
        scene.look(key)
        scene.look(key)  # no evaluation: nobody is called
        called.append(len(scene.scaled))
    # At its change the alarm calls by a delivery.
    assert called == [0, 0, 0, 1, 1]
    assert scene.scaled == [(POLICY, "a")]


def test_actions_that_are_switched_off_do_nothing(scene: Scene) -> None:
    key = scene.put(ActionsEnabled=False)
    for _ in range(3):
        scene.sample(9)
        scene.look(key)
    assert scene.state(key) == "ALARM"
    assert scene.scaled == []
    assert scene.left(DELIVERY) == []


def test_a_change_is_an_event(scene: Scene) -> None:
    spec = {"EventPattern": '{"source": ["aws.cloudwatch"]}', "Targets": [{"Id": "1", "Arn": TOPIC}]}
    scene.store.create(Record(Key(ACCOUNT, REGION, RULE, "default", "r"), "r", 0, 0, spec, state="ENABLED"))
    key = scene.put(AlarmActions=[])
    scene.sample(1)
    scene.look(key)
    (delivery,) = scene.left(DELIVERY)
    event = json.loads(delivery.spec["body"])
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["detail"]["state"]["value"] == "OK"
    metric = event["detail"]["configuration"]["metrics"][0]["metricStat"]
    assert metric == {"metric": {"namespace": "n", "name": "m", "dimensions": {}}, "period": 60, "stat": "Average"}


def test_an_alarm_on_an_expression(scene: Scene) -> None:
    stat = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    queries = [
        {"Id": "m1", "MetricStat": stat, "ReturnData": False},
        {"Id": "e1", "Expression": "FILL(m1, 0) * 10", "ReturnData": True},
    ]
    key = scene.put(Metrics=queries)
    scene.sample(1)
    scene.sample(1)
    assert scene.look(key) == "ALARM"


def test_long_periods_end_at_the_moment_of_the_look(scene: Scene) -> None:
    key = scene.put(Period=300, EvaluationPeriods=1, Statistic="Sum")
    for _ in range(3):
        scene.sample(2)
    assert scene.look(key) == "ALARM"


def test_a_composite_alarm_follows_its_alarms(scene: Scene) -> None:
    a = scene.put("a")
    both = scene.put("both", COMPOSITE, rule="ALARM(a) AND NOT ALARM(b)")
    over = scene.put("over", COMPOSITE, rule="ALARM(both)")
    assert scene.look(both) == "OK"
    assert "over" in scene.woken
    for _ in range(2):
        scene.sample(9)
    scene.look(a)
    assert "both" in scene.woken
    assert scene.look(both) == "ALARM"
    assert scene.look(over) == "ALARM"


def test_nothing_is_kept_of_an_alarm_that_is_gone(scene: Scene) -> None:
    keys = [scene.put(f"alarm-{number}") for number in range(30)]
    for key in keys:
        scene.look(key)
        scene.alarms.forget(key)
    assert not scene.alarms._evaluated
    assert not scene.alarms._seen
