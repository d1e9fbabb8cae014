"""What the instances of endpoints use, as metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sagewright.compute.base import Task
from sagewright.compute.fake import Plan
from sagewright.controllers.endpoint_usage import EndpointUsage
from sagewright.dataplane.inference.meter import COMPONENTS, UTILIZATION
from sagewright.resources import inference_component, routing
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record
from sagewright.telemetry.metrics import Metric, Period

from .conftest import ACCOUNT, REGION, Bench

VARIANT = {"EndpointName": "e", "VariantName": "v"}
INSTANCE_MEMORY = 8 << 30
"""What an ml.m5.large has; the bench's machine has as much."""
MODEL = {"PrimaryContainer": {"Image": "i"}}


def serve(
    bench: Bench, name: str = "e", *, tasks: Sequence[Sequence[str]], serverless: int | None = None, **metrics: Any
) -> None:
    """An endpoint of instances with these tasks; `serverless` is the megabytes that each has."""
    kind = {"ServerlessConfig": {"MemorySizeInMB": serverless}} if serverless else {"InstanceType": "ml.m5.large"}
    variant = {"VariantName": "v", "ModelName": "m", **kind}
    config = {
        "ProductionVariants": [variant],
        **({"MetricsConfig": metrics} if metrics else {}),
    }
    instances = [
        {
            "task": some[0],
            "tasks": some,
            "containers": [f"c-{task}" for task in some],
            "variant": "v",
            "log_stream": f"v/i-{number}",
        }
        for number, some in enumerate(tasks)
    ]
    members = [{"task": each["task"], "sockets": [], "log_stream": each["log_stream"]} for each in instances]
    table = routing.variant(variant, MODEL, members)
    status = {"instances": instances, "serving": [routing.generation(1, [table])], "current": {"config": config}}
    key = Key(ACCOUNT, REGION, KIND, "", name)
    bench.store.create(Record(key, name, 0.0, 0.0, spec={"config": config}, status=status, state="InService"))
    for some in tasks:
        for task in some:
            bench.engine.start(Task(task, ["serve"]))


def pass_minutes(bench: Bench, minutes: float) -> None:
    for _ in range(round(minutes * 6)):
        bench.clock.advance(10)
        bench.platform.meter.publish()


def told(
    bench: Bench,
    name: str,
    dimensions: Mapping[str, str] = VARIANT,
    *,
    of: int = 60,
    namespace: str = UTILIZATION,
) -> Sequence[Period]:
    now = bench.clock.now()
    metrics = bench.metrics.at(ACCOUNT, REGION)
    return metrics.query(Metric(namespace, name, dimensions), now - 3600, now + 60, of)


@pytest.fixture(autouse=True)
def asked(bench: Bench) -> None:
    bench.platform.tasks.mkdir(parents=True)
    bench.clock.advance(60 - bench.clock.now() % 60)
    bench.platform.meter.publish()
    bench.platform.meter.ask(EndpointUsage(bench.platform))


