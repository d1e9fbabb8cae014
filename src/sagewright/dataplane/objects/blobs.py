"""Blobs: immutable files under opaque ids.

    DATA/objects/<2 hex>/<id>    a blob
    DATA/objects/doubt/<id>      a small file that holds the key of the record which decides about blob <id>

A blob and the record that names it cannot change in one step. So a mark is put into `doubt/` before a blob is begun
and before a commit that drops its name, and taken away after the commit; what a crash leaves there, the next start
settles by asking the record. The marks themselves are not synced: losing one to a power cut costs disk space, never
data.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import orjson

from sagewright.base.ids import Ids
from sagewright.dataplane.objects.copying import CHUNK, clone, copy_range, sync_folder
from sagewright.dataplane.objects.values import Content, Pin, Watcher
from sagewright.resources.record import Key

_ENTRY_GOES_ALONG: Final = sys.platform == "linux"
"""Whether a new file's fsync takes its folder's entry along, as ext4, XFS, btrfs, ZFS and NFS do. POSIX does not
promise it, and asking for it costs as much as the file itself."""


class Blobs:
    """The folder of blobs. All methods block on the disk; all may be called from any thread."""

    def __init__(self, folder: Path, ids: Ids, *, shared: bool = False) -> None:
        """`shared`: other servers read here too, so what no record names any more stays in doubt for a while."""
        self._shared = shared
        self._folder = folder
        self._doubt = folder / "doubt"
        self._ids = ids
        self._pins: Counter[str] = Counter()
        self._doomed: set[str] = set()
        # Re-entrant: a pin may be dropped by the garbage collector while this thread holds the lock.
        self._lock = threading.RLock()
        self._doubt.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ready = False

    def path(self, blob: str) -> Path:
        """Where a blob lies."""
        return self._folder / blob[:2] / blob

    def new(self, home: Key, watchers: Sequence[Watcher] = ()) -> BlobWriter:
        """Begin a blob that the record at `home` is to name."""
        blob = self._begun(home)
        try:
            return BlobWriter(self.path(blob), watchers)
        except OSError:
            self.discard(blob)
            raise

    def linked(self, blob: str, home: Key) -> str:
        """A twin of a blob for another record: blobs never change, so copies may share their bytes."""
        twin = self._begun(home)
        place = self.path(twin)
        try:
            try:
                os.link(self.path(blob), place)
            except OSError:
                # No links on this file system, or too many of this one.
                with self.path(blob).open("rb") as source, place.open("xb") as target:
                    clone(source.fileno(), target.fileno(), os.fstat(source.fileno()).st_size)
                    os.fsync(target.fileno())
            sync_folder(place.parent)
        except BaseException:
            self.discard(twin)
            raise
        return twin

    def _begun(self, home: Key) -> str:
        """A new id, in doubt, and a folder for its file."""
        if not self._ready:
            self._make_folders()
        blob = self._ids.uuid().replace("-", "")
        self.doubt(blob, home)
        return blob

    def _make_folders(self) -> None:
        """All at once: one folder made and synced at a time would cost each of the first hundreds of blobs."""
        for number in range(256):
            (self._folder / f"{number:02x}").mkdir(exist_ok=True, mode=0o700)
        sync_folder(self._folder)
        self._ready = True

    def discard(self, blob: str) -> None:
        """Forget a blob that no record came to name."""
        self._unlink(blob)

    # Between a blob and its record.

    def doubt(self, blob: str, key: Key) -> None:
        """Note that only the record at `key` says whether this blob is anybody's."""
        mark = os.open(self._doubt / blob, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        try:
            os.write(mark, orjson.dumps(list(key)))
        finally:
            os.close(mark)

    def trust(self, blob: str) -> None:
        """The commit is done and a record names the blob."""
        (self._doubt / blob).unlink(missing_ok=True)

    def remove(self, blob: str) -> None:
        """Remove a blob that no record names, now or when its last reader has gone."""
        if self._shared:
            return  # readers elsewhere are not known here: its mark in doubt has it go later
        with self._lock:
            if self._pins[blob]:
                self._doomed.add(blob)
                return
            del self._pins[blob]
        self._unlink(blob)

    def _unlink(self, blob: str) -> None:
        self.path(blob).unlink(missing_ok=True)
        self.trust(blob)

    def recover(self, named: Callable[[Key, str], bool], *, older: float = 0.0) -> int:
        """Settle what a crash left; `named` tells whether the record at a key names a blob. Returns how many files
        went.

        To be called before anything is read or written, or for what nobody has touched for `older` seconds.
        """
        gone = 0
        for mark in self._doubt.iterdir():
            if older and self._age(mark) < older:
                continue
            try:
                key = Key(*orjson.loads(mark.read_bytes()))
            except (ValueError, TypeError):
                # Torn by a power cut. Without the key, nobody can tell: keep the bytes.
                mark.unlink(missing_ok=True)
                continue
            if named(key, mark.name):
                self.trust(mark.name)
            else:
                self._unlink(mark.name)
                gone += 1
        return gone + self._recover_incoming()

    def _age(self, mark: Path) -> float:
        """Seconds since a blob came into doubt or was written to; none for one that is settled just now."""
        try:
            touched = [path.stat().st_mtime for path in (mark, self.path(mark.name)) if path.exists()]
        except FileNotFoundError:
            return 0.0
        return time.time() - max(touched, default=time.time())

    def _recover_incoming(self) -> int:
        """Before 0.2, blobs were written in a folder of their own; whatever still lies there is nobody's."""
        incoming = self._folder / "incoming"
        left = list(incoming.iterdir()) if incoming.is_dir() else []
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

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
    """One blob being written. Ends with `finish` or `close`. Used by one thread at a time."""

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
        if not _ENTRY_GOES_ALONG:
            sync_folder(self._path.parent)
        return Content(size=self._size, md5=self._md5.hexdigest(), blob=self._path.name)

    def close(self) -> str:
        """End the writing early; the blob is to be discarded. Returns its id."""
        self._close()
        return self._path.name

    def _close(self) -> None:
        descriptor, self._file = self._file, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)
