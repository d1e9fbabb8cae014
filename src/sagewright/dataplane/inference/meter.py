"""What endpoints tell of themselves: CloudWatch metrics, gathered in memory and written down by one thread.

The hot path and everybody else add to numbers in memory. At each full minute the thread makes datapoints of them, at
whole multiples of ten seconds those of high resolution. What has no traffic is not looked at. A server that is stopped
writes down what it has gathered; one that is killed loses what was gathered since a metric was last written.

As on AWS, nothing is told of what does not happen: an endpoint that nobody invokes has no datapoints, and no zeros.

    meter.invocations(place, dimensions)    for whoever routes requests: `began` and `ended` of each
    meter.observe(place, name, value, …)    for all else: load times of models, backlogs, cache hits
    meter.ask(source)                       for what is measured at times: `source` observes when it is asked
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Final
from weakref import WeakValueDictionary

from sagewright.base.clock import Clock
from sagewright.dataplane.inference.invocations import Invocations, Taken, points_of
from sagewright.telemetry.metrics import Metric, Metrics, Point
from sagewright.telemetry.metrics_distribution import Distribution

_log = logging.getLogger(__name__)

INVOCATIONS: Final = "AWS/SageMaker"
"""The namespace of metrics about requests."""
UTILIZATION: Final = "/aws/sagemaker/Endpoints"
"""The namespace of metrics about instances, and the models that they have loaded."""
COMPONENTS: Final = "/aws/sagemaker/InferenceComponents"
"""The namespace of metrics about copies of inference components."""
MINUTE: Final = 60
QUICKEST: Final = 10
"""Seconds between datapoints of a high-resolution metric."""

Place = tuple[str, str]
"""(account, region)"""
_Dimensions = tuple[tuple[str, str], ...]
_Series = tuple[Place, str, str, _Dimensions, str, int]
"""Place, namespace, name, dimensions, unit, seconds between datapoints."""
_Due = Callable[[int], float | None]
"""By seconds between datapoints: the time of the datapoint that is due, None if none is."""


class Meter:
    """All methods may be called from any thread."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics, self._clock = metrics, clock
        self._lock = threading.Lock()
        self._publishing = threading.Lock()
        self._observed: dict[_Series, Distribution] = {}
        # Whoever routes requests keeps its own alive; here they are only found again.
        self._known: WeakValueDictionary[tuple[Place, _Dimensions], Invocations] = WeakValueDictionary()
        self._busy: set[Invocations] = set()
        self._sources: list[tuple[Callable[[float], None], int]] = []
        """And the seconds between two calls."""
        self._published, self._published_monotonic = clock.now(), clock.monotonic()

    def invocations(
        self, place: Place, dimensions: Mapping[str, str], *, every: int = MINUTE, without: Collection[str] = ()
    ) -> Invocations:
        """The requests to a variant ({EndpointName, VariantName}), to one instance of it (InstanceId too) or to an
        inference component ({InferenceComponentName}): the same object for the same, as long as somebody has it.

        `every` is the seconds between datapoints, a multiple of ten; `without` names metrics that are not told
        (`SERVERLESS`, `ASYNCHRONOUS` of `invocations.py`). Of both, what was given last counts.
        """
        spelled = _spell(dimensions)
        with self._lock:
            found = self._known.get((place, spelled))
            if found is None:
                found = Invocations(place, dict(spelled), self._lock, self._busy.add)
                self._known[place, spelled] = found
            found.every, found.without = every, without
            return found

    def observe(
        self,
        place: Place,
        name: str,
        value: float,
        dimensions: Mapping[str, str],
        *,
        unit: str = "None",
        namespace: str = INVOCATIONS,
        every: int = MINUTE,
    ) -> None:
        """Add a sample to a metric of (account, region), in CloudWatch's unit (`Microseconds`, `Percent`, `None`, …).

        All samples between two datapoints become one distribution: sums, extremes, averages and percentiles are there.
        `every` is the seconds between datapoints, a multiple of ten.
        """
        series = (place, namespace, name, _spell(dimensions), unit, every)
        with self._lock:
            found = self._observed.get(series)
            if found is None:
                found = self._observed[series] = Distribution()
            found.add(value)

    def ask(self, source: Callable[[float], None], *, every: int = QUICKEST) -> None:
        """Call `source` with the time now, at whole multiples of `every` seconds and before datapoints are made, to
        `observe` what it finds. It runs in the thread that writes: it is quick."""
        self._sources.append((source, every))

    def run(self, stop: threading.Event) -> None:
        """Write down what is due whenever it is, until `stop`; then write down all."""
        while not stop.wait(QUICKEST - self._clock.now() % QUICKEST):
            self.publish()
        self.publish(all_of_it=True)

    def publish(self, *, all_of_it: bool = False) -> None:
        """Write down what was gathered in periods that have ended; with `all_of_it`, in those that go on too, and then
        nobody is asked for more."""
        with self._publishing:
            if not all_of_it:
                self._ask_sources(self._clock.now())
            for (account, region), points in self._take(all_of_it=all_of_it).items():
                try:
                    self._metrics.at(account, region).put_many(points)
                except sqlite3.Error as error:  # a full disk must not keep later ones from being told
                    _log.warning("%d datapoints of endpoints were lost: %s", len(points), error)

    def _ask_sources(self, now: float) -> None:
        for source, every in self._sources:
            if now // every * every > self._published:
                try:
                    source(now)
                except Exception:  # noqa: BLE001  # one source's failure must not silence the others
                    _log.exception("some metrics of endpoints could not be measured")

    def _take(self, *, all_of_it: bool) -> Mapping[Place, list[tuple[Metric, Point]]]:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        last, self._published = self._published, now
        seconds, self._published_monotonic = monotonic - self._published_monotonic, monotonic

        def due(every: int) -> float | None:
            begin = now // every * every
            if all_of_it:
                return begin
            return begin - every if last < begin else None

        with self._lock:
            observed = self._take_observed(due)
            requests = self._take_requests(due, monotonic, seconds)
        taken: dict[Place, list[tuple[Metric, Point]]] = {}
        for (place, namespace, name, dimensions, unit, _), (time, distribution) in observed.items():
            metric = Metric(namespace, name, dict(dimensions))
            taken.setdefault(place, []).extend((metric, point) for point in points_of(distribution, time, unit))
        for each in requests:
            for name, points in each.told():
                metric = Metric(INVOCATIONS, name, each.of.dimensions)
                taken.setdefault(each.of.place, []).extend((metric, point) for point in points)
        return taken

    def _take_observed(self, due: _Due) -> Mapping[_Series, tuple[float, Distribution]]:
        times = {series: due(series[-1]) for series in self._observed}
        return {series: (time, self._observed.pop(series)) for series, time in times.items() if time is not None}

    def _take_requests(self, due: _Due, monotonic: float, seconds: float) -> list[Taken]:
        taken = [each.take(due(each.every), due(QUICKEST), monotonic, seconds) for each in self._busy]
        for each in taken:
            if each.of.idle:
                self._busy.discard(each.of)
        return taken


def _spell(dimensions: Mapping[str, str]) -> _Dimensions:
    return tuple(sorted(dimensions.items()))
