"""Locks by name between processes: files in a folder that they share. They end with the process, however it ends."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FileLocks:
    """Any thread may take a lock; one that holds it and takes it again waits for itself."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder

    @contextmanager
    def held(self, name: str, *, shared: bool = False) -> Iterator[None]:
        """Wait for a lock, alone or beside others that share it."""
        path = self._path(name)
        descriptor = _locked(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        with _released(path, descriptor, alone=not shared):
            yield

    @contextmanager
    def attempted(self, name: str) -> Iterator[bool]:
        """Take a lock alone if nobody has it; whether it was taken."""
        path = self._path(name)
        try:
            descriptor = _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        with _released(path, descriptor, alone=True):
            yield True

    def _path(self, name: str) -> Path:
        return self._folder / hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@contextmanager
def _released(path: Path, descriptor: int, *, alone: bool) -> Iterator[None]:
    try:
        yield
    finally:
        if alone:
            path.unlink(missing_ok=True)  # so that there are not many more files than locks that are held
        os.close(descriptor)


def _locked(path: Path, how: int) -> int:
    """Raises BlockingIOError where the lock is not to be waited for."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, how)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except FileNotFoundError:
            pass  # whoever had it before has just removed the file: it is none any more
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
