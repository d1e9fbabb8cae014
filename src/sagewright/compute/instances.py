"""What an `ml.*` instance type is, and what this machine can give in its place. The data is `instances.json`."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources as package_files
from typing import Any

from sagewright.compute.base import Resources
from sagewright.compute.machine import Machine

GIB = 1 << 30
_PROCESSES = 4096
"""Processes and threads of a task: more than training needs, and less than a machine notices."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A row of the table."""

    type: str
    vcpus: int
    memory_gib: float
    gpus: int
    usd_per_hour: float
    """On demand in us-east-1, approximate."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a task of the type gets here, and the sentence for its log when that is less than AWS would give."""

    resources: Resources
    note: str | None = None


def find(name: str) -> Instance | None:
    """The row of `ml.<family>.<size>`, None for a type that the table does not know."""
    if not name.startswith("ml."):
        return None
    table = _table()
    family, _, size = name[3:].partition(".")
    if row := table["rows"].get(f"{family}.{size}"):
        vcpus, memory, gpus, price = row
        return Instance(name, vcpus, memory, gpus, price)
    count = _vcpus(size)
    per = table["families"].get(family)
    if per is None or count is None:
        return None
    price = round(count * per["usd_per_vcpu"], 4)
    return Instance(name, count, count * per["gib_per_vcpu"], 0, price)


def price(name: str) -> float | None:
    """USD per hour of one instance on demand; None for a type that the table does not know."""
    found = find(name)
    return None if found is None else found.usd_per_hour


def spot_share() -> float:
    """What a Spot instance costs, as a share of the price on demand: AWS's changes by the hour, ours is one number."""
    share: float = _table()["spot_share"]
    return share


def fit(name: str, machine: Machine) -> Fitted:
    """Cut the type down to the machine. Never refuses: a type that is not known gets the whole machine."""
    wanted = find(name)
    if wanted is None:
        note = f"The instance type {name} is not known here; the task may use this whole machine."
        return Fitted(Resources(machine.vcpus, machine.memory_bytes, machine.gpus, _PROCESSES), note)
    memory = int(wanted.memory_gib * GIB)
    vcpus, gpus = min(wanted.vcpus, machine.vcpus), min(wanted.gpus, machine.gpus)
    given = Resources(vcpus, min(memory, machine.memory_bytes), gpus, _PROCESSES)
    if given == Resources(wanted.vcpus, memory, wanted.gpus, _PROCESSES):
        return Fitted(given)
    asked = words(wanted.vcpus, memory, wanted.gpus)
    got = words(vcpus, min(memory, machine.memory_bytes), gpus, zero=bool(wanted.gpus))
    return Fitted(given, f"{name} has {asked}; this machine gives the task {got}.")


def holds(machines: Sequence[Machine], name: str) -> bool:
    """Whether one of these machines has all that AWS would give. What is not known may be of any size."""
    wanted = find(name)
    return wanted is None or any(
        wanted.vcpus <= each.vcpus and wanted.memory_gib * GIB <= each.memory_bytes and wanted.gpus <= each.gpus
        for each in machines
    )


def words(vcpus: float, memory: int, gpus: int, *, zero: bool = False) -> str:
    """`2 vCPUs, 8 GiB of memory and 1 GPU`; `zero`: say that there is no GPU."""
    parts = [_count(vcpus, "vCPU"), f"{memory / GIB:.3g} GiB of memory"]
    if gpus or zero:
        parts.append(_count(gpus, "GPU") if gpus else "no GPU")
    return ", ".join(parts[:-1]) + " and " + parts[-1]


def _count(number: float, what: str) -> str:
    return f"{number:g} {what}{'' if number == 1 else 's'}"


def _vcpus(size: str) -> int | None:
    """vCPUs of a size in the families that follow AWS's pattern."""
    if size in ("medium", "large", "xlarge"):
        return {"medium": 1, "large": 2, "xlarge": 4}[size]
    match = re.fullmatch(r"(\d+)xlarge", size)
    return 4 * int(match[1]) if match else None


@functools.cache
def _table() -> dict[str, Any]:
    text = package_files.files("sagewright.compute").joinpath("instances.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found
