"""A machine, as far as tasks may use it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to give."""

    vcpus: float
    memory_bytes: int
    gpus: int = 0

    @classmethod
    def here(cls) -> Machine:
        """This machine, as far as this process may use it."""
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        nvidia = Path("/proc/driver/nvidia/gpus")
        gpus = len(list(nvidia.iterdir())) if nvidia.is_dir() else 0
        return cls(count or 1, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), gpus)

    @property
    def size(self) -> tuple[int, float, int]:
        """Of two machines, the larger one has more of what is scarcer."""
        return (self.gpus, self.vcpus, self.memory_bytes)
