"""Which of a variant's instances the copies of inference components go to. Pure.

Instances are numbers that bound what is placed on them; all copies run on this machine. So a copy whose instance goes
away is placed on another one without being started anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sagewright.compute import instances
from sagewright.compute.instances import GIB
from sagewright.compute.machine import Machine

BINPACK: Final = "BINPACK"
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Size:
    """What a copy needs, or what there is of it on an instance."""

    cpus: float
    memory_mb: float
    accelerators: float

    def __add__(self, other: Size) -> Size:
        return Size(self.cpus + other.cpus, self.memory_mb + other.memory_mb, self.accelerators + other.accelerators)

    def __sub__(self, other: Size) -> Size:
        return Size(self.cpus - other.cpus, self.memory_mb - other.memory_mb, self.accelerators - other.accelerators)

    def fits(self, room: Size) -> bool:
        return self.cpus <= room.cpus and self.memory_mb <= room.memory_mb and self.accelerators <= room.accelerators

    def __str__(self) -> str:
        accelerators = f", {self.accelerators:g} accelerators" if self.accelerators else ""
        return f"{self.cpus:g} CPU cores, {self.memory_mb:g} MB of memory{accelerators}"


@dataclass(frozen=True, slots=True)
class Placed:
    """The copies of one generation of a component, and where they are."""

    generation: int
    size: Size
    wanted: int
    hosts: Sequence[int] = ()
    """The instance of each copy, by its number: the first of those wanted, as many as there is room for."""
    pack: bool = False
    """Whether they go to as few instances as possible, instead of to many."""

    @property
    def short(self) -> int:
        """How many wait for room."""
        return self.wanted - len(self.hosts)

    def noted(self) -> Mapping[str, Any]:
        """As a record's status has it."""
        size = [self.size.cpus, self.size.memory_mb, self.size.accelerators]
        return {
            "generation": self.generation,
            "size": size,
            "wanted": self.wanted,
            "hosts": list(self.hosts),
            "pack": self.pack,
        }

    @classmethod
    def of(cls, noted: Mapping[str, Any]) -> Placed:
        return cls(noted["generation"], Size(*noted["size"]), noted["wanted"], noted["hosts"], noted["pack"])


def required(specification: Mapping[str, Any]) -> Size:
    """What a copy needs, as its component's specification says it."""
    wanted = specification["ComputeResourceRequirements"]
    return Size(
        wanted.get("NumberOfCpuCoresRequired", 0.0),
        wanted["MinMemoryRequiredInMb"],
        wanted.get("NumberOfAcceleratorDevicesRequired", 0.0),
    )


def packs(specification: Mapping[str, Any]) -> bool:
    """Whether its copies go to as few instances as possible."""
    return bool(specification.get("SchedulingConfig", {}).get("PlacementStrategy") == BINPACK)


def capacity(instance_type: str, machine: Machine) -> Size:
    """What an instance holds; one of a type that is not known, what this machine does."""
    found = instances.find(instance_type)
    if found is None:
        return Size(machine.vcpus, machine.memory_bytes // _MIB, machine.gpus)
    return Size(found.vcpus, found.memory_gib * GIB // _MIB, found.gpus)


def room(whole: Size, hosts: Iterable[int], others: Iterable[Placed]) -> dict[int, Size]:
    """What is left of each instance beside what others have there."""
    left = dict.fromkeys(hosts, whole)
    for each in others:
        for host in each.hosts:
            if host in left:
                left[host] -= each.size
    return left


def place(wanted: Placed, left: dict[int, Size]) -> Placed:
    """The copies with instances. `left`, the room on each instance, is less afterwards.

    They stay where they are as long as they are wanted and fit there.
    """
    hosts: list[int] = []
    for host in wanted.hosts:
        if len(hosts) < wanted.wanted and host in left and wanted.size.fits(left[host]):
            hosts.append(host)
            left[host] -= wanted.size
    while len(hosts) < wanted.wanted:
        fitting = [host for host, free in left.items() if wanted.size.fits(free)]
        if not fitting:
            break
        host = min(fitting, key=lambda each: _preference(wanted.pack, each, left[each], hosts))
        hosts.append(host)
        left[host] -= wanted.size
    return replace(wanted, hosts=hosts)


def _preference(pack: bool, host: int, free: Size, hosts: Sequence[int]) -> tuple[float, ...]:
    """Packed: where least is left. Spread: where fewest of the same copies are, and of those where most is left."""
    left = (free.accelerators, free.memory_mb, free.cpus)
    if pack:
        return (*left, host)
    return (hosts.count(host), *(-each for each in left), host)


def missing(waiting: Iterable[Placed], whole: Size, left: dict[int, Size], most: int) -> int:
    """How many more instances those need that wait for room; `most` at most. `left` is changed."""
    added = 0
    for each in waiting:
        for _ in range(each.short):
            host = next((host for host, free in left.items() if each.size.fits(free)), None)
            if host is None:
                if added == most or not each.size.fits(whole):
                    break
                added += 1
                host = -added
                left[host] = whole
            left[host] -= each.size
    return added
