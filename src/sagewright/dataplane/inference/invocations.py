"""The requests to one target, as the metrics that AWS makes of them: counts, errors, latencies, concurrency."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sagewright.telemetry.metrics import Point
from sagewright.telemetry.metrics_distribution import Distribution

SERVERLESS: Final = frozenset({"InvocationsPerInstance"})
"""What is not told of serverless variants."""
ASYNCHRONOUS: Final = frozenset({"Invocations", "InvocationsPerInstance", "OverheadLatency"})
"""What is not told of endpoints for asynchronous inference."""
CONTAINERS: Final = frozenset(
    {"InvocationsPerInstance", "InvocationModelErrors", "ConcurrentRequestsPerModel", "ModelLatency", "OverheadLatency"}
)
"""What is not told of the single containers of an instance; they have a ContainerLatency."""

_MICROSECONDS: Final = 1e6


@dataclass(slots=True)
class _Counts:
    """The requests that ended since the last datapoint."""

    by_instances: dict[int, int] = field(default_factory=dict)
    """How many there were, by the number of instances that shared them."""
    of_client: int = 0
    of_server: int = 0
    failed: int = 0
    model: Distribution = field(default_factory=Distribution)
    overhead: Distribution = field(default_factory=Distribution)
    streams: int = 0
    broken: int = 0
    """Streams that the model did not bring to their end."""
    first_model: Distribution = field(default_factory=Distribution)
    first_overhead: Distribution = field(default_factory=Distribution)
    first: Distribution = field(default_factory=Distribution)


class Invocations:
    """Made by `Meter.invocations`. `began`, and `ended` or `withdrew`, take a microsecond together, from any thread."""

    __slots__ = (
        "__weakref__",
        "_area",
        "_counts",
        "_instances",
        "_least",
        "_lock",
        "_most",
        "_moved",
        "_running",
        "_tell_busy",
        "dimensions",
        "every",
        "idle",
        "place",
        "without",
    )

    def __init__(
        self,
        place: tuple[str, str],
        dimensions: Mapping[str, str],
        lock: threading.Lock,
        tell_busy: Callable[[Invocations], None],
    ) -> None:
        """`tell_busy` is called, with `lock` held, when there is something to take again."""
        self.place, self.dimensions = place, dimensions
        self.every = 60
        """Seconds between datapoints."""
        self.without: Collection[str] = ()
        """Metrics that are not told."""
        self.idle = True
        """Whether there is nothing to take, and nothing running."""
        self._lock, self._tell_busy = lock, tell_busy
        self._counts = _Counts()
        self._instances = 1
        self._running = self._least = self._most = 0
        self._area = 0.0
        """Requests that ran times the seconds that they did, since the last take."""
        self._moved = 0.0
        """When `_running` changed last."""

    def began(self, now: float) -> None:
        """A request is on its way to a model. `now` is the clock's monotonic time, here and below."""
        with self._lock:
            if self.idle:
                self.idle = False
                self._tell_busy(self)
            self._area += self._running * (now - self._moved)
            self._moved = now
            self._running += 1
            if self._running > self._most:
                self._most = self._running

    def ended(
        self, now: float, status: int, *, model: float | None = None, overhead: float = 0.0, instances: int = 1
    ) -> None:
        """One that began has its end.

        `status` is the model's HTTP status, 0 where it gave none (timed out, broken off); `model` the seconds that it
        took, None where it was never reached; `overhead` the other seconds from the request's receipt to its answer;
        `instances` (or copies) how many there are now to share the requests.
        """
        with self._lock:
            self._area += self._running * (now - self._moved)
            self._moved = now
            self._running -= 1
            if self._running < self._least:
                self._least = self._running
            self._instances = instances
            counts = self._counts
            counts.by_instances[instances] = counts.by_instances.get(instances, 0) + 1
            if not 200 <= status < 300:
                counts.failed += 1
                counts.of_client += 400 <= status < 500
                counts.of_server += status >= 500
            if model is not None:
                counts.model.add(model * _MICROSECONDS)
            counts.overhead.add(overhead * _MICROSECONDS)

    def first_chunk(self, model: float, overhead: float) -> None:
        """The first piece of an answer that streams is there: after so many seconds, as those of `ended`."""
        with self._lock:
            self._counts.first_model.add(model * _MICROSECONDS)
            self._counts.first_overhead.add(overhead * _MICROSECONDS)
            self._counts.first.add((model + overhead) * _MICROSECONDS)

    def streamed(self, broken: bool) -> None:
        """The request that ends now had an answer that streamed."""
        with self._lock:
            self._counts.streams += 1
            self._counts.broken += broken

    def withdrew(self, now: float) -> None:
        """One that began was none: it never got to a model, or nobody waits for it any more."""
        with self._lock:
            self._area += self._running * (now - self._moved)
            self._moved = now
            self._running -= 1
            if self._running < self._least:
                self._least = self._running

    def take(self, time: float | None, quick_time: float | None, now: float, seconds: float) -> Taken:
        """Take what was gathered in the last `seconds`; called with the lock held.

        `time` is that of the datapoints, `quick_time` that of concurrency's; None leaves them for later.
        """
        counts = concurrency = None
        if time is not None and self._counts.by_instances:
            counts, self._counts = self._counts, _Counts()
        if quick_time is not None:
            area = self._area + self._running * (now - self._moved)
            # A statistic set with one sample for each instance, so that the average is that of an instance.
            share = 1 / self._instances
            average = area / seconds if seconds > 0 else float(self._running)
            average = min(max(average, self._least), self._most)
            concurrency = Point(quick_time, self._instances, average, self._least * share, self._most * share)
            self._area, self._moved = 0.0, now
            self._least = self._most = self._running
            self.idle = not self._running and not self._counts.by_instances
        return Taken(self, time or 0.0, counts, concurrency)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was gathered of some requests."""

    of: Invocations
    time: float
    counts: _Counts | None
    concurrency: Point | None

    def told(self) -> Iterator[tuple[str, Sequence[Point]]]:
        """Metrics by their names, and their datapoints."""
        for name, points in self._all():
            if points and name not in self.of.without:
                yield name, points

    def _all(self) -> Iterator[tuple[str, Sequence[Point]]]:
        per, model = ("Copy", "Copy") if "InferenceComponentName" in self.of.dimensions else ("Instance", "Model")
        if self.concurrency is not None:
            yield f"ConcurrentRequestsPer{model}", [self.concurrency]
        counts = self.counts
        if counts is None:
            return
        total = sum(counts.by_instances.values())
        yield "Invocations", self._ones(total)
        if "InstanceId" not in self.of.dimensions:
            shares = [Point.of(self.time, 1 / (n or 1), count=count) for n, count in counts.by_instances.items()]
            yield f"InvocationsPer{per}", shares
        for name, errors in (
            ("Invocation4XXErrors", counts.of_client),
            ("Invocation5XXErrors", counts.of_server),
            ("InvocationModelErrors", counts.failed),
        ):
            yield name, [*self._ones(errors), *self._ones(total - errors, value=0)]
        yield "MidStreamErrors", [*self._ones(counts.broken), *self._ones(counts.streams - counts.broken, value=0)]
        if "ContainerName" in self.of.dimensions:
            yield "ContainerLatency", points_of(counts.model, self.time, "Microseconds")
        for name, latency in (
            ("ModelLatency", counts.model),
            ("OverheadLatency", counts.overhead),
            ("FirstChunkModelLatency", counts.first_model),
            ("FirstChunkOverheadLatency", counts.first_overhead),
            ("FirstChunkLatency", counts.first),
        ):
            yield name, points_of(latency, self.time, "Microseconds")

    def _ones(self, count: int, value: float = 1) -> Sequence[Point]:
        return [Point.of(self.time, value, count=count)] if count else []


def points_of(distribution: Distribution, time: float, unit: str) -> list[Point]:
    """A distribution as datapoints of one time."""
    return [Point.of(time, value, unit, count) for value, count in distribution.samples()]
