"""Starting the small programs that outlive the server, and handing them what they need without a trace."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def spawn(argv: Sequence[str], descriptors: Sequence[tuple[int, int]], log: Path) -> int:
    """Start a session's first process with an empty environment, `descriptors` as (ours, its own) and its outputs in
    `log`; its pid."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)]
    actions += [(os.POSIX_SPAWN_DUP2, source, target) for source, target in descriptors]
    options: dict[str, Any] = {"file_actions": actions, "setsigmask": []}
    try:
        return os.posix_spawn(argv[0], list(argv), {}, setsid=True, **options)
    except NotImplementedError:  # macOS: the supervisor makes its session itself
        return os.posix_spawn(argv[0], list(argv), {}, **options)


def hidden_file(data: bytes, folder: Path) -> int:
    """A descriptor to read `data` from, with no name that anybody could open."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("sagewright")
    else:
        path = folder / f".{secrets.token_hex(8)}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        path.unlink()
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
