"""Metrics of endpoints: what is gathered, and when it is written down."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sagewright.dataplane.inference.invocations import ASYNCHRONOUS, CONTAINERS, Invocations
from sagewright.dataplane.inference.meter import UTILIZATION, Meter
from sagewright.telemetry.metrics import Metric, Metrics, Period
from sagewright.testing.clock import ManualClock

PLACE = ("111122223333", "eu-west-1")
VARIANT = {"EndpointName": "e", "VariantName": "AllTraffic"}
MINUTE = 1_760_000_040.0
"""The beginning of one."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MINUTE)


@pytest.fixture
def metrics(tmp_path: Path, clock: ManualClock) -> Iterator[Metrics]:
    metrics = Metrics(tmp_path, clock)
    yield metrics
    metrics.close()


@pytest.fixture
def meter(metrics: Metrics, clock: ManualClock) -> Meter:
    return Meter(metrics, clock)


def query(
    metrics: Metrics, name: str, dimensions: dict[str, str] = VARIANT, *, namespace: str = "AWS/SageMaker", of: int = 60
) -> Sequence[Period]:
    return metrics.at(*PLACE).query(Metric(namespace, name, dimensions), MINUTE - 60, MINUTE + 600, of)


def one(metrics: Metrics, name: str, dimensions: dict[str, str] = VARIANT) -> Period:
    (found,) = query(metrics, name, dimensions)
    return found


def invoke(
    clock: ManualClock, variant: Invocations, status: int = 200, seconds: float = 0.25, instances: int = 1
) -> None:
    variant.began(clock.monotonic())
    clock.advance(seconds)
    variant.ended(clock.monotonic(), status, model=seconds, overhead=0.001, instances=instances)


