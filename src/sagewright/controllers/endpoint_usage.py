"""What the instances of endpoints use, told as CloudWatch metrics: the meter asks, and this looks at their tasks.

Of each variant there is one sample per instance and period. As on AWS, 100 % of CPUUtilization is one processor, and
100 % of the other metrics is what the instance has: its memory, the disk below the tasks. Serverless variants tell of
their memory only.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sagewright.compute import instances
from sagewright.compute.base import Usage
from sagewright.controllers.fleet import instances_of
from sagewright.controllers.platform import Platform
from sagewright.dataplane.inference.meter import MINUTE, UTILIZATION
from sagewright.resources import endpoint_metrics, routing
from sagewright.resources.endpoint import KIND, variants
from sagewright.resources.record import Key, Record

_METRICS: Final = ("CPUUtilization", "MemoryUtilization", "DiskUtilization")


@dataclass(frozen=True, slots=True)
class _Instance:
    """One that serves."""

    of: Key
    variant: str
    id: str
    tasks: Sequence[str]
    memory_bytes: int
    """What it has."""
    every: int
    """Seconds between two samples."""
    alone: bool
    """Whether it has metrics of its own beside those of its variant."""
    told: Sequence[str]
    """Its metrics."""


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
        """Observe what the instances have used since they were looked at last, where it is time for that."""
        step = int(now // 10 * 10)
        records = self._records(minute=step % MINUTE == 0)
        due = [each for record in records for each in self._instances(record) if step % each.every == 0]
        usage = self._platform.engine.usage([task for each in due for task in each.tasks])
        disk = _percent(shutil.disk_usage(self._platform.tasks)) if usage else 0.0
        for each in due:
            used = [usage[task] for task in each.tasks if task in usage]
            if len(used) < len(each.tasks):
                continue  # it does not run just now
            cpu = sum(self._cpu(task, usage[task], now) for task in each.tasks)
            memory = 100 * sum(one.memory_bytes for one in used) / each.memory_bytes
            values = {"CPUUtilization": cpu, "MemoryUtilization": memory, "DiskUtilization": disk}
            for name in each.told:
                self._observe(each, name, values[name])
        if step % MINUTE == 0:
            self._forget({task for record in records for one in instances_of(record) for task in one["tasks"]})

    def _changed(self, key: Key) -> None:
        if key.kind == KIND:
            self._often.add(key)

    def _records(self, *, minute: bool) -> Sequence[Record]:
        """The endpoints to look at: all at full minutes, those that want it in between."""
        store, often = self._platform.store, tuple(self._often)
        if minute:
            records = store.unsettled(KIND, ())
        else:
            records = [record for key in often if (record := store.get(key)) is not None]
        # What changes meanwhile is looked at next time.
        self._often.difference_update(often)
        self._often.update(record.key for record in records if endpoint_metrics.period(_config(record)) < MINUTE)
        return records

    def _instances(self, record: Record) -> Iterator[_Instance]:
        serving = {member["task"] for member in routing.all_members(record.status.get("serving", ()))}
        config = _config(record)
        every, alone = endpoint_metrics.period(config), endpoint_metrics.enhanced(config)
        settings = {each["VariantName"]: each for each in variants(config)}
        for each in instances_of(record):
            variant = settings.get(each["variant"])
            if each["task"] in serving and variant is not None:
                yield _Instance(
                    record.key,
                    each["variant"],
                    routing.instance_id(each["log_stream"]),
                    each["tasks"],
                    _memory(variant, self._platform.machine),
                    every,
                    alone,
                    ("MemoryUtilization",) if "ServerlessConfig" in variant else _METRICS,
                )

    def _cpu(self, task: str, used: Usage, now: float) -> float:
        """Percent of one processor since the last look, or the start."""
        before = self._before.get(task)
        if before is None:
            started = self._platform.engine.inspect(task).started
            before = (0.0, now if started is None else started)
        self._before[task] = (used.cpu_seconds, now)
        seconds = now - before[1]
        return max(0.0, 100 * (used.cpu_seconds - before[0]) / seconds) if seconds > 0 else 0.0

    def _observe(self, instance: _Instance, name: str, value: float) -> None:
        variant = {"EndpointName": instance.of.name, "VariantName": instance.variant}
        own = [{**variant, "InstanceId": instance.id}] if instance.alone else []
        for dimensions in (variant, *own):
            self._platform.meter.observe(
                (instance.of.account, instance.of.region),
                name,
                value,
                dimensions,
                unit="Percent",
                namespace=UTILIZATION,
                every=instance.every,
            )

    def _forget(self, tasks: set[str]) -> None:
        self._before = {task: before for task, before in self._before.items() if task in tasks}


def _config(record: Record) -> Mapping[str, Any]:
    """The configuration that serves, or is about to."""
    found: Mapping[str, Any] = record.status.get("current", record.spec).get("config", {})
    return found


def _memory(variant: Mapping[str, Any], machine: instances.Machine) -> int:
    if "ServerlessConfig" in variant:
        size: int = variant["ServerlessConfig"]["MemorySizeInMB"] << 20
        return size
    fitted = instances.fit(variant["InstanceType"], machine) if "InstanceType" in variant else None
    return (fitted and fitted.resources.memory_bytes) or machine.memory_bytes


def _percent(disk: Any) -> float:
    return 100 * float(disk.used) / float(disk.total)
