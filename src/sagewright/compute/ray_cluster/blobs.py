"""Bytes of stored objects that a node has fetched: kept for the next task that is shown them."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_MOST: Final = 20 << 30
"""Bytes that are kept, unless SAGEWRIGHT_NODE_CACHE says how many; what a running task is shown is never removed."""


class Blobs:
    """Files by keys that stand for their content. Several processes may share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._most = int(os.environ.get("SAGEWRIGHT_NODE_CACHE") or _MOST)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def missing(self, keys: Sequence[str]) -> Sequence[str]:
        """Those that are not here, each once. The others count as used now."""
        found = []
        for key in dict.fromkeys(keys):
            try:
                os.utime(self._folder / key)
            except FileNotFoundError:
                found.append(key)
        return found

    def keep(self, key: str, size: int, stream: io.RawIOBase) -> None:
        """Raises OSError where it is not whole."""
        self._make_room(size)
        fresh = self._folder / f".{secrets.token_hex(8)}"
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                while piece := stream.read(1 << 20):
                    file.write(piece)
                if file.tell() != size:
                    raise ConnectionError(f"{file.tell()} bytes came of {size}")
            fresh.rename(self._folder / key)
        finally:
            fresh.unlink(missing_ok=True)

    def show(self, key: str, target: Path, *, linked: bool) -> None:
        """Make `target` a file with these bytes; a copy, unless it is `linked` where nobody can write to it."""
        if linked:
            with contextlib.suppress(OSError):
                os.link(self._folder / key, target)
                return
        shutil.copyfile(self._folder / key, target)

    def _make_room(self, size: int) -> None:
        """Remove what was not used for longest, until there is room."""
        entries = []
        for entry in os.scandir(self._folder):
            with contextlib.suppress(FileNotFoundError):
                entries.append((entry.stat().st_mtime, entry.stat(), entry.path))
        held = sum(info.st_size for _, info, _ in entries) + size
        for _, info, path in sorted(entries, key=lambda each: each[0]):
            if held <= self._most:
                return
            if info.st_nlink == 1 and not os.path.basename(path).startswith("."):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                held -= info.st_size
