"""What instances of endpoints and copies of inference components use, told as CloudWatch metrics: the meter asks, and
this looks at their tasks.

There is one sample per instance (or copy) and period. As on AWS, 100 % of an instance's CPUUtilization is one
processor; 100 % of all else is what there is for it: an instance's memory, the disk below the tasks, what a component's
copy has reserved. Serverless variants tell of their memory only.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sagewright.compute import instances
from sagewright.compute.base import Usage
from sagewright.compute.machine import Machine
from sagewright.controllers.fleet import instances_of
from sagewright.controllers.platform import Platform
from sagewright.dataplane.inference.meter import COMPONENTS, MINUTE, UTILIZATION
from sagewright.resources import endpoint, endpoint_metrics, inference_component, routing
from sagewright.resources.record import Key, Record

_CPUS, _MEMORY, _DISK = "cpus", "memory", "disk"


@dataclass(frozen=True, slots=True)
class _Measured:
    """An instance or a copy that serves."""

    of: Key
    namespace: str
    dimensions: Sequence[Mapping[str, str]]
    """Its samples are told of each."""
    tasks: Sequence[str]
    every: int
    """Seconds between two samples."""
    metrics: Mapping[str, tuple[str, float]]
    """By name: of what, and how much of it is 100 %."""


class EndpointUsage:
    """A source for `Meter.ask`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._often: set[Key] = set()
        """Endpoints that may have to be looked at more than once a minute."""
        platform.store.subscribe(self._changed)
        self._before: dict[str, tuple[float, float]] = {}
        """By task: processor seconds, and when that was (epoch seconds)."""

    def __call__(self, now: float) -> None:
        """Observe what was used since the last time, of all for which it is time."""
        step = int(now // 10 * 10)
        minute = step % MINUTE == 0
        due = [each for record in self._records(minute=minute) for each in self._measured(record)]
        due = [each for each in due if step % each.every == 0]
        usage = self._platform.engine.usage({task for each in due for task in each.tasks})
        used = {task: (self._cpus(task, each, now), each.memory_bytes) for task, each in usage.items()}
        for each in due:
            if all(task in used for task in each.tasks):  # else it is just being replaced
                self._observe(each, [used[task] for task in each.tasks])
        if minute:
            self._forget(now)

    def _changed(self, key: Key) -> None:
        if key.kind == endpoint.KIND:
            self._often.add(key)

    def _records(self, *, minute: bool) -> Sequence[Record]:
        """What to look at: all at full minutes, those endpoints that want it in between."""
        store, often = self._platform.store, tuple(self._often)
        if minute:
            records = store.unsettled(endpoint.KIND, ())
        else:
            records = [record for key in often if (record := store.get(key)) is not None]
        # What changes meanwhile is looked at next time.
        self._often.difference_update(often)
        self._often.update(record.key for record in records if endpoint_metrics.period(_config(record)) < MINUTE)
        return [*records, *store.unsettled(inference_component.KIND, ())] if minute else records

    def _measured(self, record: Record) -> Iterator[_Measured]:
        serving = {member["task"] for member in routing.all_members(record.status.get("serving", ()))}
        make = self._copy if record.key.kind == inference_component.KIND else self._instance
        for each in instances_of(record):
            if each["task"] in serving and (found := make(record, each)) is not None:
                yield found
                if len(found.tasks) > 1:
                    yield from _containers(found, each["containers"])

    def _instance(self, record: Record, instance: Mapping[str, Any]) -> _Measured | None:
        config = _config(record)
        variants = {each["VariantName"]: each for each in endpoint.variants(config)}
        variant = variants.get(instance["variant"])
        if variant is None:
            return None
        names = {"EndpointName": record.name, "VariantName": instance["variant"]}
        own = {**names, "InstanceId": routing.instance_id(instance["log_stream"])}
        dimensions = [names, own] if endpoint_metrics.enhanced(config) else [names]
        metrics = _metrics_of(variant, self._platform.machine)
        every = endpoint_metrics.period(config)
        return _Measured(record.key, UTILIZATION, dimensions, instance["tasks"], every, metrics)

    def _copy(self, record: Record, copy: Mapping[str, Any]) -> _Measured:
        reserved: Mapping[str, Any] = record.spec["Specification"].get("ComputeResourceRequirements", {})
        machine = self._platform.machine
        memory = reserved.get("MinMemoryRequiredInMb", 0) << 20
        metrics = {
            "CPUUtilizationNormalized": (_CPUS, reserved.get("NumberOfCpuCoresRequired") or machine.vcpus),
            "MemoryUtilizationNormalized": (_MEMORY, memory or machine.memory_bytes),
        }
        dimensions = [{"InferenceComponentName": record.name}]
        return _Measured(record.key, COMPONENTS, dimensions, copy["tasks"], MINUTE, metrics)

    def _observe(self, measured: _Measured, tasks: Sequence[tuple[float, int]]) -> None:
        """`tasks` has the processors and the bytes of memory that each of its tasks uses."""
        used = {_CPUS: sum(cpus for cpus, _ in tasks), _MEMORY: sum(memory for _, memory in tasks)}
        if any(what == _DISK for what, _ in measured.metrics.values()):
            disk = shutil.disk_usage(self._platform.tasks)
            used[_DISK] = disk.used / disk.total
        for name, (what, whole) in measured.metrics.items():
            for dimensions in measured.dimensions:
                self._platform.meter.observe(
                    (measured.of.account, measured.of.region),
                    name,
                    100 * used[what] / whole,
                    dimensions,
                    unit="Percent",
                    namespace=measured.namespace,
                    every=measured.every,
                )

    def _cpus(self, task: str, used: Usage, now: float) -> float:
        """How many processors it has kept busy since the last look, or its start."""
        before = self._before.get(task)
        if before is None:
            started = self._platform.engine.inspect(task).started
            before = (0.0, now if started is None else started)
        self._before[task] = (used.cpu_seconds, now)
        seconds = now - before[1]
        return max(0.0, (used.cpu_seconds - before[0]) / seconds) if seconds > 0 else 0.0

    def _forget(self, now: float) -> None:
        """Tasks that were not looked at for longer than any configuration asks for."""
        oldest = now - 2 * max(endpoint_metrics.PERIODS)
        self._before = {task: before for task, before in self._before.items() if before[1] > oldest}


def _containers(instance: _Measured, names: Sequence[str]) -> Iterator[_Measured]:
    """Of an instance of several containers, each has metrics of its own."""
    metrics = {name: what for name, what in instance.metrics.items() if what[0] != _DISK}
    for task, name in zip(instance.tasks, names, strict=True):
        dimensions = [{**instance.dimensions[0], "ContainerName": name}]
        yield replace(instance, dimensions=dimensions, tasks=[task], metrics=metrics)


def _config(record: Record) -> Mapping[str, Any]:
    """The configuration that serves, or is about to."""
    found: Mapping[str, Any] = record.status.get("current", record.spec).get("config", {})
    return found


def _metrics_of(variant: Mapping[str, Any], machine: Machine) -> Mapping[str, tuple[str, float]]:
    if "ServerlessConfig" in variant:
        return {"MemoryUtilization": (_MEMORY, variant["ServerlessConfig"]["MemorySizeInMB"] << 20)}
    fitted = instances.fit(variant["InstanceType"], machine) if "InstanceType" in variant else None
    memory = (fitted and fitted.resources.memory_bytes) or machine.memory_bytes
    return {"CPUUtilization": (_CPUS, 1.0), "MemoryUtilization": (_MEMORY, memory), "DiskUtilization": (_DISK, 1.0)}
