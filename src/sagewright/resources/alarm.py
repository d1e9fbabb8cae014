"""What CloudWatch keeps of alarms: metric alarms, composite alarms, and the history of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from sagewright.resources.arn import Arn
from sagewright.resources.record import Key, Record

METRIC: Final = "alarm"
COMPOSITE: Final = "composite-alarm"
HISTORY: Final = "alarm-history"
"""An item's parent is the alarm's name, its state the type of the item. It outlives the alarm."""
TYPES: Final[Mapping[str, str]] = {METRIC: "MetricAlarm", COMPOSITE: "CompositeAlarm"}

OK, ALARM, UNKNOWN = "OK", "ALARM", "INSUFFICIENT_DATA"
ACTIONS: Final[Mapping[str, str]] = {
    OK: "OKActions",
    ALARM: "AlarmActions",
    UNKNOWN: "InsufficientDataActions",
}
"""The member that holds what is to be done on entering a state."""
_LONGEST: Final = 4095


def alarm_arn(account: str, region: str, name: str) -> str:
    return str(Arn("aws", "cloudwatch", region, account, f"alarm:{name}"))


def history(key: Key, kind: str, summary: str, data: Mapping[str, Any], now: float, mark: str) -> Record:
    """An item about the alarm `key`; `kind` is ConfigurationUpdate, StateUpdate or Action.

    `mark` tells the items of one moment apart.
    """
    text = orjson.dumps({"version": "1.0", **data}).decode()
    if len(text) > _LONGEST:
        text = orjson.dumps({"version": "1.0", "type": data.get("type", kind), "error": "too long to keep"}).decode()
    moment = f"{round(now * 1e6):018d}-{kind}-{mark}"
    return Record(
        key=Key(key.account, key.region, HISTORY, key.name, moment),
        uid=f"{key.name}-{moment}",
        created=now,
        modified=now,
        spec={
            "AlarmName": key.name,
            "AlarmType": TYPES.get(key.kind, TYPES[METRIC]),
            "Timestamp": now,
            "HistoryItemType": kind,
            "HistorySummary": summary[:255],
            "HistoryData": text,
        },
        state=kind,
    )


def acted(delivery: Record, reason: str | None, now: float) -> Record:
    """The item about an action that was carried out (`reason` is None) or failed for a reason."""
    spec = delivery.spec
    key = Key(delivery.key.account, delivery.key.region, spec["kind"], "", spec["alarm"])
    return action(key, spec["arn"], reason, now, spec["mark"])


def action(key: Key, arn: str, reason: str | None, now: float, mark: str) -> Record:
    done = reason is None
    summary = f"Successfully executed action {arn}" if done else f"Failed to execute action {arn}. {reason}"
    data = {"type": "Action", "actionState": "Succeeded" if done else "Failed", "notificationResource": arn}
    return history(key, "Action", summary, data if done else {**data, "error": reason}, now, mark)
