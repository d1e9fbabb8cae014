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
    """Lay out what was packed, each root in its place. What would lead out of it is left out."""
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            root, _, path = member.name.partition("/")
            if root not in roots:
                continue
            place = roots[root]
            folder, below = (place, path) if path else (place.parent, place.name)
            try:
                _lay_out(tar, member, _parent(folder, below), below.rpartition("/")[2])
            except _LeadsElsewhere as problem:
                _LOG.info("left out: %s", problem)


class _LeadsElsewhere(Exception):
    """A path that a link is part of."""


def _parent(folder: Path, path: str) -> Path:
    """The folder that is to hold what has this path, made if need be; by no link. (Python's own filters can be led
    astray by links and very long paths.)"""
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise _LeadsElsewhere(path)
    for part in parts[:-1]:
        folder = folder / part
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise _LeadsElsewhere(path)
    return folder


def _lay_out(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, name: str) -> None:
    target = folder / name
    mode = (member.mode & 0o755) | stat.S_IRUSR | stat.S_IWUSR
    if member.isdir() and target.is_dir() and not target.is_symlink():
        return
    _clear(target)  # whoever reads the file that was there goes on reading it
    if member.isdir():
        target.mkdir(mode=mode | stat.S_IXUSR)
    elif member.issym():
        target.symlink_to(member.linkname)
    elif member.isfile() and (content := tar.extractfile(member)) is not None:
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
        os.utime(target, (member.mtime, member.mtime))


def _clear(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
