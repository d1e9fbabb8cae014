"""Alarms, made so: metric alarms are evaluated as their periods pass, composite ones as their alarms change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from sagewright.base.clock import Clock
from sagewright.base.errors import AwsError
from sagewright.dataplane.alarms import rules
from sagewright.dataplane.alarms.changing import Change, change, stamp
from sagewright.dataplane.alarms.judging import Rule, judge
from sagewright.dataplane.alarms.watching import View, interval, last, look
from sagewright.dataplane.events.bus import Bus
from sagewright.resources.alarm import ACTIONS, ALARM, COMPOSITE, METRIC, OK
from sagewright.resources.record import Key, Record
from sagewright.resources.scaling import is_policy
from sagewright.store.base import Query, Store
from sagewright.telemetry.metrics import Metrics
from sagewright.telemetry.metrics_expression import MathError

_log = logging.getLogger(__name__)
_MINUTE: Final = 60


class Alarms:
    """The reconciler of metric alarms. Each is evaluated at whole multiples of its interval, and when its settings
    changed."""

    kind = METRIC
    settled: Sequence[str] = ()

    def __init__(
        self,
        store: Store,
        bus: Bus,
        metrics: Metrics,
        clock: Clock,
        wake: Callable[[Key], None],
        scale: Callable[[str, Key], None],
    ) -> None:
        """`scale` has a scaling policy, by its ARN, look at an alarm that calls it. It raises AwsError for none."""
        self._store, self._bus, self._metrics, self._clock, self._wake = store, bus, metrics, clock, wake
        self._scale = scale
        self._lock = threading.Lock()
        self._evaluated: dict[Key, tuple[str, float, float]] = {}
        """By alarm: whose evaluation it was, of which settings, until when."""
        self._seen: dict[Key, str] = {}

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        now = self._clock.now()
        end = last(record.spec, now)
        done = (record.uid, record.modified, end)
        with self._lock:
            due = self._evaluated.get(record.key) != done
            self._evaluated[record.key] = done
        if due:
            self._evaluate(record, end, now)
        self._tell_parents(record.key)
        return end + interval(record.spec) - now

    def fail(self, record: Record, reason: str) -> None:
        _log.error("alarm %s could not be evaluated: %s", record.name, reason)

    def forget(self, key: Key) -> None:
        with self._lock:
            self._evaluated.pop(key, None)
            self._seen.pop(key, None)

    def _evaluate(self, record: Record, end: float, now: float) -> None:
        rule = Rule.of(record.spec)
        try:
            view = look(self._metrics.at(record.key.account, record.key.region), record.spec, end)
        except MathError as error:
            _log.warning("alarm %s: %s", record.name, error)
            return

        def decide(newest: Record) -> Change | None:
            if (newest.uid, newest.modified) != (record.uid, record.modified):
                return None  # its settings changed meanwhile: it is looked at again
            judgement = judge(rule, view.datapoints, newest.state)
            if judgement.state == newest.state:
                return None
            return Change(judgement.state, judgement.reason, _data(record, view, judgement.values, rule, now))

        found = change(self._store, self._bus, record.key, decide, now)
        if found is not None and found.state == record.state:
            self._scale_on(found)

    def _scale_on(self, record: Record) -> None:
        """Scaling policies are called at each evaluation, for as long as the state lasts. The change calls them too."""
        if not record.spec.get("ActionsEnabled", True):
            return
        for arn in record.spec.get(ACTIONS[record.state], ()):
            if is_policy(arn):
                with suppress(AwsError):  # the policy was deleted: the alarm's history said so when it changed
                    self._scale(arn, record.key)

    def _tell_parents(self, key: Key) -> None:
        """Have composite alarms looked at when an alarm's state is another than when this last looked."""
        record = self._store.get(key)
        state = record.state if record is not None else ""
        with self._lock:
            if self._seen.get(key) == state:
                return
            self._seen[key] = state
        wake_parents(self._store, key, self._wake)


class CompositeAlarms:
    """The reconciler of composite alarms."""

    kind = COMPOSITE
    settled: Sequence[str] = ()

    def __init__(self, store: Store, bus: Bus, clock: Clock, wake: Callable[[Key], None]) -> None:
        self._store, self._bus, self._clock, self._wake = store, bus, clock, wake

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        rule = rules.parse(record.spec["AlarmRule"])
        states = {name: self._state(record.key, name) for name in rule.alarms}
        state = ALARM if rule.true({name: found for name, found in states.items() if found}) else OK

        def decide(newest: Record) -> Change | None:
            if newest.state == state or newest.modified != record.modified:
                return None
            told = ", ".join(f"{name} is {found or 'not there'}" for name, found in sorted(states.items()))
            return Change(state, f"The alarm rule is {state == ALARM} now: {told}."[:1023])

        if record.state != state:
            change(self._store, self._bus, record.key, decide, self._clock.now())
            wake_parents(self._store, record.key, self._wake)
        # Alarms that were deleted wake nobody.
        return float(_MINUTE)

    def fail(self, record: Record, reason: str) -> None:
        _log.error("composite alarm %s could not be evaluated: %s", record.name, reason)

    def _state(self, of: Key, name: str) -> str:
        for kind in (METRIC, COMPOSITE):
            record = self._store.get(Key(of.account, of.region, kind, "", name))
            if record is not None:
                return record.state
        return ""


def wake_parents(store: Store, key: Key, wake: Callable[[Key], None]) -> None:
    """Have the composite alarms looked at whose rules mention this alarm."""
    for record in store.every(Query(key.account, key.region, COMPOSITE)):
        if key.name in rules.parse(record.spec["AlarmRule"]).alarms:
            wake(record.key)


def _data(record: Record, view: View, values: Sequence[float], rule: Rule, now: float) -> Mapping[str, Any]:
    """What the reason rests on, as CloudWatch tells it."""
    spec = record.spec
    return {
        "version": "1.0",
        "queryDate": stamp(now),
        **({"startDate": stamp(min(view.points))} if view.points else {}),
        **({"statistic": spec.get("Statistic") or spec.get("ExtendedStatistic")} if "Metrics" not in spec else {}),
        "period": view.period,
        "recentDatapoints": list(values)[::-1],
        "threshold": rule.threshold,
        "evaluatedDatapoints": [
            {"timestamp": stamp(time), "value": value} for time, value in sorted(view.points.items(), reverse=True)
        ][: rule.periods],
    }
