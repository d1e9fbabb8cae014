"""Uploads: layers that are on their way, in one piece or in many.

What counts as received is what the upload's record says; it is written once the bytes are on disk. A part that breaks
off leaves bytes behind that the next part writes over.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sagewright.base.clock import Clock
from sagewright.base.ids import Ids
from sagewright.dataplane.images.batch import Batch, Together
from sagewright.dataplane.images.blobs import Blobs
from sagewright.dataplane.images.layers import Layers
from sagewright.dataplane.images.values import (
    EmptyUpload,
    LayerExists,
    NoSuchRepository,
    NoSuchUpload,
    OutOfOrder,
    PartTooSmall,
    Repository,
    UploadBusy,
    WrongDigest,
)
from sagewright.resources.ecr import REPOSITORY, UPLOAD
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store

if TYPE_CHECKING:
    from hashlib import _Hash

PART: Final = 10 << 20
"""Bytes that a part should have."""
SMALLEST: Final = 5 << 20
"""Bytes that a part but the last must have."""
_ABANDONED: Final = 86_400.0
"""Seconds without a part after which an upload goes."""
_CHUNK: Final = 1 << 20


class Uploads:
    """The uploads of one account. Any thread may call any method."""

    def __init__(
        self, store: Store, blobs: Blobs, layers: Layers, together: Together, *, account: str, clock: Clock, ids: Ids
    ) -> None:
        self._store, self._blobs, self._layers, self._together = store, blobs, layers, together
        self._account, self._clock, self._ids = account, clock, ids
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._hashes: dict[str, tuple[int, _Hash]] = {}
        """How far an upload's bytes are hashed. Lost with the process: then the file is read again."""

    def key(self, repository: Repository, upload: str) -> Key:
        return Key(self._account, "", UPLOAD, repository.path, upload)

    def begin(self, repository: Repository) -> str:
        """The id of a new upload. Raises NoSuchRepository."""
        upload, now = self._ids.uuid(), self._clock.now()

        def decide(batch: Batch) -> None:
            self._hold(batch, repository)
            spec = {"received": 0, "small": False}
            batch.create(Record(self.key(repository, upload), uid=upload, created=now, modified=now, spec=spec))

        self._together(decide)
        return upload

    def _hold(self, batch: Batch, repository: Repository) -> None:
        """Have the batch fail if the repository is deleted meanwhile."""
        home = batch.get(Key(self._account, repository.region, REPOSITORY, "", repository.name))
        if home is None:
            raise NoSuchRepository(repository.name)
        batch.update(home)

    def received(self, repository: Repository, upload: str) -> int:
        """How many bytes are there. Raises NoSuchUpload."""
        count: int = self._record(repository, upload).spec["received"]
        return count

    def _record(self, repository: Repository, upload: str) -> Record:
        record = self._store.get(self.key(repository, upload))
        if record is None:
            raise NoSuchUpload(upload)
        return record

    def writing(self, repository: Repository, upload: str) -> Writing:
        """Take an upload to write to it or to end it; to be closed. Raises NoSuchUpload, UploadBusy."""
        with self._lock:
            if upload in self._busy:
                raise UploadBusy(upload)
            self._busy.add(upload)
        held = contextlib.ExitStack()
        held.callback(self._release, upload)
        with held:
            if not held.enter_context(self._blobs.writing(upload)):
                raise UploadBusy(upload)
            record = self._record(repository, upload)
            if record.spec["received"] > self._on_disk(upload):
                raise NoSuchUpload(upload)  # of a copied data folder: the bytes stayed behind
            return Writing(self, repository, record, held.pop_all())

    def _on_disk(self, upload: str) -> int:
        try:
            return self._blobs.upload(upload).stat().st_size
        except FileNotFoundError:
            return 0

    def _release(self, upload: str) -> None:
        with self._lock:
            self._busy.discard(upload)

    # For `Writing`.

    def hashed(self, upload: str, descriptor: int, received: int) -> _Hash:
        """The hash of what is there."""
        known = self._hashes.pop(upload, None)
        if known is not None and known[0] == received:
            return known[1]
        digest, position = hashlib.sha256(), 0
        while position < received:
            chunk = os.pread(descriptor, min(_CHUNK, received - position), position)
            digest.update(chunk)
            position += len(chunk)
        return digest

    def put(self, writing: Writing, record: Record) -> Record:
        """Write down what was received. Raises NoSuchUpload if the upload was given up meanwhile."""
        found = self._store.amend(
            record.key, lambda known: replace(known, spec=record.spec, modified=self._clock.now())
        )
        if found is None:
            raise NoSuchUpload(record.name)
        if writing.digest is not None:
            self._hashes[record.name] = (record.spec["received"], writing.digest)
        return found

    def keep(self, repository: Repository, record: Record, digest: str, size: int) -> None:
        """Let the repository have what was uploaded."""

        def decide(batch: Batch) -> None:
            self._hold(batch, repository)
            known = batch.get(record.key)
            if known is None:
                raise NoSuchUpload(record.name)
            batch.delete(known)
            self._layers.add(batch, repository, digest, size)

        with self._blobs.lock(digest):
            self._blobs.place(record.name, digest)
            self._together(decide)
        self._forget(record.name)

    def drop(self, record: Record) -> None:
        """Give an upload up."""

        def decide(batch: Batch) -> None:
            known = batch.get(record.key)
            if known is not None:
                batch.delete(known)

        self._together(decide)
        self._forget(record.name)

    def _forget(self, upload: str) -> None:
        self._hashes.pop(upload, None)
        self._blobs.drop_upload(upload)

    # Afterwards.

    def all(self, repository: Repository) -> list[Record]:
        return [*self._store.every(Query(self._account, "", UPLOAD, parent=repository.path))]

    def ids(self) -> set[str]:
        """All uploads of all repositories."""
        return {record.name for record in self._store.every(Query(self._account, "", UPLOAD))}

    def tidy(self, records: Sequence[Record]) -> None:
        """Remove the bytes of uploads whose records have gone."""
        for record in records:
            self._forget(record.name)

    def drop_abandoned(self, repository: Repository) -> int:
        """Give up what nobody added to for long; how many went."""
        oldest = self._clock.now() - _ABANDONED
        old = [record for record in self.all(repository) if record.modified < oldest and record.name not in self._busy]
        for record in old:
            self.drop(record)
        return len(old)


