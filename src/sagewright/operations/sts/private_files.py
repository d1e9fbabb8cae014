"""Files that only their owner reads: made whole or not at all, and durable when a function here returns."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def kept(path: Path, fresh: bytes) -> bytes:
    """The content of a private file, made from `fresh` if it is not there (also when two processes race)."""
    if not path.exists():
        _placed(path, fresh, _linked)
    return path.read_bytes()


def replaced(path: Path, content: bytes) -> None:
    """Puts `content` in the file's place: who reads meanwhile sees the old or the new, never a part."""
    _placed(path, content, os.replace)


def _placed(path: Path, content: bytes, place: Callable[[str, Path], None]) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        place(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _linked(temporary: str, path: Path) -> None:
    with contextlib.suppress(FileExistsError):  # another process was quicker: its content counts
        os.link(temporary, path)
