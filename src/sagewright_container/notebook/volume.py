"""The size of the volume: where it is exceeded, kernels end, so that what runs away stops and files can be deleted."""

from __future__ import annotations

import os
import signal
import threading

from sagewright_container.notebook.settings import VOLUME, Settings

_EVERY_S = 10.0


def watch(settings: Settings, stop: threading.Event, folder: str = VOLUME) -> None:
    """Look until `stop`; say what was done."""
    while not stop.wait(_EVERY_S):
        used = size(folder)
        if used > settings.volume_bytes:
            ended = [pid for pid in _kernels() if _end(pid)]
            print(
                f"sagewright: {folder} holds {used} bytes of {settings.volume_bytes}; {len(ended)} kernel(s) were "
                "ended. Delete files, or stop the instance and update its VolumeSizeInGB.",
                flush=True,
            )


def size(folder: str) -> int:
    """Bytes that the files below take on disk, each once."""
    total, seen = 0, set()
    pending = [folder]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                        continue
                    found = entry.stat(follow_symlinks=False)
                    if (found.st_dev, found.st_ino) not in seen:
                        seen.add((found.st_dev, found.st_ino))
                        total += found.st_blocks * 512
        except OSError:
            continue
    return total


def _kernels() -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    if b"ipykernel_launcher" in file.read(4096):
                        found.append(int(name))
            except OSError:
                continue
    return found


def _end(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return False
    return True
