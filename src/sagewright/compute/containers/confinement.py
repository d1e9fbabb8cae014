"""What keeps a container from the kernel, beyond what engines do by themselves.

Podman's own filter of system calls lets user namespaces, keyrings and hypervisor sockets through, all of which know
no container. Its file is read, and written down anew without them. Docker's own holds them since version 23.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

DEFAULTS: Final = (Path("/etc/containers/seccomp.json"), Path("/usr/share/containers/seccomp.json"))
"""Where Podman has its own, the first that is there."""
_REFUSED: Final = frozenset(
    (
        *("add_key", "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd", "syslog"),
        *("unshare", "setns", "clone", "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register"),
        *("mount", "umount", "umount2", "pivot_root", "mount_setattr", "move_mount", "open_tree"),
        *("fsopen", "fsconfig", "fsmount", "fspick", "name_to_handle_at", "open_by_handle_at", "socket"),
    )
)
_FAMILIES: Final = (0, 1, 2, 10, 16)
"""Of sockets: unspecified, Unix, IPv4, IPv6, netlink."""
_NAMESPACES: Final = 0x7E020080
"""Flags of `clone` that make a namespace."""
_MASKED: Final = (
    *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug"),
    *("/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware"),
)
"""What Docker masks by itself; a list of one's own takes its place."""
_PRESSURE: Final = "/proc/pressure"
"""Where root, even one without powers, may have the kernel watch."""


def profile(known: Mapping[str, Any]) -> dict[str, Any]:
    """An engine's filter without what reaches past a container. What it does not name, it refuses."""
    rules: list[dict[str, Any]] = []
    for rule in known["syscalls"]:
        names = [name for name in rule["names"] if name not in _REFUSED]
        if names:
            rules.append({**rule, "names": names})
    allowed = [_argument(0, family, "SCMP_CMP_EQ") for family in _FAMILIES]
    rules += [{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [each]} for each in allowed]
    none = {**_argument(0, _NAMESPACES, "SCMP_CMP_MASKED_EQ"), "valueTwo": 0}
    rules.append({"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [none]})
    return {**known, "syscalls": rules}


def _argument(index: int, value: int, comparison: str) -> dict[str, Any]:
    return {"index": index, "value": value, "valueTwo": 0, "op": comparison}


def write_profile(path: Path) -> bool:
    """Write the filter for Podman; False where its own is not found, so that its own is used."""
    for place in DEFAULTS:
        try:
            known = json.loads(place.read_bytes())
        except (OSError, ValueError):
            continue
        part = path.with_suffix(".part")
        part.write_text(json.dumps(profile(known)))
        part.rename(path)
        return True
    return False


def settings(podman: bool, filter_file: Path | None) -> dict[str, Any]:
    """For a container's HostConfig."""
    # Labels of SELinux would keep a container from all that is mounted, unless that was labelled anew.
    options = ["no-new-privileges", "label=disable"]
    if not podman:
        return {"SecurityOpt": options, "MaskedPaths": [*_MASKED, _PRESSURE]}
    options.append(f"mask={_PRESSURE}")
    if filter_file is not None:
        options.append(f"seccomp={filter_file}")
    return {"SecurityOpt": options}
