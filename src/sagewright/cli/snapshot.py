"""A data folder as it is at one moment, copied file by file.

No room has to do anything for this. Files are told apart by what they are:

    objects/<2 hex>/*, registry/<2 hex>/*
                        never change once a record names them: linked, or copied where there are no links
    SQLite databases    known by their header: copied from a read transaction by SQLite's backup, log included
    *.lock, sockets     belong to processes, and stay behind; so do tasks/ (what runs) and runtimes/ (made again)
    all others          copied

A record is written after the blob that it names, and a blob is removed after the record that named it. So while no
record can be written, every blob that a record names is there, and nobody removes one.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from sagewright.store.held import Held

_HEADER: Final = b"SQLite format 3\0"
_LEFT: Final = frozenset({"async", "tasks", "runtimes"})
_HOLD_BLOBS: Final = ("objects", "registry")
_BLOBS: Final = re.compile(r"[0-9a-f]{2}")
_PAGES: Final = 4096
"""How much of a database is copied between two words of progress: 16 MiB."""
_OFTEN: Final = 0.5
"""Seconds between two words of progress."""


class Snapshot:
    """One copy being made: `take`, then `finish`."""

    def __init__(self, data: Path, work: Path, say: Callable[[str], None]) -> None:
        """`work` is an empty folder on the file system where the copy shall be."""
        self._data, self._work, self._say = data, work, say
        self._said = 0.0
        self.moment = ""
        """When the records were as they are in the copy."""
        self.linked = 0
        self._counts = {"objects": 0, "databases": 0, "other files": 0}

    def take(self, held: Held) -> Snapshot:
        """Copy everything. Raises NotHeld and OSError, after which `work` holds no whole copy."""
        databases = [path for path in self._files() if _is_sqlite(path)]
        self._blobs(settled=True)  # nearly all of them, while the server goes on
        with held() as records, ExitStack() as reading:
            self.moment = time.strftime("%Y-%m-%d %H:%M:%S")
            sources = {path: _reading(path, reading) for path in databases}
            self._blobs()
            # After the blobs: a blob whose record is not written yet has its mark by now.
            self._copy_below(self._data / "objects" / "doubt")
            records.release()
            records.copy(self._work)
            for path, source in sources.items():
                self._database(path, source)
        for path in self._files():
            if self._copied(path).exists():
                continue
            if _is_sqlite(path):  # it has come into being since
                with ExitStack() as reading:
                    self._database(path, _reading(path, reading))
            else:
                self._file(path)
        return self

    def finish(self, target: Path) -> None:
        """Put the copy in its place, whole and on disk. Raises OSError if something has come there meanwhile."""
        for folder, _, _ in os.walk(self._work):
            _sync(Path(folder))
        if target.exists():
            raise FileExistsError(f"{target} has come into being meanwhile")
        self._work.rename(target)
        _sync(target.parent)

    def told(self) -> str:
        """How much it is, in words."""
        return ", ".join(f"{count:,} {what}" for what, count in self._counts.items())

    # What there is.

    def _files(self) -> Iterator[Path]:
        """Every file but blobs and what stays behind."""
        for place, folders, names in os.walk(self._data):
            here = Path(place)
            if here == self._data:
                folders[:] = [name for name in folders if name not in _LEFT]
            elif here.parent == self._data and here.name in _HOLD_BLOBS:
                folders[:] = [name for name in folders if not _BLOBS.fullmatch(name)]
            self._folder(here)
            for name in names:
                path = here / name
                if not name.endswith((".lock", "-wal", "-shm", "-journal")) and _is_plain(path):
                    yield path

    def _copied(self, path: Path) -> Path:
        return self._work / path.relative_to(self._data)

    def _folder(self, path: Path) -> None:
        copy = self._copied(path)
        if copy == self._work:
            return  # nobody else's from the start
        if not copy.is_dir():
            copy.mkdir(parents=True)
        copy.chmod(stat.S_IMODE(path.stat().st_mode))

    # How it is copied.

    def _blobs(self, *, settled: bool = False) -> None:
        """Link what is there and is not in the copy yet; `settled` leaves out what may still be written to, which has
        its mark in `doubt/` from before it is begun until its record is written."""
        doubt = self._data / "objects" / "doubt"
        for folder in (each for name in _HOLD_BLOBS for each in sorted((self._data / name).glob("*"))):
            if not _BLOBS.fullmatch(folder.name):
                continue
            self._folder(folder)
            there = set(os.listdir(self._copied(folder)))
            for name in set(os.listdir(folder)) - there:
                if not (settled and (doubt / name).exists()):
                    self._link(folder / name)

    def _link(self, path: Path) -> None:
        copy = self._copied(path)
        try:
            os.link(path, copy)
            self.linked += 1
        except FileNotFoundError:
            return  # removed meanwhile: no record names it any more
        except OSError:
            # No links between file systems, or too many of this file.
            if not _copy(path, copy):
                return
        self._counts["objects"] += 1
        self._progress(f"objects: {self._counts['objects']:,}")

    def _copy_below(self, folder: Path) -> None:
        if folder.is_dir():
            self._folder(folder)
            for name in os.listdir(folder):
                self._file(folder / name)

    def _file(self, path: Path) -> None:
        if _copy(path, self._copied(path)):
            self._counts["other files"] += 1
            self._progress(f"other files: {self._counts['other files']:,}")

    def _database(self, path: Path, source: sqlite3.Connection) -> None:
        copy = self._copied(path)
        copy.touch(mode=stat.S_IMODE(path.stat().st_mode))
        target = sqlite3.connect(copy)
        try:
            # The read transaction stays open, so this is one moment however long it takes.
            source.backup(target, pages=_PAGES, progress=self._pages(path), sleep=0)
        finally:
            target.close()
        _sync(copy)
        self._counts["databases"] += 1

    def _pages(self, path: Path) -> Callable[[int, int, int], None]:
        name = path.relative_to(self._data)
        return lambda _, left, total: self._progress(f"{name}: {100 * (total - left) // max(total, 1)} %")

    def _progress(self, text: str) -> None:
        now = time.monotonic()
        if now - self._said > _OFTEN:
            self._said = now
            self._say(text)


def _reading(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """A connection whose read transaction has begun."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=20)
    stack.callback(connection.close)
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except sqlite3.DatabaseError as error:
        raise sqlite3.DatabaseError(f"{path}: {error}") from error
    return connection


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except FileNotFoundError:
        return False


def _is_plain(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _copy(path: Path, copy: Path) -> bool:
    """Whether the file was still there. Modes and times go along."""
    try:
        shutil.copy2(path, copy, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if not copy.is_symlink():
        _sync(copy)
    return True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
