"""Folders on their way between a server and a node, as tar streams.

What a task leaves belongs to code that nobody trusts and that may run meanwhile: links are never followed, files are
opened from their folder's own descriptor downwards, and nothing is laid out beyond the folder it is meant for.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

_LOG = logging.getLogger(__name__)

BLOB_BYTES: Final = 64 << 10
"""Files of at least so many bytes that nobody writes to travel by themselves, and are kept by the node."""

Mark = tuple[int, int, int]
"""Inode, size and time of change in nanoseconds: a file with another one has changed."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something below a folder."""

    path: str
    """Below the folder; '' where the folder is a file itself."""
    name: str
    folder: int | None
    """A descriptor of the folder that holds it, good until the walk goes on."""
    info: os.stat_result

    @property
    def mark(self) -> Mark:
        return self.info.st_ino, self.info.st_size, self.info.st_ctime_ns

    @property
    def key(self) -> str:
        """Of the bytes of a file that is never written to again: another content has another key."""
        info = self.info
        return f"{info.st_dev:x}-{info.st_ino:x}-{info.st_size:x}-{info.st_mtime_ns:x}"

    def open(self) -> IO[bytes]:
        """Raises OSError: also where it is not a file any more."""
        descriptor = os.open(self.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self.folder)
        file = os.fdopen(descriptor, "rb")
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.close()
            raise OSError(f"{self.name} is not a regular file")
        return file


def walk(root: Path) -> Iterator[Found]:
    """Every folder, regular file and link below a folder (folders before what is in them), or the one file."""
    info = os.lstat(root)
    if stat.S_ISREG(info.st_mode):
        yield Found("", str(root), None, info)
        return
    for place, folders, names, descriptor in os.fwalk(root, follow_symlinks=False):
        folders.sort()
        below = os.path.relpath(place, root)
        for name in sorted([*folders, *names]):
            with contextlib.suppress(FileNotFoundError):
                info = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                if stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode) or stat.S_ISLNK(info.st_mode):
                    yield Found(os.path.normpath(os.path.join(below, name)), name, descriptor, info)


Wanted = Callable[[str, Found], bool]
"""Whether something of a root (by its name) is to be packed."""


def pack(roots: Mapping[str, Path], out: Any, wanted: Wanted) -> None:
    """Write what is wanted below each root, under the root's name. What goes away meanwhile stays behind."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for root, folder in roots.items():
            for found in walk(folder):
                if wanted(root, found):
                    with contextlib.suppress(FileNotFoundError):
                        _add(tar, f"{root}/{found.path}".rstrip("/"), found)


def _add(tar: tarfile.TarFile, name: str, found: Found) -> None:
    info = tarfile.TarInfo(name)
    info.mode, info.mtime = stat.S_IMODE(found.info.st_mode), found.info.st_mtime
    if stat.S_ISDIR(found.info.st_mode):
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    elif stat.S_ISLNK(found.info.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(found.name, dir_fd=found.folder)
        tar.addfile(info)
    else:
        try:
            file = found.open()
        except OSError:
            return  # it has become something else, or may not be read
        with file:
            info.size = os.fstat(file.fileno()).st_size
            tar.addfile(info, _Whole(file))  # type: ignore[arg-type]


class _Whole:
    """A file that is as long as it was when its copying began: one that is cut meanwhile ends in zeros."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        return self._file.read(size).ljust(size, b"\0")


def unpack(stream: Any, roots: Mapping[str, Path]) -> None:
    """Lay out what was packed, each root in its place. What leads out of it is left out."""
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            root, _, path = member.name.partition("/")
            place = roots.get(root)
            if place is None:
                continue
            folder, member.name = (place, path) if path else (place.parent, place.name)
            try:
                _make_way(folder, tarfile.data_filter(member, str(folder)))
                tar.extract(member, folder, filter="data")
            except tarfile.FilterError as problem:
                _LOG.info("left out: %s", problem)


def _make_way(folder: Path, member: tarfile.TarInfo) -> None:
    """Whoever reads the file that was there goes on reading it."""
    target = folder / member.name
    if not member.isdir():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(target) if target.is_dir() and not target.is_symlink() else target.unlink()
    elif target.is_symlink() or (target.exists() and not target.is_dir()):
        target.unlink()