class Writing:
    """An upload in one writer's hands: write, then `commit` or `complete`; `close` in any case. Blocks on the disk."""

    def __init__(self, uploads: Uploads, repository: Repository, record: Record, held: contextlib.ExitStack) -> None:
        self._uploads, self._repository, self._record, self._held = uploads, repository, record, held
        self._file = -1
        self._begun: int = record.spec["received"]
        self.position: int = self._begun
        """Bytes that are there, with those not yet committed."""
        self.digest: _Hash | None = None

    def expect(self, first: int) -> None:
        """Raises OutOfOrder unless the next byte is that one."""
        if first != self.position:
            raise OutOfOrder(self.position)

    def write(self, chunks: Sequence[bytes]) -> None:
        """Append. Hashing and writing release the interpreter."""
        if self._file < 0:
            self._file = self._uploads._blobs.open_upload(self._record.name)
        if self.digest is None:
            self.digest = self._uploads.hashed(self._record.name, self._file, self.position)
        for chunk in chunks:
            self.digest.update(chunk)
            rest = memoryview(chunk)
            while rest:
                done = os.pwrite(self._file, rest, self.position)
                self.position += done
                rest = rest[done:]

    def commit(self) -> int:
        """Make it durable; how many bytes are there now. Raises NoSuchUpload."""
        added = self.position - self._begun
        if added:
            os.fsync(self._file)
            spec = self._record.spec
            # A part is too small if another one follows it.
            small = spec["small"] or (self._begun > 0 and spec.get("last", SMALLEST) < SMALLEST)
            known = replace(self._record, spec={"received": self.position, "small": small, "last": added})
            self._record = self._uploads.put(self, known)
            self._begun = self.position
        return self.position

    def complete(self, digest: str, *, parts: bool = False) -> int:
        """Let the repository have the layer, if it is the one that was said; its size.

        With `parts`, all parts but the last must have had some size, and the layer must be new. Raises EmptyUpload,
        PartTooSmall, WrongDigest, LayerExists, NoSuchUpload, NoSuchRepository; the upload then stays as it is.
        """
        if parts and self.position == 0:
            raise EmptyUpload(self._record.name)
        self.write([])
        self.commit()
        if parts and self._record.spec["small"]:
            raise PartTooSmall(self._record.name)
        assert self.digest is not None
        found = f"sha256:{self.digest.hexdigest()}"
        if found != digest:
            self._uploads._hashes[self._record.name] = (self.position, self.digest)
            raise WrongDigest(digest, found)
        if parts and self._uploads._layers.find(self._repository, digest) is not None:
            raise LayerExists(digest)
        # What a part left that broke off, behind what counts.
        os.ftruncate(self._file, self.position)
        os.fsync(self._file)
        self._uploads.keep(self._repository, self._record, digest, self.position)
        return self.position

    def abort(self) -> None:
        """Give the upload up."""
        self._uploads.drop(self._record)

    def close(self) -> None:
        """Let it go; what was not committed does not count."""
        descriptor, self._file = self._file, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._held.close()
