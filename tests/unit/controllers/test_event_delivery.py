"""Deliveries: tried until they arrive, and what happens when they do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError, Transient
from sagewright.base.ids import RandomIds
from sagewright.controllers.event_delivery import Deliveries
from sagewright.dataplane.events.bus import Bus, Message
from sagewright.dataplane.events.targets import Outlets
from sagewright.resources.alarm import HISTORY
from sagewright.resources.event import DELIVERY, RULE
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query
from sagewright.store.memory import MemoryStore
from sagewright.telemetry.logs import Logs
from sagewright.telemetry.metrics import Metric, Metrics
from sagewright.testing.clock import ManualClock

ACCOUNT, REGION = "123456789012", "us-east-1"
RULE_ARN = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/r"


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


@dataclass
class Neighbours:
    """Remembers what it was asked, and refuses when it is told to."""

    asked: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    refuse: Callable[[str], Exception | None] = lambda _operation: None

    def ask(self, service: str, operation: str, params: Mapping[str, Any], **_where: str) -> Mapping[str, Any]:
        error = self.refuse(operation)
        if error is not None:
            raise error
        self.asked.append((service, operation, params))
        return {"QueueUrl": f"http://queues/{params['QueueName']}"} if operation == "GetQueueUrl" else {}


class Scene:
    def __init__(self, folder: Path) -> None:
        self.clock, self.store, self.neighbours = ManualClock(), MemoryStore(), Neighbours()
        self.bus = Bus(self.store, self.clock, RandomIds())
        self.logs, self.metrics = Logs(folder / "logs", self.clock), Metrics(folder / "metrics", self.clock)
        outlets = Outlets(self.logs, self.bus, self.neighbours.ask)
        self.deliveries = Deliveries(self.store, outlets, self.metrics, self.clock)

    def send(self, target_arn: str, body: str = '{"a": 1}', **more: Any) -> Record:
        message = Message(target_arn, body, **{"rule": RULE_ARN, **more})
        return self.store.create(self.bus.message_record(ACCOUNT, REGION, message, "event-1:r:0"))

    def deliver(self, record: Record) -> float | None:
        newest = self.store.get(record.key)
        assert newest is not None
        return self.deliveries.reconcile(newest)

    def left(self, kind: str = DELIVERY) -> list[Record]:
        return list(self.store.list(Query(ACCOUNT, REGION, kind), limit=100).records)

    def counted(self, name: str) -> float:
        now = self.clock.now()
        periods = self.metrics.query(Metric("AWS/Events", name, {"RuleName": "r"}), 0, now + 99_999, 86_400)
        return sum(period.sum for period in periods)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.metrics.close()


def test_a_queue(scene: Scene) -> None:
    assert scene.deliver(scene.send(arn("sqs", "q"))) is None
    sent = {"QueueUrl": "http://queues/q", "MessageBody": '{"a": 1}'}
    assert scene.neighbours.asked[-1] == ("sqs", "SendMessage", sent)
    assert scene.left() == []
    assert scene.counted("Invocations") == 1


def test_an_ordered_queue(scene: Scene) -> None:
    scene.deliver(scene.send(arn("sqs", "q.fifo"), target={"SqsParameters": {"MessageGroupId": "g"}}))
    sent = scene.neighbours.asked[-1][2]
    assert (sent["MessageGroupId"], sent["MessageDeduplicationId"]) == ("g", "event-1-r-0")


def test_a_topic(scene: Scene) -> None:
    scene.deliver(scene.send(arn("sns", "t"), title="Hello"))
    params = {"TopicArn": arn("sns", "t"), "Message": '{"a": 1}', "Subject": "Hello"}
    assert scene.neighbours.asked == [("sns", "Publish", params)]


def test_a_state_machine_is_started_by_a_name_that_a_repetition_has_too(scene: Scene) -> None:
    scene.deliver(scene.send(arn("states", "stateMachine:m")))
    service, operation, params = scene.neighbours.asked[-1]
    assert (service, operation, params["name"]) == ("stepfunctions", "StartExecution", "event-1-r-0")


def test_a_log_group(scene: Scene) -> None:
    scene.logs.create_group("/aws/events/g")
    scene.deliver(scene.send(arn("logs", "log-group:/aws/events/g:*")))
    scene.deliver(scene.send(arn("logs", "log-group:/aws/events/g"), '{"timestamp": 5, "message": "short"}'))
    events = scene.logs.events("/aws/events/g", "r").events
    assert {event.message for event in events} == {'{"a": 1}', "short"}


def test_another_bus(scene: Scene) -> None:
    spec = {"EventPattern": '{"source": ["mine"]}', "Targets": [{"Id": "1", "Arn": arn("sqs", "q")}]}
    scene.store.create(Record(Key(ACCOUNT, REGION, RULE, "other", "r2"), "r2", 0, 0, spec, state="ENABLED"))
    event = json.dumps({"id": "event-1", "source": "mine", "account": ACCOUNT, "region": REGION})
    scene.deliver(scene.send(arn("events", "event-bus/other"), event))
    assert [record.spec["arn"] for record in scene.left()] == [arn("sqs", "q")]


def test_what_fails_for_a_while_is_tried_again(scene: Scene) -> None:
    record = scene.send(arn("sns", "t"))
    scene.neighbours.refuse = lambda _operation: Transient("Not now.")
    assert [scene.deliver(record), scene.deliver(record)] == [1.0, 1.0]  # a wake-up in between changes nothing
    scene.clock.advance(1)
    assert scene.deliver(record) == 2.0
    scene.clock.advance(2)
    scene.neighbours.refuse = lambda _operation: None
    assert scene.deliver(record) is None
    assert scene.left() == []


def test_what_used_up_its_tries_goes_to_its_dead_letter_queue(scene: Scene) -> None:
    target = {"RetryPolicy": {"MaximumRetryAttempts": 1}, "DeadLetterConfig": {"Arn": arn("sqs", "dead")}}
    record = scene.send(arn("sns", "t"), target=target)
    scene.neighbours.refuse = lambda operation: Transient("Not now.") if operation == "Publish" else None
    assert scene.deliver(record) == 1.0
    scene.clock.advance(1)
    assert scene.deliver(record) is None
    sent = scene.neighbours.asked[-1][2]
    assert (sent["QueueUrl"], sent["MessageBody"]) == ("http://queues/dead", '{"a": 1}')
    told = {name: value["StringValue"] for name, value in sent["MessageAttributes"].items()}
    assert told["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert (told["RULE_ARN"], told["TARGET_ARN"]) == (RULE_ARN, arn("sns", "t"))
    assert scene.left() == []
    assert scene.counted("FailedInvocations") == 1


def test_what_grew_too_old_is_given_up(scene: Scene) -> None:
    record = scene.send(arn("sns", "t"), target={"RetryPolicy": {"MaximumEventAgeInSeconds": 60}})
    scene.neighbours.refuse = lambda _operation: Transient("Not now.")
    scene.clock.advance(59.5)
    assert scene.deliver(record) is None
    assert scene.left() == []


def test_what_is_refused_is_not_tried_again(scene: Scene) -> None:
    scene.neighbours.refuse = lambda _operation: AwsError("NotFound", "There is no such topic.", status=404)
    assert scene.deliver(scene.send(arn("sns", "t"))) is None
    assert scene.left() == []


@pytest.mark.parametrize("refused", [False, True])
def test_an_alarms_history_says_how_its_action_went(scene: Scene, refused: bool) -> None:
    if refused:
        scene.neighbours.refuse = lambda _operation: AwsError("NotFound", "There is no such topic.")
    scene.deliver(scene.send(arn("sns", "t"), rule="", about={"alarm": "a", "kind": "alarm", "mark": "1.0"}))
    (item,) = scene.left(HISTORY)
    assert (item.key.parent, item.state) == ("a", "Action")
    assert item.spec["HistorySummary"].startswith("Failed" if refused else "Successfully")