def test_a_full_minute_is_written_down_when_it_is_over(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    variant = meter.invocations(PLACE, VARIANT)
    for status, instances in ((200, 1), (200, 2), (400, 2), (503, 2), (0, 2)):
        invoke(clock, variant, status, instances=instances)
    meter.publish()
    assert query(metrics, "Invocations") == []
    clock.advance(60)
    meter.publish()
    assert (one(metrics, "Invocations").start, one(metrics, "Invocations").sum) == (MINUTE, 5)
    assert one(metrics, "InvocationsPerInstance").sum == 3
    for name, errors in (("Invocation4XXErrors", 1), ("Invocation5XXErrors", 1), ("InvocationModelErrors", 3)):
        assert (one(metrics, name).count, one(metrics, name).sum) == (5, errors)
    assert one(metrics, "InvocationModelErrors").statistic("Average") == 0.6
    latency, overhead = one(metrics, "ModelLatency"), one(metrics, "OverheadLatency")
    assert (latency.count, latency.unit, latency.statistic("p99")) == (5, "Microseconds", 250_000)
    assert overhead.unit == "Microseconds"
    assert overhead.statistic("Average") == pytest.approx(1000)


def test_what_is_quiet_costs_and_tells_nothing(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    variant = meter.invocations(PLACE, VARIANT)
    invoke(clock, variant)
    clock.advance(120)
    meter.publish()
    assert variant.idle
    told = len(query(metrics, "ConcurrentRequestsPerModel", of=10))
    clock.advance(120)
    meter.publish()
    assert len(query(metrics, "Invocations")) == 1
    assert len(query(metrics, "ConcurrentRequestsPerModel", of=10)) == told


def test_concurrency_is_told_every_ten_seconds(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    variant = meter.invocations(PLACE, VARIANT)
    variant.began(clock.monotonic())
    clock.advance(5)
    variant.began(clock.monotonic())
    clock.advance(5)
    meter.publish()
    (first,) = query(metrics, "ConcurrentRequestsPerModel", of=10)
    assert (first.start, first.minimum, first.maximum, first.statistic("Average")) == (MINUTE, 0, 2, 1.5)
    variant.ended(clock.monotonic(), 200, model=10, instances=2)
    clock.advance(10)
    meter.publish()
    _, second = query(metrics, "ConcurrentRequestsPerModel", of=10)
    # Of two instances, on the average: half of what the variant had.
    assert (second.minimum, second.maximum, second.statistic("Average")) == (0.5, 1, 0.5)


def test_a_long_request_is_running_in_each_period(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    variant = meter.invocations(PLACE, VARIANT)
    variant.began(clock.monotonic())
    for _ in range(3):
        clock.advance(10)
        meter.publish()
    assert [each.sum for each in query(metrics, "ConcurrentRequestsPerModel", of=10)] == [1, 1, 1]


def test_enhanced_metrics_come_as_often_as_asked(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    dimensions = {**VARIANT, "InstanceId": "i-1"}
    instance = meter.invocations(PLACE, dimensions, every=10)
    invoke(clock, instance)
    clock.advance(10)
    meter.publish()
    assert one(metrics, "Invocations", dimensions).sum == 1
    assert query(metrics, "InvocationsPerInstance", dimensions) == []


def test_streams_have_metrics_of_their_own(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    variant = meter.invocations(PLACE, VARIANT)
    for broken in (False, True):
        variant.began(clock.monotonic())
        variant.first_chunk(0.1, 0.02)
        variant.streamed(broken)
        variant.ended(clock.monotonic(), 0 if broken else 200, model=3, overhead=0.02)
    meter.publish(all_of_it=True)
    assert (one(metrics, "MidStreamErrors").count, one(metrics, "MidStreamErrors").sum) == (2, 1)
    assert one(metrics, "FirstChunkModelLatency").statistic("Average") == pytest.approx(100_000)
    assert one(metrics, "FirstChunkOverheadLatency").statistic("Average") == pytest.approx(20_000)
    assert one(metrics, "FirstChunkLatency").statistic("Average") == pytest.approx(120_000)
    assert one(metrics, "ModelLatency").statistic("Maximum") == 3_000_000


def test_containers_have_latencies_of_their_own(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    dimensions = {**VARIANT, "ContainerName": "first"}
    invoke(clock, meter.invocations(PLACE, dimensions, without=CONTAINERS), 400)
    meter.publish(all_of_it=True)
    assert one(metrics, "ContainerLatency", dimensions).maximum == 250_000
    assert one(metrics, "Invocation4XXErrors", dimensions).sum == 1
    assert query(metrics, "ModelLatency", dimensions) == query(metrics, "OverheadLatency", dimensions) == []


def test_components_are_told_by_their_copies(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    dimensions = {"InferenceComponentName": "c"}
    invoke(clock, meter.invocations(PLACE, dimensions), instances=4)
    clock.advance(60)
    meter.publish()
    assert one(metrics, "InvocationsPerCopy", dimensions).sum == 0.25
    assert one(metrics, "ConcurrentRequestsPerCopy", dimensions).count
    assert query(metrics, "InvocationsPerInstance", dimensions) == []


def test_asynchronous_endpoints_tell_less(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    invoke(clock, meter.invocations(PLACE, VARIANT, without=ASYNCHRONOUS))
    clock.advance(60)
    meter.publish()
    assert query(metrics, "Invocations") == query(metrics, "OverheadLatency") == []
    assert one(metrics, "ModelLatency").count == 1


def test_who_asks_again_gets_the_same_and_nothing_is_kept_for_nobody(meter: Meter, clock: ManualClock) -> None:
    variant = meter.invocations(PLACE, VARIANT)
    assert meter.invocations(PLACE, dict(reversed(VARIANT.items()))) is variant
    assert meter.invocations(("other", "eu-west-1"), VARIANT) is not variant
    del variant
    gc.collect()
    assert not meter._known


def test_counts_outlive_their_endpoint(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    invoke(clock, meter.invocations(PLACE, VARIANT))
    clock.advance(60)
    meter.publish()
    assert one(metrics, "Invocations").sum == 1


def test_whatever_is_observed_becomes_a_distribution(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    for value in (1, 0, 1, 1):
        meter.observe(PLACE, "ModelCacheHit", value, VARIANT)
    meter.observe(PLACE, "LoadedModelCount", 7, VARIANT, namespace=UTILIZATION, every=10)
    clock.advance(10)
    meter.publish()
    assert [each.maximum for each in query(metrics, "LoadedModelCount", namespace=UTILIZATION)] == [7]
    clock.advance(50)
    meter.publish()
    hits = one(metrics, "ModelCacheHit")
    assert (hits.count, hits.statistic("Average"), hits.unit) == (4, 0.75, "None")


def test_sources_are_asked_before_datapoints_are_made(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    def fail(now: float) -> None:
        raise RuntimeError("a source that fails")

    meter.ask(fail)
    meter.ask(lambda now: meter.observe(PLACE, "ApproximateBacklogSize", now - MINUTE, VARIANT, every=10))
    meter.ask(lambda now: meter.observe(PLACE, "LoadedModelCount", 3, VARIANT), every=60)
    for _ in range(12):
        clock.advance(10)
        meter.publish()
    sizes = query(metrics, "ApproximateBacklogSize", of=10)
    assert [(each.start - MINUTE, each.sum) for each in sizes[:3]] == [(0, 10), (10, 20), (20, 30)]
    assert [(each.start - MINUTE, each.sum) for each in query(metrics, "LoadedModelCount")] == [(0, 3), (60, 3)]
    meter.publish(all_of_it=True)
    assert len(query(metrics, "LoadedModelCount")) == 2


def test_a_stop_writes_down_what_there_is(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    invoke(clock, meter.invocations(PLACE, VARIANT))
    stop = threading.Event()
    thread = threading.Thread(target=meter.run, args=(stop,))
    thread.start()
    stop.set()
    thread.join(60)
    assert one(metrics, "Invocations").sum == 1


def test_nothing_is_lost_between_threads(meter: Meter, metrics: Metrics, clock: ManualClock) -> None:
    variant = meter.invocations(PLACE, VARIANT)

    def load() -> None:
        for _ in range(5000):
            variant.began(0)
            variant.ended(0, 200, model=0.001)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        meter.publish(all_of_it=True)
    meter.publish(all_of_it=True)
    assert one(metrics, "Invocations").sum == one(metrics, "ModelLatency").count == 20_000
    assert variant.idle
