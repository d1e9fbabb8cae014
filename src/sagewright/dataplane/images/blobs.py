"""The bytes of layers: immutable files named by what they hold, and uploads that grow into them.

    DATA/registry/<2 hex>/<64 hex>    a layer by its sha256
    DATA/registry/uploads/<id>        an upload, of which its record says how many bytes count

A file is put in its place before the record that names it is written, and goes after the record has gone. What a crash
leaves in between is a file without a record, which the next start removes. Nobody ever sees half a layer: a file gets
its name when all of it is on the disk.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from sagewright.base.file_locks import FileLocks
from sagewright.dataplane.objects.copying import clone, sync_folder

_FOLDER: Final = re.compile(r"[0-9a-f]{2}")
_LOCKS: Final = 64


class Blobs:
    """The folder. Any thread may call any method; all block on the disk."""

    def __init__(self, folder: Path, locks: FileLocks | None = None) -> None:
        """Makes nothing before there is something to keep. `locks` are those of several servers."""
        self._among_servers = locks
        self._folder = folder
        self._uploads = folder / "uploads"
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    def path(self, digest: str) -> Path:
        """Where a layer lies."""
        name = digest.partition(":")[2]
        return self._folder / name[:2] / name

    def upload(self, upload: str) -> Path:
        """Where an upload lies once it got bytes."""
        return self._uploads / upload

    @contextlib.contextmanager
    def lock(self, digest: str) -> Iterator[None]:
        """Held while a file comes or goes and the record that decides about it is looked at."""
        slot = int(digest[-2:], 16) % _LOCKS
        with self._locks[slot], self._elsewhere(f"layers/{slot}"):
            yield

    def writing(self, upload: str) -> contextlib.AbstractContextManager[bool]:
        """Whether no other server is at an upload; then none is until the end of the context."""
        return contextlib.nullcontext(True) if self._among_servers is None else self._among_servers.attempted(upload)

    def _elsewhere(self, name: str) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._among_servers is None else self._among_servers.held(name)

    def open_upload(self, upload: str) -> int:
        """A descriptor to write to, its place made durable."""
        if not self._uploads.is_dir():
            self._uploads.mkdir(parents=True, exist_ok=True, mode=0o700)
            sync_folder(self._folder.parent)
            sync_folder(self._folder)
        path = self.upload(upload)
        new = not path.exists()
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        if new:
            sync_folder(self._uploads)
        return descriptor

    def place(self, upload: str, digest: str) -> None:
        """Let an upload's bytes, which are whole and on disk, be a layer. The upload stays. The caller holds `lock`."""
        path = self.path(digest)
        if path.exists():
            return
        if not path.parent.is_dir():
            path.parent.mkdir(exist_ok=True, mode=0o700)
            sync_folder(self._folder)
        try:
            os.link(self.upload(upload), path)
        except OSError:
            self._copy(upload, path)  # no links on this file system
        sync_folder(path.parent)

    def _copy(self, upload: str, path: Path) -> None:
        part = self._uploads / f"{path.name}.part"
        try:
            with self.upload(upload).open("rb") as source, part.open("wb") as target:
                clone(source.fileno(), target.fileno(), os.fstat(source.fileno()).st_size)
                os.fsync(target.fileno())
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)

    def remove(self, digest: str) -> None:
        """Remove a layer's file. The caller holds `lock` and has seen that no record names it."""
        self.path(digest).unlink(missing_ok=True)

    def drop_upload(self, upload: str) -> None:
        """Remove an upload's file."""
        self.upload(upload).unlink(missing_ok=True)

    def recover(self, digests: Collection[str], uploads: Collection[str]) -> int:
        """Remove every file that no record names; how many went. To be called before anything is written."""
        gone = 0
        for path in self._files():
            named = path.name in uploads if path.parent == self._uploads else f"sha256:{path.name}" in digests
            if not named:
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
                    gone += 1
        return gone

    def empty(self) -> bool:
        """Whether there is nothing at all."""
        return not self._folder.is_dir() or not any(self._files())

    def _files(self) -> list[Path]:
        folders = [path for path in self._folder.iterdir() if _FOLDER.fullmatch(path.name) or path == self._uploads]
        return [path for folder in folders for path in folder.iterdir()]
