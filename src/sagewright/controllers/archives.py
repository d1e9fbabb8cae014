"""Archives: what a task leaves as model.tar.gz, and what it is given in such a form.

ISA-L writes gzip's form ten times as fast as zlib, which takes longer to pack a small network's weights than these take
to train, and it makes them no larger.
"""

from __future__ import annotations

import contextlib
import hashlib
import lzma
import os
import tarfile
import zlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final

from isal import igzip, isal_zlib

from sagewright.base.errors import Terminal

_GzipFile: Any = igzip.IGzipFile  # it declares no types
_UNREADABLE: Final[Any] = (tarfile.TarError, OSError, EOFError, isal_zlib.error, zlib.error, lzma.LZMAError)
_GZIP: Final = b"\x1f\x8b"
"""What gzip's form begins with."""
_LEVEL: Final = 1
"""Of 0 to 3: smaller than zlib's 1, and models hardly shrink further."""
_PIECE: Final = 1 << 18
"""Bytes that go through at once."""
_BATCH: Final = 1 << 20
"""Bytes that are hashed and written while the next are packed."""


def extract(archive: Path, folder: Path, *, name: str) -> None:
    """Unpack a (gzipped) tar archive. `name` is what the user calls it. Raises Terminal if it is none, or if it
    reaches out of its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.ExitStack() as stack:
            tar = _opened(archive, stack)
            tar.extractall(folder, filter="data")
            # The checksum stands behind the end of the archive: unread, it is unchecked.
            while tar.fileobj.read(_PIECE):
                pass
    except _UNREADABLE as error:
        words = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":.")
        raise Terminal(
            f"ClientError: {name} could not be unpacked: {words}. "
            "It must be a tar archive, gzipped (tar czf), without links or paths that lead out of it."
        ) from error


def _opened(archive: Path, stack: contextlib.ExitStack) -> Any:
    """A tar file; what is not gzipped in whatever form the standard library knows."""
    with archive.open("rb") as file:
        if file.read(2) != _GZIP:
            return stack.enter_context(tarfile.open(archive))
    packed = stack.enter_context(_GzipFile(archive, "rb"))
    return stack.enter_context(tarfile.open(fileobj=packed, mode="r:"))


def pack(folders: Sequence[Path], archive: Path) -> str:
    """The content of folders as one gzipped tar, whose MD5 is returned in hex; of a file that several have, the first
    one's. Links stay links; sockets, FIFOs and devices stay behind."""
    seen: set[str] = set()

    def first(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if member.name in seen and not member.isdir():
            return None
        seen.add(member.name)
        return _plain(member)

    with (
        archive.open("wb") as raw,
        ThreadPoolExecutor(1, "archive") as pool,
    ):
        hashed = _Hashed(raw, pool)
        with (
            _GzipFile(filename="", fileobj=hashed, mode="wb", compresslevel=_LEVEL, mtime=0) as packed,
            tarfile.TarFile(fileobj=packed, mode="w", copybufsize=_PIECE) as tar,
        ):
            for folder in folders:
                if folder.is_dir() and not folder.is_symlink():
                    for name in sorted(os.listdir(folder)):
                        tar.add(folder / name, name, filter=first)
        return hashed.finish()


class _Hashed:
    """A file that is hashed and written by another thread than the one that packs, meanwhile."""

    def __init__(self, file: IO[bytes], pool: ThreadPoolExecutor) -> None:
        self._file, self._pool = file, pool
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._pieces: list[bytes] = []
        self._size = 0
        self._busy: Future[None] | None = None

    def write(self, data: bytes) -> int:
        """Take a piece, which may have to wait. Raises OSError for this one or one before."""
        self._pieces.append(bytes(data))
        self._size += len(data)
        if self._size >= _BATCH:
            self._hand_over()
        return len(data)

    def flush(self) -> None:
        """Nothing: it is all written in the end."""

    def finish(self) -> str:
        """The MD5, once everything is written. Raises OSError."""
        if self._busy is not None:
            self._busy.result()
        self._take(self._pieces)
        return self._md5.hexdigest()

    def _hand_over(self) -> None:
        if self._busy is not None:
            self._busy.result()
        pieces, self._pieces, self._size = self._pieces, [], 0
        self._busy = self._pool.submit(self._take, pieces)

    def _take(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            self._md5.update(piece)
        self._file.writelines(pieces)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
