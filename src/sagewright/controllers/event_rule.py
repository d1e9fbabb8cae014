"""Scheduled rules, made so: when a rule's time has come, its targets get an event.

The deliveries and the note that it fired are one write, so a tick is told once however often the server is killed.
What was missed while no server ran is made up for once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.clock import Clock
from sagewright.base.ids import Ids
from sagewright.dataplane.events.bus import Bus
from sagewright.dataplane.events.schedules import parse
from sagewright.resources.event import RULE, rule_arn
from sagewright.resources.record import Record
from sagewright.store.base import Store, Write
from sagewright.telemetry.events import Event

_LONGEST_WAIT: Final = 3600.0
"""Clocks are set: a look once in a while costs nothing."""


class EventRules:
    """The reconciler of rules; those without a schedule need nothing."""

    kind = RULE
    settled = ("DISABLED",)

    def __init__(self, store: Store, bus: Bus, clock: Clock, ids: Ids) -> None:
        self._store, self._bus, self._clock, self._ids = store, bus, clock, ids

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        expression = record.spec.get("ScheduleExpression")
        if expression is None or record.state in self.settled:
            return None
        now = self._clock.now()
        since = record.spec.get("since", record.created)
        due = parse(expression).after(max(since, record.status.get("fired", 0.0)), since)
        if due is None:
            return None
        if due <= now:
            self._fire(record, now)
            return 0.0
        return min(due - now, _LONGEST_WAIT)

    def fail(self, record: Record, reason: str) -> None:
        """A tick that could not be told is left out."""
        self._store.update(replace(record, status={**record.status, "fired": self._clock.now()}))

    def _fire(self, record: Record, now: float) -> None:
        account, region = record.key.account, record.key.region
        event = self._bus.spelled(tick(record, now), self._ids.uuid())
        targets: Sequence[Mapping[str, Any]] = record.spec.get("Targets", ())
        writes: list[Write] = [("update", replace(record, status={**record.status, "fired": now}))]
        for message in self._bus.messages(record.key, targets, event):
            writes.append(("create", self._bus.message_record(account, region, message)))
        self._store.write(writes)


def tick(record: Record, now: float) -> Event:
    """The event that a schedule makes."""
    key = record.key
    return Event(key.account, key.region, "aws.events", "Scheduled Event", {}, [rule_arn(key)], now)
