"""The hosts of a training or processing job: what they are called, what they are, and which task each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sagewright.resources import tries
from sagewright.resources.record import Record

ONE_GROUP: Final = "homogeneousCluster"
"""The group that all hosts are in when the job has no instance groups, as SageMaker's toolkit spells it."""
MOST: Final = 254
"""Hosts that the addresses below have room for."""


@dataclass(frozen=True, slots=True)
class Host:
    """One of a job's machines."""

    number: int
    """From 1."""
    instance_type: str
    group: str = ONE_GROUP
    volume_gb: int = 0
    """Of its storage; 0 for what nobody limits."""

    @property
    def disk_bytes(self) -> int | None:
        return self.volume_gb << 30 or None

    @property
    def name(self) -> str:
        return f"algo-{self.number}"

    @property
    def address(self) -> str:
        """Where the others reach it while all of them are on one machine: the loopback network has room for many."""
        return f"127.0.0.{self.number}"


def hosts(record: Record) -> Sequence[Host]:
    """In the order of their numbers; those of one group stand together."""
    resources = record.spec.get("ResourceConfig", {})
    return numbered(groups(resources), int(resources.get("VolumeSizeInGB") or 0))


def numbered(groups: Sequence[Mapping[str, Any]], volume_gb: int) -> Sequence[Host]:
    """The hosts of these instance groups, in the order of their numbers."""
    found: list[Host] = []
    for group in groups:
        for _ in range(group["InstanceCount"]):
            found.append(Host(len(found) + 1, group["InstanceType"], group["InstanceGroupName"], volume_gb))
    return found


def groups(resources: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The instance groups of a ResourceConfig: those it has, else the one that all its hosts are in."""
    one = {
        "InstanceGroupName": ONE_GROUP,
        "InstanceType": resources.get("InstanceType", "ml.m5.large"),
        "InstanceCount": resources.get("InstanceCount", 1),
    }
    return resources.get("InstanceGroups") or [one]


def task_id(record: Record, host: Host) -> str:
    number = tries.number(record)
    again = f"-again-{number}" if number else ""
    return f"train-{record.uid}-{host.number}{again}"


def log_stream(record: Record, host: Host) -> str:
    """Each try has one of its own."""
    return f"{record.name}/{host.name}-{int(record.created) + tries.number(record)}"


def configuration(everybody: Sequence[Host], current: Host, interface: str = "lo") -> dict[str, Any]:
    """`resourceconfig.json` as one of the hosts finds it. `interface` is the one by which they reach each other."""
    found = [
        {
            "instance_group_name": name,
            "instance_type": next(host.instance_type for host in everybody if host.group == name),
            "hosts": [host.name for host in everybody if host.group == name],
        }
        for name in dict.fromkeys(host.group for host in everybody)
    ]
    return {
        "current_host": current.name,
        "hosts": sorted(host.name for host in everybody),
        "network_interface_name": interface,
        "current_instance_type": current.instance_type,
        # The toolkit reads the first spelling, its local mode writes the second.
        "current_group_name": current.group,
        "current_instance_group": current.group,
        "instance_groups": found,
    }
