"""Blobs: immutable files under opaque ids.

    DATA/objects/<2 hex>/<id>    a blob that a record names
    DATA/objects/incoming/<id>   being written, or finished and not named yet; nobody's after a crash
    DATA/objects/doubt/<id>      a small file that holds the key of the record which decides about blob <id>

A blob and the record that names it cannot change in one step. So a mark is put into `doubt/` before a commit that
makes or drops the name, and taken away after it; what a crash leaves there, the next start settles by asking the
record. The marks themselves are not synced: losing one to a power cut costs disk space, never data.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from sagewright.base.ids import Ids
from sagewright.dataplane.objects.copying import CHUNK, clone, copy_range, sync_folder
from sagewright.dataplane.objects.values import Content, Pin, Watcher
from sagewright.resources.record import Key


class Blobs:
    """The folder of blobs. All methods block on the disk; all may be called from any thread."""

    def __init__(self, folder: Path, ids: Ids) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._doubt = folder / "doubt"
        self._ids = ids
        self._pins: Counter[str] = Counter()
        self._doomed: set[str] = set()
        # Re-entrant: a pin may be dropped by the garbage collector while this thread holds the lock.
        self._lock = threading.RLock()
        for path in (self._incoming, self._doubt):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, blob: str) -> Path:
        """Where a settled blob lies."""
        return self._folder / blob[:2] / blob

    def new(self, watchers: Sequence[Watcher] = ()) -> BlobWriter:
        """Begin a blob."""
        blob = self._ids.uuid().replace("-", "")
        return BlobWriter(self._incoming / blob, watchers)

    def settle(self, blob: str) -> None:
        """Move a finished blob into its place, durably; nothing to do if it is there already."""
        place = self.path(blob)
        if not place.parent.is_dir():
            place.parent.mkdir(exist_ok=True, mode=0o700)
            sync_folder(self._folder)
        with contextlib.suppress(FileNotFoundError):
            (self._incoming / blob).rename(place)
            sync_folder(place.parent)

    def linked(self, blob: str) -> str:
        """A finished twin of a settled blob: blobs never change, so copies may share their bytes."""
        twin = self._ids.uuid().replace("-", "")
        written = self._incoming / twin
        try:
            os.link(self.path(blob), written)
        except OSError:
            # No links on this file system, or too many of this one.
            with self.path(blob).open("rb") as source, written.open("xb") as target:
                clone(source.fileno(), target.fileno(), os.fstat(source.fileno()).st_size)
                os.fsync(target.fileno())
        return twin

    def discard(self, blob: str) -> None:
        """Forget a finished blob that no record came to name."""
        (self._incoming / blob).unlink(missing_ok=True)
        self.remove(blob)

    # Between a blob and its record.

    def doubt(self, blob: str, key: Key) -> None:
        """Note, before a commit, that only the record at `key` says whether this blob is anybody's."""
        (self._doubt / blob).write_bytes(orjson.dumps(list(key)))

    def trust(self, blob: str) -> None:
        """The commit is done and a record names the blob."""
        (self._doubt / blob).unlink(missing_ok=True)

    def remove(self, blob: str) -> None:
        """Remove a blob that no record names, now or when its last reader has gone."""
        with self._lock:
            if self._pins[blob]:
                self._doomed.add(blob)
                return
            del self._pins[blob]
        self.path(blob).unlink(missing_ok=True)
        self.trust(blob)

    def recover(self, named: Callable[[Key], str | None]) -> int:
        """Settle what a crash left; `named` tells which blob a record names. Returns how many files went.

        To be called before anything is read or written.
        """
        gone = 0
        for path in self._incoming.iterdir():
            path.unlink(missing_ok=True)
            gone += 1
        for mark in self._doubt.iterdir():
            try:
                key = Key(*orjson.loads(mark.read_bytes()))
            except (ValueError, TypeError):
                # Torn by a power cut. Without the key, nobody can tell: keep the bytes.
                mark.unlink(missing_ok=True)
                continue
            if named(key) == mark.name:
                self.trust(mark.name)
            else:
                self.remove(mark.name)
                gone += 1
        return gone

    # Readers.

    def pin(self, blob: str) -> Pin | None:
        """Keep a blob until the pin is forgotten; None if it is gone already."""
        with self._lock:
            self._pins[blob] += 1
        pin = Pin(blob)
        weakref.finalize(pin, self._unpin, blob).atexit = False
        return pin if self.path(blob).exists() else None

    def _unpin(self, blob: str) -> None:
        with self._lock:
            self._pins[blob] -= 1
            if self._pins[blob] > 0:
                return
            del self._pins[blob]
            doomed = blob in self._doomed
            self._doomed.discard(blob)
        if doomed:
            self.remove(blob)


class BlobWriter:
    """One blob being written. Ends with `finish` or `discard`. Used by one thread at a time."""

    def __init__(self, path: Path, watchers: Sequence[Watcher]) -> None:
        self._path = path
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._watchers = watchers
        self._size = 0
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)

    def write(self, chunks: Sequence[bytes]) -> None:
        """Append. Hashing and writing release the interpreter, so several writers share the cores."""
        for chunk in chunks:
            self._md5.update(chunk)
            for watcher in self._watchers:
                watcher.update(chunk)
            rest = memoryview(chunk)
            while rest:
                done = os.pwrite(self._file, rest, self._size)
                self._size += done
                rest = rest[done:]

    def write_file(self, source: int, offset: int, length: int) -> None:
        """Append a piece of a file, hashing it on the way."""
        while length:
            chunk = os.pread(source, min(length, CHUNK), offset)
            if not chunk:
                raise EOFError(f"the file ends {length} bytes early")
            self.write([chunk])
            offset, length = offset + len(chunk), length - len(chunk)

    def append_unhashed(self, source: int, length: int) -> None:
        """Append a whole file inside the kernel: for pieces whose hashes are known."""
        copy_range(source, self._file, offset=0, length=length, at=self._size)
        self._size += length

    def append_bytes_unhashed(self, data: bytes) -> None:
        """Append bytes whose hash is known."""
        os.pwrite(self._file, data, self._size)
        self._size += len(data)

    def finish(self, chunks: Sequence[bytes] = ()) -> Content:
        """Append the last chunks, make it durable, and let it be named."""
        self.write(chunks)
        os.fsync(self._file)
        self._close()
        return Content(size=self._size, md5=self._md5.hexdigest(), blob=self._path.name)

    def discard(self) -> None:
        """Forget it, finished or not."""
        self._close()
        self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        descriptor, self._file = self._file, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)
