"""What processes hold in memory, and how much this container may."""

from __future__ import annotations

import contextlib
import os

# Version 2 of control groups, then version 1, as a container sees its own.
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def limit_bytes() -> int:
    """SAGEWRIGHT_MEMORY_LIMIT where the platform says it, the control group's limit, or the machine's memory."""
    found = [os.sysconf("SC_PHYS_PAGES") * _PAGE]
    if said := os.environ.get("SAGEWRIGHT_MEMORY_LIMIT"):
        found.append(int(said))
    for path in _LIMITS:
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            found.append(int(file.read()))
    return min(found)


def held_bytes(pid: int) -> int:
    """What the process keeps resident and nobody could take back: a share of what it shares, no files. 0: it ended.

    Takes milliseconds: the kernel looks at every page.
    """
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            sizes = dict(line.split()[:2] for line in file.readlines()[1:])
    except OSError:
        return 0
    return 1024 * sum(int(sizes.get(name, 0)) for name in ("Pss_Anon:", "Pss_Shmem:"))


def anonymous_bytes(pid: int) -> int:
    """What the process has in memory that is no file, what it shares counted in full. Costs next to nothing, so that
    differences of it can be watched. 0: it ended."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            _, resident, shared, *_ = map(int, file.read().split())
    except OSError:
        return 0
    return (resident - shared) * _PAGE


def size_bytes(folder: str) -> int:
    """All files of a folder."""
    return sum(os.lstat(os.path.join(above, name)).st_size for above, _, names in os.walk(folder) for name in names)
