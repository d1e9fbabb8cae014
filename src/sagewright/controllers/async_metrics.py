"""What asynchronous endpoints tell of their backlog and of each invocation, by CloudWatch's names."""

from __future__ import annotations

from collections.abc import Callable

from sagewright.controllers.backlog import Backlog
from sagewright.dataplane.inference.invocations import ASYNCHRONOUS
from sagewright.dataplane.inference.meter import QUICKEST, Meter
from sagewright.resources.record import Key, Record


def observe_backlog(meter: Meter, endpoint: Key, backlog: Backlog, instances: int, now: float) -> None:
    """How much waits; scaling policies go by it, so it is told often, and also when nothing waits."""
    size, oldest = backlog.size, backlog.oldest()
    told = {
        "ApproximateBacklogSize": (size, "Count"),
        "HasBacklogWithoutCapacity": (1 if size and not instances else 0, "Count"),
        "ApproximateAgeOfOldestRequest": (0.0 if oldest is None else max(now - oldest, 0.0), "Seconds"),
    }
    if instances:
        told["ApproximateBacklogSizePerInstance"] = (size / instances, "Count")
    for name, (value, unit) in told.items():
        place, dimensions = (endpoint.account, endpoint.region), {"EndpointName": endpoint.name}
        meter.observe(place, name, value, dimensions, unit=unit, every=QUICKEST)


class InvocationMetrics:
    """Of one asynchronous invocation."""

    def __init__(self, meter: Meter, record: Record) -> None:
        self._meter = meter
        self._place = (record.key.account, record.key.region)
        self._dimensions = {"EndpointName": record.key.parent, "VariantName": record.spec["VariantName"]}

    def count(self, name: str) -> None:
        """Something that happened once: `InvocationsProcessed`, `ExpiredRequests`, …"""
        self._meter.observe(self._place, name, 1, self._dimensions, unit="Count")

    def took(self, name: str, seconds: float, unit: str = "Microseconds") -> None:
        """How long a part of it took."""
        value = seconds * (1e6 if unit == "Microseconds" else 1e3)
        self._meter.observe(self._place, name, value, self._dimensions, unit=unit)

    def asked(self, now: float) -> Callable[[float, int | None], None]:
        """The model is asked, at a moment of the monotonic clock. To be told the moment and the status when it has
        answered: 0 where it gave none, None where it was never reached."""
        counted = self._meter.invocations(self._place, self._dimensions, without=ASYNCHRONOUS)
        counted.began(now)

        def ended(then: float, status: int | None) -> None:
            if status is None:
                counted.withdrew(then)
            else:
                counted.ended(then, status, model=then - now)

        return ended
