"""Where events and alarms may be sent, and how each kind of target is handed its text.

`TARGETS` is the table: by the service in the target's ARN, what to check before it is promised and how to deliver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson

from sagewright.base.errors import AlreadyExists, Terminal
from sagewright.dataplane.events.bus import Bus
from sagewright.resources.alarm import METRIC
from sagewright.resources.arn import Arn
from sagewright.resources.record import Key
from sagewright.telemetry.logs import Logs

Ask = Callable[..., Mapping[str, Any]]
"""`ask(service, operation, params, account=…, region=…)`: an operation of a neighbouring service."""


def _nobody(policy: str, _alarm: Key) -> None:
    raise Terminal(f"Nothing scales by {policy} here.")


@dataclass(frozen=True, slots=True)
class Outlets:
    """What deliveries go through."""

    logs: Logs
    bus: Bus
    ask: Ask
    scale: Callable[[str, Key], None] = _nobody
    """Has a scaling policy, by its ARN, look at the alarm that calls it. Raises AwsError where there is no such."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One text on its way to one target."""

    name: str
    """The delivery's own, the same each time it is tried."""
    arn: Arn
    body: str
    target: Mapping[str, Any]
    rule: str
    title: str


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of target."""

    deliver: Callable[[Outlets, Delivery], None]
    """Hands the text over. Raises Transient to be called again later, AwsError or Terminal when that is no use."""
    refusal: Callable[[Arn, Mapping[str, Any]], str | None] = lambda _arn, _target: None
    """What is wrong with a target before anything was sent, as a sentence."""


def _to_queue(outlets: Outlets, delivery: Delivery) -> None:
    where = {"account": delivery.arn.account, "region": delivery.arn.region}
    message = {"QueueUrl": queue_url(outlets.ask, delivery.arn), "MessageBody": delivery.body}
    group = delivery.target.get("SqsParameters", {}).get("MessageGroupId")
    if group is not None:
        message |= {"MessageGroupId": group, "MessageDeduplicationId": _short(delivery.name)}
    outlets.ask("sqs", "SendMessage", message, **where)


def queue_url(ask: Ask, queue: Arn) -> str:
    answer = ask("sqs", "GetQueueUrl", {"QueueName": queue.resource}, account=queue.account, region=queue.region)
    return str(answer["QueueUrl"])


def _queue_refusal(arn: Arn, target: Mapping[str, Any]) -> str | None:
    if arn.resource.endswith(".fifo") and "SqsParameters" not in target:
        return f"Parameter SqsParameters must be specified for FIFO queue {arn}: it needs a MessageGroupId."
    return None


def _to_topic(outlets: Outlets, delivery: Delivery) -> None:
    params = {"TopicArn": str(delivery.arn), "Message": delivery.body}
    if delivery.title:
        params["Subject"] = delivery.title[:100]
    outlets.ask("sns", "Publish", params, account=delivery.arn.account, region=delivery.arn.region)


def _to_state_machine(outlets: Outlets, delivery: Delivery) -> None:
    # The name makes a repeated delivery start nothing twice.
    params = {"stateMachineArn": str(delivery.arn), "input": delivery.body, "name": _short(delivery.name)}
    outlets.ask("stepfunctions", "StartExecution", params, account=delivery.arn.account, region=delivery.arn.region)


def _to_log_group(outlets: Outlets, delivery: Delivery) -> None:
    """Each rule has a stream of its own in the group."""
    group = _log_group(delivery.arn)
    logs = outlets.logs.at(delivery.arn.account, delivery.arn.region)
    stream = delivery.rule.rpartition("/")[2] or "events"
    with suppress(AlreadyExists):
        logs.create_stream(group, stream)
    logs.put(group, stream, [_log_event(delivery.body, logs.now)])


def _log_event(body: str, now: int) -> tuple[int, str]:
    """What is logged, and when: an input transformer may give both."""
    value = orjson.loads(body)
    if isinstance(value, dict) and set(value) == {"timestamp", "message"}:
        when = value["timestamp"]
        return (when if isinstance(when, int) and 0 <= when <= now else now), str(value["message"])
    return now, body


def _log_group(arn: Arn) -> str:
    return arn.resource.removeprefix("log-group:").removesuffix(":*")


def _log_refusal(arn: Arn, _target: Mapping[str, Any]) -> str | None:
    return None if arn.resource.startswith("log-group:") else f"{arn} does not name a log group."


def _to_bus(outlets: Outlets, delivery: Delivery) -> None:
    arn = delivery.arn
    name = arn.resource.removeprefix("event-bus/")
    outlets.bus.forward(orjson.loads(delivery.body), arn.account, arn.region, name, delivery.name)


def _bus_refusal(arn: Arn, target: Mapping[str, Any]) -> str | None:
    if not arn.resource.startswith("event-bus/"):
        return f"{arn} is not an event bus. Sagewright does not send events to API destinations."
    changed = [member for member in ("Input", "InputPath", "InputTransformer") if member in target]
    return f"An event bus gets events as they are: leave {changed[0]} out." if changed else None


def _to_scaling_policy(outlets: Outlets, delivery: Delivery) -> None:
    """Deliveries to policies are of alarms' notifications."""
    name = orjson.loads(delivery.body)["AlarmName"]
    outlets.scale(str(delivery.arn), Key(delivery.arn.account, delivery.arn.region, METRIC, "", name))


def _policy_refusal(arn: Arn, _target: Mapping[str, Any]) -> str | None:
    return f"{arn} is not a target of events: alarms call scaling policies."


def _short(name: str) -> str:
    """A delivery's name within 80 letters that no service minds."""
    return name.replace(":", "-")[-80:]


TARGETS: Final[Mapping[str, Target]] = {
    # Add a kind of target here: the service in its ARN, how it gets its text, what it needs to be told.
    "sqs": Target(_to_queue, _queue_refusal),
    "sns": Target(_to_topic),
    "states": Target(_to_state_machine),
    "logs": Target(_to_log_group, _log_refusal),
    "events": Target(_to_bus, _bus_refusal),
    "autoscaling": Target(_to_scaling_policy, _policy_refusal),
}

_NOT_YET: Final[Mapping[str, str]] = {
    "sagemaker": "start pipelines from events yet",
    "lambda": "run Lambda functions",
    "kinesis": "run Kinesis streams",
    "firehose": "run Firehose streams",
}


def refusal(target: Mapping[str, Any], account: str) -> str | None:
    """Why a target of PutTargets cannot be had, as a sentence; None where it can."""
    try:
        arn = Arn.parse(target["Arn"])
    except ValueError:
        return f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not in correct format."
    kind = TARGETS.get(arn.service)
    if kind is None:
        what = _NOT_YET.get(arn.service, f"send events to {arn.service or 'that'}")
        return f"Sagewright does not {what}. Use SQS, SNS, Step Functions, a log group or another bus as target."
    if arn.account != account:
        return f"{arn} belongs to another account. Sagewright sends events within an account."
    return kind.refusal(arn, target)
