"""What the instances of endpoints use, told as CloudWatch metrics: the meter asks, and this looks at their tasks.

Of each variant there is one sample per instance and period. As on AWS, 100 % of CPUUtilization is one processor, and
100 % of the other metrics is what the instance has: its memory, the disk below the tasks.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sagewright.compute import instances
from sagewright.compute.base import Usage
from sagewright.controllers.fleet import instances_of
from sagewright.controllers.platform import Platform
from sagewright.dataplane.inference.meter import MINUTE, UTILIZATION
from sagewright.resources import endpoint_metrics, routing
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record


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


class EndpointUsage:
    """A source for `Meter.ask`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._often: set[Key] = set()
        """Endpoints that are looked at more than once a minute."""
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
            for name, value in (("CPUUtilization", cpu), ("MemoryUtilization", memory), ("DiskUtilization", disk)):
                self._observe(each, name, value)
        if step % MINUTE == 0:
            self._forget({task for record in records for one in instances_of(record) for task in one["tasks"]})

    def _records(self, *, minute: bool) -> Sequence[Record]:
        """The endpoints to look at: all at full minutes, those that want it in between."""
        store = self._platform.store
        if not minute:
            return [record for key in self._often if (record := store.get(key)) is not None]
        records = store.unsettled(KIND, ())
        self._often = {
            record.key for record in records if endpoint_metrics.period(record.spec.get("config", {})) < MINUTE
        }
        return records

    def _instances(self, record: Record) -> Iterator[_Instance]:
        serving = {member["task"] for member in routing.all_members(record.status.get("serving", ()))}
        config = record.status.get("current", record.spec).get("config", {})
        every, alone = endpoint_metrics.period(config), endpoint_metrics.enhanced(config)
        types = {each["VariantName"]: each.get("InstanceType") for each in config.get("ProductionVariants", ())}
        for each in instances_of(record):
            if each["task"] in serving:
                memory = _memory(types.get(each["variant"]), self._platform.machine)
                machine = routing.instance_id(each["log_stream"])
                yield _Instance(record.key, each["variant"], machine, each["tasks"], memory, every, alone)

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


def _memory(instance_type: str | None, machine: instances.Machine) -> int:
    fitted = instances.fit(instance_type, machine).resources.memory_bytes if instance_type else None
    return fitted or machine.memory_bytes


def _percent(disk: Any) -> float:
    return 100 * float(disk.used) / float(disk.total)
