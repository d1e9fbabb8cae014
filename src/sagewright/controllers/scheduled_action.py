"""Scheduled actions, made so: when one's time has come, its target gets other bounds.

The bounds, the note that it fired and the activity that tells of it are one write; the target's own reconcile brings
the capacity within them. What was missed while no server ran is made up for once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sagewright.base.clock import Clock
from sagewright.base.ids import Ids
from sagewright.dataplane.events.schedules import parse, zone
from sagewright.dataplane.scaling import activities
from sagewright.dataplane.scaling.targets import purges
from sagewright.resources.record import Record
from sagewright.resources.scaling import ACTION, bounded, target_of
from sagewright.store.base import Store, Write

_LONGEST_WAIT: Final = 3600.0
"""Clocks are set: a look once in a while costs nothing."""


class ScheduledActions:
    """The reconciler of scheduled actions."""

    kind = ACTION
    settled: Sequence[str] = ()

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store, self._clock, self._ids = store, clock, ids

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        now, due = self._clock.now(), _due(record)
        if due is None:
            return None
        if due <= now:
            self._fire(record, now)
            return 0.0
        return min(due - now, _LONGEST_WAIT)

    def fail(self, record: Record, reason: str) -> None:
        """A time that could not be kept is left out."""
        self._store.update(_fired(record, self._clock.now()))

    def _fire(self, record: Record, now: float) -> None:
        writes: list[Write] = [("update", _fired(record, now))]
        target = self._store.get(target_of(record.key))
        if target is not None and not target.spec.get("SuspendedState", {}).get("ScheduledScalingSuspended"):
            writes += self._scale(record, target, now)
        self._store.write(writes)

    def _scale(self, record: Record, target: Record, now: float) -> Sequence[Write]:
        bounds: Mapping[str, int] = record.spec["ScalableTargetAction"]
        cause = f"scheduled action name {record.name} was triggered"
        words, uid = _words(bounds), self._ids.uuid()
        try:
            changed = bounded(target, bounds, now)
        except ValueError as error:
            failed = activities.noted(target.key, words, cause, uid, now, failure=str(error))
            return [("create", failed), *purges(self._store, target.key, now)]
        told = activities.noted(target.key, words, cause, uid, now)
        return [("update", changed), ("create", told), *purges(self._store, target.key, now)]


def _due(record: Record) -> float | None:
    """When it is to fire next. What starts at a moment may be due in that very moment."""
    spec = record.spec
    since = max(record.modified, spec.get("StartTime", 0.0) - 1e-3)
    schedule = parse(spec["Schedule"], zone(spec.get("Timezone")), once=True)
    due = schedule.after(max(since, record.status.get("fired", 0.0)), since)
    return due if due is not None and due < spec.get("EndTime", float("inf")) else None


def _fired(record: Record, now: float) -> Record:
    return replace(record, status={**record.status, "fired": now})


def _words(bounds: Mapping[str, int]) -> str:
    names = {"MinCapacity": "min", "MaxCapacity": "max"}
    return " and ".join(f"{word} capacity to {bounds[name]}" for name, word in names.items() if name in bounds)