def test_each_minute_has_a_sample_of_each_instance(bench: Bench) -> None:
    bench.engine.plan("a-*", Plan(after=None, cpus=1.5, memory_bytes=INSTANCE_MEMORY // 4))
    bench.engine.plan("b-1", Plan(after=None, cpus=0.5, memory_bytes=INSTANCE_MEMORY // 2))
    serve(bench, tasks=[["a-1", "a-2"], ["b-1"]])
    pass_minutes(bench, 2)
    cpu, memory, disk = (told(bench, f"{name}Utilization") for name in ("CPU", "Memory", "Disk"))
    assert [each.count for each in cpu] == [2, 2]
    assert [value for each in cpu for value in (each.minimum, each.maximum)] == pytest.approx([50, 300, 50, 300])
    assert [(each.minimum, each.maximum) for each in memory] == [(50, 50)] * 2
    assert {each.unit for each in (*cpu, *memory, *disk)} == {"Percent"}
    assert all(0 < each.maximum <= 100 for each in disk)
    assert told(bench, "CPUUtilization", {**VARIANT, "InstanceId": "i-0"}) == []
    for name, value in (("CPUUtilization", 150), ("MemoryUtilization", 25)):
        own = told(bench, name, {**VARIANT, "ContainerName": "c-a-2"})
        assert [each.maximum for each in own] == pytest.approx([value, value])


def test_only_what_serves_and_runs_is_told_of(bench: Bench) -> None:
    bench.engine.plan("*", Plan(after=None, cpus=1))
    serve(bench, tasks=[["a"], ["b"]])
    bench.engine.end("b")
    pass_minutes(bench, 1)
    assert [each.count for each in told(bench, "CPUUtilization")] == [1]
    bench.store.delete(next(iter(bench.store.unsettled(KIND, ()))))
    pass_minutes(bench, 1)
    assert len(told(bench, "CPUUtilization")) == 1


def test_a_configuration_may_ask_for_more(bench: Bench) -> None:
    bench.engine.plan("*", Plan(after=None, cpus=1))
    serve(bench, "usual", tasks=[["u"]])
    serve(bench, tasks=[["a"]], EnableEnhancedMetrics=True, MetricPublishFrequencyInSeconds=10)
    pass_minutes(bench, 2)
    assert len(told(bench, "CPUUtilization", of=10)) == 12
    assert len(told(bench, "MemoryUtilization", {**VARIANT, "InstanceId": "i-0"}, of=10)) == 12
    assert len(told(bench, "CPUUtilization", {**VARIANT, "EndpointName": "usual"}, of=10)) == 2


def test_serverless_variants_tell_of_their_memory(bench: Bench) -> None:
    bench.engine.plan("*", Plan(after=None, cpus=1, memory_bytes=512 << 20))
    serve(bench, tasks=[["a"]], serverless=2048)
    pass_minutes(bench, 1)
    assert [each.maximum for each in told(bench, "MemoryUtilization")] == [25]
    assert told(bench, "CPUUtilization") == told(bench, "DiskUtilization") == []


def test_copies_of_components_tell_of_what_they_reserved(bench: Bench) -> None:
    bench.engine.plan("*", Plan(after=None, cpus=1, memory_bytes=256 << 20))
    instances = [{"task": name, "tasks": [name], "variant": "v", "log_stream": f"v/i-{name}"} for name in "ab"]
    members = [{"task": name, "sockets": [], "log_stream": f"v/i-{name}"} for name in "ab"]
    table = routing.variant({"VariantName": "v"}, MODEL, members)
    for needed, name in (({"NumberOfCpuCoresRequired": 2, "MinMemoryRequiredInMb": 1024}, "c"), ({}, "d")):
        bench.store.create(
            Record(
                Key(ACCOUNT, REGION, inference_component.KIND, "", name),
                name,
                0.0,
                0.0,
                spec={"EndpointName": "e", "Specification": {"ComputeResourceRequirements": needed}},
                status={"instances": instances, "serving": [routing.generation(1, [table])]},
                state="InService",
            )
        )
    for name in "ab":
        bench.engine.start(Task(name, ["serve"]))
    pass_minutes(bench, 1)
    (cpu,) = told(bench, "CPUUtilizationNormalized", {"InferenceComponentName": "c"}, namespace=COMPONENTS)
    (memory,) = told(bench, "MemoryUtilizationNormalized", {"InferenceComponentName": "c"}, namespace=COMPONENTS)
    assert (cpu.count, memory.maximum) == (2, 25)
    assert cpu.maximum == pytest.approx(50)
    (whole,) = told(bench, "MemoryUtilizationNormalized", {"InferenceComponentName": "d"}, namespace=COMPONENTS)
    assert whole.maximum == 100 * (256 << 20) / INSTANCE_MEMORY


def test_endpoints_that_want_less_get_less(bench: Bench) -> None:
    bench.engine.plan("*", Plan(after=None, cpus=1))
    serve(bench, tasks=[["a"]], MetricPublishFrequencyInSeconds=300)
    pass_minutes(bench, 10)
    assert [each.maximum for each in told(bench, "CPUUtilization")] == [pytest.approx(100)] * 2
