"""Which repository has which layers, and whose bytes are still wanted.

A layer's record counts the images that name it (`images`); the record of its bytes counts the repositories that have it
(`repositories`). Both change in the same write as the image or the layer, so the counts are always right. A layer that
no image names is `Unnamed`: of a push in progress, or left behind by one that broke off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.clock import Clock
from sagewright.base.ids import Ids
from sagewright.dataplane.images.batch import Batch
from sagewright.dataplane.images.blobs import Blobs
from sagewright.dataplane.images.values import Layer, NoSuchLayers, Repository
from sagewright.resources.ecr import BLOB, LAYER
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store

NAMED: Final = "Named"
UNNAMED: Final = "Unnamed"
_PROMISE: Final = 3600.0
"""Seconds for which a layer stays that a client was told of: it is pushing an image that names it."""
_ABANDONED: Final = 86_400.0
"""Seconds after which a layer goes that no image came to name."""


class Layers:
    """The layers of one account's repositories. Any thread may call any method."""

    def __init__(self, store: Store, blobs: Blobs, *, account: str, clock: Clock, ids: Ids) -> None:
        self._store, self._blobs = store, blobs
        self._account, self._clock, self._ids = account, clock, ids
        self._promised: dict[Key, float] = {}

    def key(self, repository: Repository, digest: str) -> Key:
        return Key(self._account, repository.region, LAYER, repository.name, digest)

    def blob_key(self, digest: str) -> Key:
        return Key(self._account, "", BLOB, "", digest)

    def find(self, repository: Repository, digest: str) -> Layer | None:
        """A layer; None if the repository does not have it."""
        record = self._store.get(self.key(repository, digest))
        if record is None:
            return None
        return Layer(digest, record.spec["size"], record.spec.get("mediaType"), self._blobs.path(digest))

    def promise(self, repository: Repository, digest: str) -> Layer | None:
        """The same for somebody who may be about to push an image that names it: the layer stays for a while."""
        key = self.key(repository, digest)
        self._promised[key] = self._clock.monotonic()
        found = self.find(repository, digest)
        if found is None:
            self._promised.pop(key, None)
        return found

    # Parts of a batch.

    def add(self, batch: Batch, repository: Repository, digest: str, size: int) -> None:
        """Let a repository have a layer whose file is in place."""
        key, now = self.key(repository, digest), self._clock.now()
        self._promised[key] = self._clock.monotonic()
        if batch.get(key) is not None:
            return
        batch.create(self._new(key, now, {"size": size, "images": 0}, UNNAMED))
        blob = batch.get(self.blob_key(digest))
        if blob is None:
            batch.create(self._new(self.blob_key(digest), now, {"size": size, "repositories": 1}))
        else:
            batch.update(replace(blob, spec={**blob.spec, "repositories": blob.spec["repositories"] + 1}))

    def _new(self, key: Key, now: float, spec: Mapping[str, Any], state: str = "") -> Record:
        return Record(key, uid=self._ids.uuid(), created=now, modified=now, spec=spec, state=state)

    def name(self, batch: Batch, repository: Repository, wanted: Mapping[str, Mapping[str, Any]]) -> None:
        """Count an image that names these layers. Raises NoSuchLayers."""
        found = {digest: batch.get(self.key(repository, digest)) for digest in wanted}
        missing = [digest for digest, record in found.items() if record is None]
        if missing:
            raise NoSuchLayers(missing)
        for digest, record in found.items():
            assert record is not None
            spec = {**record.spec, "images": record.spec["images"] + 1}
            kind = wanted[digest].get("mediaType")
            if isinstance(kind, str):
                spec.setdefault("mediaType", kind)
            batch.update(replace(record, spec=spec, state=NAMED))

    def kept_promise(self, repository: Repository, digest: str) -> None:
        """The image is there for which the layer was to stay."""
        self._promised.pop(self.key(repository, digest), None)

    def unname(self, batch: Batch, repository: Repository, digest: str) -> bool:
        """Count one image less; whether the repository has the layer no longer."""
        record = batch.get(self.key(repository, digest))
        if record is None:
            return False
        images = record.spec["images"] - 1
        batch.update(replace(record, spec={**record.spec, "images": images}, state=NAMED if images else UNNAMED))
        if images or self._is_promised(record.key):
            return False
        self.remove(batch, record)
        return True

    def remove(self, batch: Batch, record: Record) -> None:
        """Take a layer from a repository."""
        batch.delete(record)
        blob = batch.get(self.blob_key(record.name))
        if blob is None:
            return
        rest = blob.spec["repositories"] - 1
        if rest:
            batch.update(replace(blob, spec={**blob.spec, "repositories": rest}))
        else:
            batch.delete(blob)

    # Afterwards.

    def tidy(self, digest: str) -> None:
        """Remove a layer's bytes unless a record wants them."""
        with self._blobs.lock(digest):
            if self._store.get(self.blob_key(digest)) is None:
                self._blobs.remove(digest)

    def all(self, repository: Repository) -> list[Record]:
        query = Query(self._account, repository.region, LAYER, parent=repository.name)
        return [*self._store.every(query)]

    def abandoned(self, repository: Repository) -> list[Record]:
        """Layers that no image came to name, and that nobody was told of lately."""
        query = Query(
            self._account,
            repository.region,
            LAYER,
            parent=repository.name,
            states=(UNNAMED,),
            created_before=self._clock.now() - _ABANDONED,
        )
        return [record for record in self._store.every(query) if not self._is_promised(record.key)]

    def _is_promised(self, key: Key) -> bool:
        told = self._promised.get(key)
        if told is None:
            return False
        if self._clock.monotonic() - told < _PROMISE:
            return True
        self._promised.pop(key, None)
        return False

    def blobs(self) -> set[str]:
        """The digests of all bytes that records name."""
        return {record.name for record in self._store.every(Query(self._account, "", BLOB))}
