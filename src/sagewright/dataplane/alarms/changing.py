"""An alarm changes its state: the record, its history, the event and the actions, in one write.

Both who asks (SetAlarmState) and who evaluates come here, so that every change has all of its consequences, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from sagewright.base.errors import StaleRecord
from sagewright.dataplane.events.bus import Bus, Message
from sagewright.resources.alarm import ACTIONS, COMPOSITE, alarm_arn, history
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store, Write, attempts
from sagewright.telemetry.events import Event

_LONGEST_DATA: Final = 4000


@dataclass(frozen=True, slots=True)
class Change:
    """The state that an alarm is to have, and why."""

    state: str
    reason: str
    data: Mapping[str, Any] | str = field(default_factory=dict)
    """What the reason rests on, as JSON."""


def change(store: Store, bus: Bus, key: Key, decide: Callable[[Record], Change | None], now: float) -> Record | None:
    """Have an alarm in the state that `decide` says; None from it leaves all as it is.

    Returns the record as it now stands, None if there is none. `decide` may run several times.
    """
    for _ in attempts():
        record = store.get(key)
        if record is None:
            return None
        wanted = decide(record)
        if wanted is None:
            return record
        try:
            return store.write(_writes(bus, record, wanted, now))[0]
        except StaleRecord:
            continue
    raise StaleRecord(f"alarm {key.name!r} kept changing while it was being written")


def _writes(bus: Bus, record: Record, wanted: Change, now: float) -> Sequence[Write]:
    data = wanted.data if isinstance(wanted.data, str) else orjson.dumps(wanted.data).decode()
    status: dict[str, Any] = {
        **record.status,
        "StateReason": wanted.reason[:1023],
        "StateUpdatedTimestamp": now,
    }
    status.pop("StateReasonData", None)
    if wanted.data and len(data) <= _LONGEST_DATA:
        status["StateReasonData"] = data
    moved = wanted.state != record.state
    if moved:
        status["StateTransitionedTimestamp"] = now
    changed = replace(record, status=status, state=wanted.state)
    writes: list[Write] = [("update", changed)]
    if not moved:
        return writes
    key = record.key
    told = {"type": "StateUpdate", "oldState": _history_state(record), "newState": _history_state(changed)}
    summary = f"Alarm updated from {record.state} to {wanted.state}"
    made = [history(key, "StateUpdate", summary, told, now, str(record.version))]
    made += bus.deliveries(state_event(record, changed, now))
    if record.spec.get("ActionsEnabled", True):
        for number, arn in enumerate(dict.fromkeys(record.spec.get(ACTIONS[wanted.state], ()))):
            made.append(_act(bus, record, changed, arn, f"{record.version}.{number}", now))
    return writes + [("create", each) for each in made]


def _act(bus: Bus, before: Record, after: Record, arn: str, mark: str, now: float) -> Record:
    """The delivery of the notification to a topic or a scaling policy."""
    key = after.key
    message = Message(
        arn,
        orjson.dumps(notification(before, after, now)).decode(),
        title=f'{after.state}: "{key.name}" in {key.region}',
        about={"alarm": key.name, "kind": key.kind, "mark": mark},
    )
    return bus.message_record(key.account, key.region, message)


def _history_state(record: Record) -> Mapping[str, Any]:
    state: dict[str, Any] = {"stateValue": record.state, "stateReason": record.status.get("StateReason", "")}
    if "StateReasonData" in record.status:
        state["stateReasonData"] = _json_or_text(record.status["StateReasonData"])
    return state


def _json_or_text(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return text


def state_event(before: Record, after: Record, now: float) -> Event:
    """EventBridge's "CloudWatch Alarm State Change"."""
    key = after.key
    detail = {
        "alarmName": key.name,
        "state": _event_state(after),
        "previousState": _event_state(before),
        "configuration": _configuration(after),
    }
    arn = alarm_arn(key.account, key.region, key.name)
    return Event(key.account, key.region, "aws.cloudwatch", "CloudWatch Alarm State Change", detail, [arn], now)


