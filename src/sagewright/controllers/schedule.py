"""Schedules, made so: when one's time has come, its target gets its input.

The delivery and the note that it fired are one write. What was missed while no server ran is made up for once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import orjson

from sagewright.base.clock import Clock
from sagewright.base.ids import Ids
from sagewright.dataplane.events.bus import Bus, Message, iso
from sagewright.dataplane.events.schedules import parse, zone
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.resources.schedule import KIND, schedule_arn
from sagewright.store.base import Store, Write
from sagewright.telemetry.events import Event

_LONGEST_WAIT: Final = 3600.0


class Schedules:
    """The reconciler of schedules."""

    kind = KIND
    settled = ("DISABLED",)

    def __init__(self, store: Store, bus: Bus, clock: Clock, ids: Ids) -> None:
        self._store, self._bus, self._clock, self._ids = store, bus, clock, ids

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        if record.state in self.settled:
            return None
        now, due = self._clock.now(), self._due(record)
        if due is None:
            if record.spec["ActionAfterCompletion"] == "DELETE" and "fired" in record.status:
                self._store.delete(record)
            return None
        if due <= now:
            self._fire(record, due, now)
            return 0.0
        return min(due - now, _LONGEST_WAIT)

    def fail(self, record: Record, reason: str) -> None:
        """A tick that could not be told is left out."""
        self._store.update(replace(record, status={**record.status, "fired": self._clock.now()}))

    @staticmethod
    def _due(record: Record) -> float | None:
        spec = record.spec
        # A schedule that starts at a moment may be due in that very moment.
        since = max(spec["since"], spec.get("StartDate", 0.0) - 1e-3)
        schedule = parse(spec["ScheduleExpression"], zone(spec["ScheduleExpressionTimezone"]), once=True)
        due = schedule.after(max(since, record.status.get("fired", 0.0)), since)
        return due if due is not None and due < spec.get("EndDate", float("inf")) else None

    def _fire(self, record: Record, due: float, now: float) -> None:
        """`fired` is the moment that was due, or the present one where more than one was missed."""
        account, region, target = record.key.account, record.key.region, record.spec["Target"]
        arn = Arn.parse(target["Arn"])
        body = self._input(record, due)
        if arn.service == "events":
            about = target["EventBridgeParameters"]
            bus = arn.resource.removeprefix("event-bus/")
            detail = _object(body)
            event = Event(account, region, about["Source"], about["DetailType"], detail, time=now, bus=bus)
            made = list(self._bus.deliveries(event))
        else:
            made = [self._bus.message_record(account, region, Message(target["Arn"], body, target))]
        fired = replace(record, status={**record.status, "fired": now})
        writes: list[Write] = [("update", fired), *(("create", each) for each in made)]
        self._store.write(writes)

    def _input(self, record: Record, due: float) -> str:
        """The target's input, with what schedules fill in."""
        text: str = record.spec["Target"].get("Input", "{}")
        for name, value in (
            ("schedule-arn", schedule_arn(record.key)),
            ("scheduled-time", iso(due)),
            ("execution-id", self._ids.uuid()),
            ("attempt-number", "1"),
        ):
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return text


def _object(text: str) -> dict[str, object]:
    try:
        value = orjson.loads(text)
    except ValueError:
        value = text
    return value if isinstance(value, dict) else {"input": value}
