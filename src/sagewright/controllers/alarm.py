"""Alarms, made so: metric alarms are evaluated as their periods pass, composite ones as their alarms change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sagewright.base.clock import Clock
from sagewright.dataplane.alarms import rules
from sagewright.dataplane.alarms.changing import Change, change, queries_of, stamp
from sagewright.dataplane.alarms.judging import SPARE, Rule, judge
from sagewright.dataplane.events.bus import Bus
from sagewright.resources.alarm import ALARM, COMPOSITE, METRIC, OK
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store
from sagewright.telemetry.metrics import Metrics
from sagewright.telemetry.metrics_expression import MathError
from sagewright.telemetry.metrics_query import Window, run
from sagewright.telemetry.metrics_series import Series

_log = logging.getLogger(__name__)
_MINUTE: Final = 60
_QUICKEST: Final = 10
_PAGE: Final = 500


class Alarms:
    """The reconciler of metric alarms. Each is evaluated once a minute, or every ten seconds if its period is that
    short: at whole multiples of that, and when its settings changed."""

    kind = METRIC
    settled: Sequence[str] = ()

    def __init__(self, store: Store, bus: Bus, metrics: Metrics, clock: Clock, wake: Callable[[Key], None]) -> None:
        self._store, self._bus, self._metrics, self._clock, self._wake = store, bus, metrics, clock, wake
        self._lock = threading.Lock()
        self._evaluated: dict[Key, tuple[str, float, float]] = {}
        """By alarm: whose evaluation it was, of which settings, until when."""
        self._seen: dict[Key, str] = {}

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        now = self._clock.now()
        queries = queries_of(record.spec)
        every = _step(queries)
        end = now // every * every
        done = (record.uid, record.modified, end)
        with self._lock:
            due = self._evaluated.get(record.key) != done
            self._evaluated[record.key] = done
        if due:
            self._evaluate(record, queries, end, now)
        self._tell_parents(record.key)
        return end + every - now

    def fail(self, record: Record, reason: str) -> None:
        _log.error("alarm %s could not be evaluated: %s", record.name, reason)

    def _evaluate(self, record: Record, queries: Sequence[Mapping[str, Any]], end: float, now: float) -> None:
        rule = Rule.of(record.spec)
        period = _period(queries)
        count = rule.periods + SPARE
        # Periods end at the moment of the evaluation, not at multiples of their length.
        window = Window(end - count * period, end, origin=end)
        metrics = self._metrics.at(record.key.account, record.key.region)
        try:
            found = run(metrics, queries, window)
        except MathError as error:
            _log.warning("alarm %s: %s", record.name, error)
            return
        series = next((found[q["Id"]] for q in queries if q.get("ReturnData", True)), [])
        points = series[0].points if series else {}
        datapoints = [points.get(window.start + number * period) for number in range(count)]

        def decide(newest: Record) -> Change | None:
            if (newest.uid, newest.modified) != (record.uid, record.modified):
                return None  # its settings changed meanwhile: it is looked at again
            judgement = judge(rule, datapoints, newest.state)
            if judgement.state == newest.state:
                return None
            data = _data(record, series, judgement.values, rule, period, window, now)
            return Change(judgement.state, judgement.reason, data)

        change(self._store, self._bus, record.key, decide, now)

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
    after: str | None = None
    while True:
        page = store.list(Query(key.account, key.region, COMPOSITE), limit=_PAGE, after=after)
        for record in page.records:
            if key.name in rules.parse(record.spec["AlarmRule"]).alarms:
                wake(record.key)
        if page.next is None:
            return
        after = page.next


def _period(queries: Sequence[Mapping[str, Any]]) -> int:
    """The period that the alarm's datapoints have."""
    own = [int(query["Period"]) for query in queries if "Period" in query and query.get("ReturnData", True)]
    return own[0] if own else max((int(q["MetricStat"]["Period"]) for q in queries if "MetricStat" in q), default=300)


def _step(queries: Sequence[Mapping[str, Any]]) -> float:
    period = _period(queries)
    return float(_MINUTE if period >= _MINUTE else max(period, _QUICKEST))


def _data(
    record: Record,
    series: Sequence[Series],
    values: Sequence[float],
    rule: Rule,
    period: int,
    window: Window,
    now: float,
) -> Mapping[str, Any]:
    """What the reason rests on, as CloudWatch tells it."""
    spec = record.spec
    recent = list(series[0].points) if series else []
    return {
        "version": "1.0",
        "queryDate": stamp(now),
        **({"startDate": stamp(recent[0])} if recent else {}),
        **({"statistic": spec.get("Statistic") or spec.get("ExtendedStatistic")} if "Metrics" not in spec else {}),
        "period": period,
        "recentDatapoints": list(values)[::-1],
        "threshold": rule.threshold,
        "evaluatedDatapoints": [
            {"timestamp": stamp(time), "value": value}
            for time, value in sorted(series[0].points.items() if series else (), reverse=True)
        ][: rule.periods],
    }