def _event_state(record: Record) -> Mapping[str, Any]:
    status = record.status
    state = {
        "value": record.state,
        "reason": status.get("StateReason", ""),
        "timestamp": stamp(status.get("StateUpdatedTimestamp", record.created)),
    }
    return {**state, "reasonData": status["StateReasonData"]} if "StateReasonData" in status else state


def _configuration(record: Record) -> Mapping[str, Any]:
    spec = record.spec
    described = {"description": spec["AlarmDescription"]} if "AlarmDescription" in spec else {}
    if record.key.kind == COMPOSITE:
        return {**described, "alarmRule": spec["AlarmRule"]}
    return {**described, "metrics": [_metric(query) for query in queries_of(spec)]}


def queries_of(spec: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What a metric alarm watches, as metric data queries; one of them returns data."""
    if "Metrics" in spec:
        return list(spec["Metrics"])
    named = {member: spec[member] for member in ("Namespace", "MetricName", "Dimensions") if member in spec}
    stat = {"Metric": named, "Period": spec["Period"], "Stat": spec.get("Statistic") or spec.get("ExtendedStatistic")}
    if "Unit" in spec:
        stat["Unit"] = spec["Unit"]
    return [{"Id": "m1", "MetricStat": stat, "ReturnData": True}]


def _metric(query: Mapping[str, Any]) -> Mapping[str, Any]:
    told: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if "MetricStat" not in query:
        return {**told, "expression": query["Expression"]}
    stat = query["MetricStat"]
    metric = stat["Metric"]
    about = {
        "namespace": metric.get("Namespace"),
        "name": metric.get("MetricName"),
        "dimensions": {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())},
    }
    return {**told, "metricStat": {"metric": about, "period": stat["Period"], "stat": stat["Stat"]}}


def notification(before: Record, after: Record, now: float) -> Mapping[str, Any]:
    """The message that CloudWatch publishes to a topic."""
    key, spec = after.key, after.spec
    message = {
        "AlarmName": key.name,
        "AlarmDescription": spec.get("AlarmDescription"),
        "AWSAccountId": key.account,
        "AlarmConfigurationUpdatedTimestamp": stamp(after.modified),
        "NewStateValue": after.state,
        "NewStateReason": after.status.get("StateReason", ""),
        "StateChangeTime": stamp(now),
        "Region": key.region,
        "AlarmArn": alarm_arn(key.account, key.region, key.name),
        "OldStateValue": before.state,
        "OKActions": spec.get("OKActions", []),
        "AlarmActions": spec.get("AlarmActions", []),
        "InsufficientDataActions": spec.get("InsufficientDataActions", []),
    }
    if key.kind == COMPOSITE:
        return {**message, "AlarmRule": spec["AlarmRule"]}
    return {**message, "Trigger": _trigger(spec)}


def _trigger(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    if "Metrics" in spec:
        watched: dict[str, Any] = {"Metrics": [_metric(query) for query in spec["Metrics"]]}
    else:
        extended = "ExtendedStatistic" in spec
        watched = {
            "MetricName": spec["MetricName"],
            "Namespace": spec["Namespace"],
            "StatisticType": "ExtendedStatistic" if extended else "Statistic",
            "Statistic": spec["ExtendedStatistic"] if extended else spec["Statistic"].upper(),
            "Unit": spec.get("Unit"),
            "Dimensions": [{"value": each["Value"], "name": each["Name"]} for each in spec.get("Dimensions", ())],
            "Period": spec["Period"],
        }
    return {
        **watched,
        "EvaluationPeriods": spec["EvaluationPeriods"],
        "DatapointsToAlarm": spec.get("DatapointsToAlarm", spec["EvaluationPeriods"]),
        "ComparisonOperator": spec["ComparisonOperator"],
        "Threshold": spec["Threshold"],
        "TreatMissingData": spec.get("TreatMissingData", "missing"),
        "EvaluateLowSampleCountPercentile": spec.get("EvaluateLowSampleCountPercentile", ""),
    }


def stamp(time: float) -> str:
    """A moment as CloudWatch spells it in its messages, in milliseconds."""
    moment = datetime.fromtimestamp(time, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"
