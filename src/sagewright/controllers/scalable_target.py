"""Scalable targets, made so: what their alarms call for is done to endpoints and inference components.

An alarm calls a policy when it changes and at each evaluation for as long as its state lasts (`call`). Calls are kept
in memory: one that is lost, or that comes while the endpoint is updating, is made again by the next evaluation. So a
target costs nothing while no alarm calls. A change of capacity, the activity that tells of it and the target's note of
that are one write.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any, Final

from sagewright.base.clock import Clock
from sagewright.base.errors import AwsError, StaleRecord
from sagewright.base.ids import Ids
from sagewright.controllers import scaling_proposals
from sagewright.dataplane.scaling import activities
from sagewright.dataplane.scaling.activities import Change
from sagewright.dataplane.scaling.deciding import Bounds, Cooldown, Decision, Refusal, decide, start_of
from sagewright.dataplane.scaling.targets import activity_of, deregistration, purges
from sagewright.resources.record import Key, Record
from sagewright.resources.scaling import (
    ACTIVITY,
    TARGET,
    Capacity,
    Place,
    place,
    policies_named,
    target_of,
)
from sagewright.store.base import Query, Store, Write
from sagewright.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)
_READY: Final = "InService"
_RECENT: Final = 10
_IN_VAIN: Final = (activities.NOT_SCALED, "Failed")
_GONE: Final = "The scalable target is gone with what it scaled."

Called = set[tuple[str, str]]
"""Names of policies and of the alarms that call them."""


class ScalableTargets:
    """The reconciler of scalable targets."""

    kind = TARGET
    settled: Sequence[str] = ()

    def __init__(self, store: Store, metrics: Metrics, clock: Clock, ids: Ids, wake: Callable[[Key], None]) -> None:
        self._store, self._metrics, self._clock, self._ids, self._wake = store, metrics, clock, ids, wake
        self._lock = threading.Lock()
        self._called: dict[Key, Called] = {}
        self._watching: dict[Key, set[Key]] = {}
        """From what has a capacity to its targets, until it is written; whoever is looked at then watches again."""
        store.subscribe(self._noticed)

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def call(self, arn: str, alarm: Key) -> None:
        """Have a policy look at an alarm. From any thread. Raises AwsError where there is no such policy."""
        for key in policies_named(alarm.account, alarm.region, arn):
            policy = self._store.get(key)
            if policy is None or policy.status["PolicyARN"] != arn:
                continue
            own = [each["AlarmName"] for each in policy.status.get("Alarms", ())]
            if policy.spec["PolicyType"] == "TargetTrackingScaling" and alarm.name not in own:
                raise AwsError("ValidationError", f"{key.name} tracks a target: only the alarms it made call it.")
            self._remember(target_of(key), {(key.name, alarm.name)})
            self._wake(target_of(key))
            return
        raise AwsError("ValidationError", f"No scaling policy found for {arn}.")

    def reconcile(self, record: Record) -> float | None:
        where = place(record.key)
        assert where is not None  # it was checked when the target was registered
        with self._lock:
            self._watching.setdefault(where.key, set()).add(record.key)
            called = self._called.pop(record.key, set())
        resource = self._store.get(where.key)
        capacity = where.capacity(resource) if resource is not None else None
        if resource is None or _is_another(record, resource) or (capacity is None and resource.state == _READY):
            self._store.write(deregistration(self._store, record, _GONE, self._clock.now()))
            return None
        if capacity is None:
            return None  # an update takes it away, if it succeeds
        try:
            self._scale(record, where, resource, capacity, called)
        except StaleRecord:
            self._remember(record.key, called)
            raise
        return None  # the alarms call, and what is scaled wakes it when it has changed

    def forget(self, key: Key) -> None:
        with self._lock:
            self._called.pop(key, None)
            for where in [where for where, targets in self._watching.items() if key in targets]:
                self._watching[where].discard(key)
                if not self._watching[where]:
                    del self._watching[where]

    def fail(self, record: Record, reason: str) -> None:
        _log.error("%s could not be scaled: %s", record.key.parent, reason)

    def _scale(self, record: Record, where: Place, resource: Record, capacity: Capacity, called: Called) -> None:
        record = self._follow(record, resource, capacity)
        if not capacity.short and (resource.state != _READY or "activity" in record.status):
            return
        if record.status.get("bounded") != _bounds_mark(record):
            record, changing = self._bind(record, where, resource, capacity)
            if changing:
                return
        if called:
            self._answer(record, where, resource, capacity, called)

    # What is under way.

    def _follow(self, record: Record, resource: Record, capacity: Capacity) -> Record:
        """End the activity in progress when its change is done, or never will be. The target as it now stands."""
        activity = activity_of(self._store, record)
        status = {member: value for member, value in record.status.items() if member != "activity"}
        if activity is None:
            return replace(record, status=status)
        change = Change.of(activity)
        ending = _ending(change, resource, capacity)
        if ending is None:
            return record
        now, (code, why) = self._clock.now(), ending
        if code == "Successful":
            status["cooldown"] = {"until": now + change.cooldown, "base": change.base, "out": change.out}
        ended = activities.ended(activity, record.key, code, why, now)
        return self._store.write([("update", replace(record, status=status)), ("update", ended)])[0]

    # What is to be done.

    def _bind(self, record: Record, where: Place, resource: Record, capacity: Capacity) -> tuple[Record, bool]:
        """Bring the capacity within bounds that are new. The target as it now stands, and whether it is changing."""
        bounds, here = Bounds.of(record, capacity), capacity.desired
        record = replace(record, status={**record.status, "bounded": _bounds_mark(record)})
        wanted = min(max(here, bounds.low), bounds.high)
        if wanted == here:
            return self._store.update(record), False
        which = "minimum" if wanted > here else "maximum"
        change, cause = Change(wanted, here, wanted > here, 0.0), f"{which} capacity was set to {wanted}"
        begun = self._begin(record, where, resource, change, cause)
        return (begun, True) if begun is not None else (self._store.update(record), False)

    def _answer(self, record: Record, where: Place, resource: Record, capacity: Capacity, called: Called) -> None:
        """Do what the policies that were called ask for."""
        now, cooldown = self._clock.now(), Cooldown.of(record)
        start = start_of(capacity, cooldown, now)
        asked = scaling_proposals.gather(self._store, self._metrics, record.key, called, capacity, start, now)
        for cause, why in asked.failures:
            self._note(activities.not_scaled(record.key, cause, [], why, self._ids.uuid(), now))
        if not asked.proposals:
            return
        suspended: Mapping[str, bool] = record.spec.get("SuspendedState", {})
        match decide(asked.proposals, capacity, Bounds.of(record, capacity), cooldown, suspended, now):
            case Decision() as decision:
                out = decision.capacity > capacity.desired
                if out and capacity.short:
                    return
                change = Change(decision.capacity, decision.base, out, decision.cooldown)
                self._begin(record, where, resource, change, decision.proposal.cause)
            case Refusal() as refusal:
                cause, uid = refusal.proposal.cause, self._ids.uuid()
                self._note(activities.not_scaled(record.key, cause, refusal.reasons, refusal.why, uid, now))
            case None:
                pass

    def _begin(self, record: Record, where: Place, resource: Record, change: Change, cause: str) -> Record | None:
        """Set a capacity. The target as it now stands; None for a capacity that cannot be had, which is told."""
        now = self._clock.now()
        try:
            scaled = where.scaled(resource, change.wanted)
        except ValueError as error:
            self._note(activities.failed(record.key, change, cause, str(error), self._ids.uuid(), now))
            return None
        activity = activities.begun(record.key, change, cause, self._ids.uuid(), now)
        noted = replace(record, status={**record.status, "activity": activity.name})
        writes: list[Write] = [
            ("update", noted),
            ("update", scaled),
            ("create", activity),
            *self._overriding(record, change, now),
            *purges(self._store, record.key, now),
        ]
        _log.info("%s: %s Cause: %s.", record.key.parent, activity.spec["Description"], cause)
        return self._store.write(writes)[0]

    def _overriding(self, record: Record, change: Change, now: float) -> Sequence[Write]:
        """What ends the activity of a target that still waits for room."""
        activity = activity_of(self._store, record)
        if activity is None:
            return ()
        return [("update", activities.ended(activity, record.key, "Overridden", _later(change.wanted), now))]

    def _note(self, activity: Record) -> None:
        """Tell that nothing was done, once for as long as that stays so."""
        key = activity.key
        query = Query(key.account, key.region, ACTIVITY, parent=key.parent, sort_by="created", descending=True)
        newest = self._store.list(query, limit=_RECENT).records
        told = takewhile(lambda each: each.state in _IN_VAIN, newest)
        if not any(activities.same(each, activity) for each in told):
            self._store.write([("create", activity), *purges(self._store, target_of(key), activity.created)])

    # Who is to be looked at.

    def _remember(self, target: Key, called: Called) -> None:
        with self._lock:
            self._called.setdefault(target, set()).update(called)

    def _noticed(self, key: Key) -> None:
        if key not in self._watching:  # nearly all that is written
            return
        with self._lock:
            targets = self._watching.pop(key, set())
        for target in targets:
            self._wake(target)


def _bounds_mark(record: Record) -> Sequence[Any]:
    """What tells bounds that were kept from new ones, and from the same that were registered again."""
    return [record.modified, record.spec["MinCapacity"], record.spec["MaxCapacity"]]


def _is_another(record: Record, resource: Record) -> bool:
    """Whether what was registered was deleted, and something else has its name now; or is being deleted."""
    return resource.intent == "delete" or record.status.get("resource", resource.uid) != resource.uid


def _later(capacity: int) -> str:
    return f"Found it was later changed to {capacity}."


def _ending(change: Change, resource: Record, capacity: Capacity) -> tuple[str, str] | None:
    """How a change ended, and the sentence about it; None while it goes on."""
    reason = resource.status.get("FailureReason", "")
    if resource.state != "Failed" and resource.state != _READY:
        return None
    if reason or resource.state == "Failed":
        return "Unfulfilled", f"The change was not fulfilled by sagemaker: {reason}"
    if capacity.desired != change.wanted:
        return "Overridden", _later(capacity.desired)
    return ("Successful", "") if capacity.current == change.wanted else None
