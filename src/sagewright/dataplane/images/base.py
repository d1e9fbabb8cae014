"""Images: what operations, the registry's protocol and controllers use. Blocking methods with plain values.

A tag is a record, and stands in the record of its image as well; both are written together. So are the counts of layers
(`layers.py`), and `parents`, the indices of the repository that name an image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sagewright.base.clock import Clock
from sagewright.base.errors import AlreadyExists
from sagewright.base.file_locks import FileLocks
from sagewright.base.ids import Ids
from sagewright.dataplane.events.bus import Bus
from sagewright.dataplane.images.batch import Batch, Together
from sagewright.dataplane.images.blobs import Blobs
from sagewright.dataplane.images.layers import Layers
from sagewright.dataplane.images.manifests import Manifest
from sagewright.dataplane.images.mutability import fixed
from sagewright.dataplane.images.uploads import Uploads
from sagewright.dataplane.images.values import (
    ImageExists,
    ImageReferenced,
    NoSuchImage,
    NoSuchImages,
    NoSuchLayers,
    NoSuchRepository,
    Repository,
    RepositoryExists,
    RepositoryNotEmpty,
    TagDiffers,
    TagFixed,
)
from sagewright.resources.ecr import IMAGE, PREVIEW, REPOSITORY, TAG
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store
from sagewright.telemetry.events import Event

Gone = tuple[str, str | None]
"""The digest and the tag of what was removed."""
_PULLED_OFTEN = 86_400.0
"""Seconds between two notes of when an image was pulled last."""


class Images:
    """The images of one account. Every method may be called from any thread, and blocks.

    Durability: what a method acknowledged is on disk. One process at a time works on a folder.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        *,
        account: str,
        clock: Clock,
        ids: Ids,
        bus: Bus,
        locks: FileLocks | None = None,
        alone: bool = True,
    ) -> None:
        """What an earlier crash left in `folder` is settled now, if this server is `alone` on it; `locks` are those of
        several servers that work on it."""
        self._store, self._account, self._clock, self._ids, self._bus = store, account, clock, ids, bus
        self._together = Together(store)
        self.blobs = Blobs(folder, locks)
        self.layers = Layers(store, self.blobs, account=account, clock=clock, ids=ids)
        self.uploads = Uploads(store, self.blobs, self.layers, self._together, account=account, clock=clock, ids=ids)
        if alone and not self.blobs.empty():
            self.blobs.recover(self.layers.blobs(), self.uploads.ids())

    # Repositories.

    def key(self, repository: Repository) -> Key:
        return Key(self._account, repository.region, REPOSITORY, "", repository.name)

    def create(self, repository: Repository, spec: Mapping[str, Any], tags: Mapping[str, str]) -> Record:
        """Raises RepositoryExists."""
        now = self._clock.now()
        record = Record(self.key(repository), uid=self._ids.uuid(), created=now, modified=now, spec=spec, tags=tags)
        try:
            return self._store.create(record)
        except AlreadyExists:
            raise RepositoryExists(repository.name) from None

    def repository(self, repository: Repository) -> Record:
        """Raises NoSuchRepository."""
        record = self._store.get(self.key(repository))
        if record is None:
            raise NoSuchRepository(repository.name)
        return record

    def configure(self, repository: Repository, change: Callable[[Record], Record]) -> Record:
        """Change a repository's settings. Raises NoSuchRepository, and what `change` raises."""
        now = self._clock.now()
        record = self._store.amend(self.key(repository), lambda known: replace(change(known), modified=now))
        if record is None:
            raise NoSuchRepository(repository.name)
        return record

    def delete(self, repository: Repository, *, force: bool) -> Record:
        """Remove a repository; with `force`, with all that is in it. Raises NoSuchRepository, RepositoryNotEmpty."""

        def decide(batch: Batch) -> tuple[Record, Sequence[Record], Sequence[Record]]:
            home = self._home(batch, repository)
            images = [*self._every(repository, IMAGE)]
            if images and not force:
                raise RepositoryNotEmpty(repository.name)
            layers, uploads = self.layers.all(repository), self.uploads.all(repository)
            for record in (*images, *self._every(repository, TAG), *uploads, home):
                batch.delete(record)
            for record in layers:
                self.layers.remove(batch, record)
            preview = batch.get(self.key(repository)._replace(kind=PREVIEW))
            if preview is not None:
                batch.delete(preview)
            for image in images:
                self._tell(batch, repository, "DELETE", image.name, None)
            return home, layers, uploads

        home, layers, uploads = self._together(decide)
        self.uploads.tidy(uploads)
        for record in layers:
            self.layers.tidy(record.name)
        return home

    def _home(self, batch: Batch, repository: Repository) -> Record:
        """The repository, which must stay until the batch is written."""
        home = batch.get(self.key(repository))
        if home is None:
            raise NoSuchRepository(repository.name)
        batch.update(home)
        return home

    # Images.

    def key_of(self, repository: Repository, digest: str) -> Key:
        """The key of an image."""
        return self._key_of(repository, IMAGE, digest)

    def _key_of(self, repository: Repository, kind: str, name: str) -> Key:
        return Key(self._account, repository.region, kind, repository.name, name)

    def put(self, repository: Repository, manifest: Manifest, tag: str | None = None, *, again: bool = False) -> Record:
        """Keep an image, or give one that is there a tag, which moves if it may.

        With `again` it is no error if nothing changes. Raises NoSuchRepository, ImageExists, TagFixed, NoSuchLayers,
        NoSuchImages.
        """

        def decide(batch: Batch) -> Record:
            home = self._home(batch, repository)
            known = batch.get(self._key_of(repository, IMAGE, manifest.digest))
            if known is not None and (tag is None or tag in known.spec["tags"]):
                if again:
                    return known
                raise ImageExists(manifest.digest, tag)
            taken = None if tag is None else batch.get(self._key_of(repository, TAG, tag))
            if tag is not None and taken is not None and fixed(home.spec, tag):
                raise TagFixed(tag, alone=home.spec.get("imageTagMutability") != "IMMUTABLE")
            image = known or self._new(batch, repository, manifest)
            if tag is not None:
                image = self._tag(batch, repository, image, tag, taken)
            batch.update(image)
            self._tell(batch, repository, "PUSH", manifest.digest, tag)
            return image

        image = self._together(decide)
        for digest in manifest.layers:
            self.layers.kept_promise(repository, digest)
        return image

    def _new(self, batch: Batch, repository: Repository, manifest: Manifest) -> Record:
        self.layers.name(batch, repository, manifest.layers)
        children = [batch.get(self._key_of(repository, IMAGE, digest)) for digest in manifest.images]
        missing = [digest for digest, child in zip(manifest.images, children, strict=True) if child is None]
        if missing:
            raise NoSuchImages(missing)
        for child in children:
            assert child is not None
            parents = [*child.spec["parents"], manifest.digest]
            batch.update(replace(child, spec={**child.spec, "parents": parents}))
        now = self._clock.now()
        said = {
            "artifactType": manifest.artifact_type,
            "subject": manifest.subject,
            "annotations": manifest.annotations,
        }
        record = Record(
            self._key_of(repository, IMAGE, manifest.digest),
            uid=self._ids.uuid(),
            created=now,
            modified=now,
            spec={
                "manifest": manifest.text,
                "mediaType": manifest.media_type,
                # Of an index, that of the largest image that it names.
                "size": max([manifest.size, *(child.spec["size"] for child in children if child is not None)]),
                "tags": [],
                "layers": [*manifest.layers],
                "images": [*manifest.images],
                "parents": [],
                **{member: value for member, value in said.items() if value is not None},
            },
            facets={"subject": manifest.subject or ""},
        )
        batch.create(record)
        return record

    def _tag(self, batch: Batch, repository: Repository, image: Record, tag: str, taken: Record | None) -> Record:
        now = self._clock.now()
        if taken is None:
            key = self._key_of(repository, TAG, tag)
            batch.create(Record(key, uid=self._ids.uuid(), created=now, modified=now, spec={"digest": image.name}))
        else:
            batch.update(replace(taken, spec={"digest": image.name}, modified=now))
            before = batch.get(self._key_of(repository, IMAGE, taken.spec["digest"]))
            if before is not None:
                batch.update(_without(before, tag))
                image = batch.get(image.key) or image
        tags = sorted({*image.spec["tags"], tag})
        return replace(image, spec={**image.spec, "tags": tags}, modified=now)

    def find(self, repository: Repository, digest: str | None = None, tag: str | None = None) -> Record:
        """The image of a digest or a tag. Raises NoSuchRepository, NoSuchImage, TagDiffers."""
        self.repository(repository)
        return self._find(self._store.get, repository, digest, tag)

    def _find(
        self, get: Callable[[Key], Record | None], repository: Repository, digest: str | None, tag: str | None
    ) -> Record:
        wanted = digest
        if tag is not None:
            record = get(self._key_of(repository, TAG, tag))
            if record is None:
                raise NoSuchImage(digest, tag)
            wanted = record.spec["digest"]
            if digest is not None and digest != wanted:
                raise TagDiffers(digest, tag)
        image = None if wanted is None else get(self._key_of(repository, IMAGE, wanted))
        if image is None:
            raise NoSuchImage(digest, tag)
        return image

    def all(self, repository: Repository, *, after: str | None = None) -> Iterator[Record]:
        """Images by digest, from the first beyond `after`. Raises NoSuchRepository at once."""
        self.repository(repository)
        return self._every(repository, IMAGE, after=after)

    def _every(self, repository: Repository, kind: str, *, after: str | None = None) -> Iterator[Record]:
        query = Query(self._account, repository.region, kind, parent=repository.name, name_after=after)
        return self._store.every(query)

    def tags(self, repository: Repository, *, after: str | None = None, limit: int) -> list[str]:
        """Tags by name, from the first beyond `after`. Raises NoSuchRepository."""
        self.repository(repository)
        query = Query(self._account, repository.region, TAG, parent=repository.name, name_after=after)
        return [record.name for record in self._store.list(query, limit=limit).records]

    def referrers(self, repository: Repository, digest: str) -> list[Record]:
        """The images that are about another one. Raises NoSuchRepository."""
        self.repository(repository)
        place = Query(self._account, repository.region, IMAGE, parent=repository.name, facets={"subject": digest})
        return [*self._store.every(place)]

    def pulled(self, image: Record) -> None:
        """Note that an image was pulled: once a day, as AWS does."""
        now = self._clock.now()
        if now - image.spec.get("pulled", 0.0) >= _PULLED_OFTEN:
            self._store.amend(image.key, lambda known: replace(known, spec={**known.spec, "pulled": now}))

    def remove(self, repository: Repository, digest: str | None = None, tag: str | None = None) -> Sequence[Gone]:
        """Take a tag away, or an image with all its tags; an image goes with its last tag, unless an index names it.

        Raises NoSuchRepository, NoSuchImage, TagDiffers, ImageReferenced.
        """

        def decide(batch: Batch) -> tuple[Sequence[Gone], Sequence[str]]:
            self._home(batch, repository)
            image = self._find(batch.get, repository, digest, tag)
            if tag is not None and (len(image.spec["tags"]) > 1 or image.spec["parents"]):
                self._drop_tag(batch, repository, tag)
                batch.update(_without(image, tag))
                self._tell(batch, repository, "DELETE", image.name, tag)
                return [(image.name, tag)], ()
            if image.spec["parents"]:
                raise ImageReferenced(image.spec["parents"])
            gone = [(image.name, each) for each in image.spec["tags"]] or [(image.name, None)]
            layers = self._drop(batch, repository, image)
            for _, each in gone:
                self._tell(batch, repository, "DELETE", image.name, each)
            return gone, layers

        gone, layers = self._together(decide)
        for layer in layers:
            self.layers.tidy(layer)
        return gone

    def _drop_tag(self, batch: Batch, repository: Repository, tag: str) -> None:
        record = batch.get(self._key_of(repository, TAG, tag))
        if record is not None:
            batch.delete(record)

    def _drop(self, batch: Batch, repository: Repository, image: Record) -> Sequence[str]:
        """The layers that the repository has no longer."""
        for tag in image.spec["tags"]:
            self._drop_tag(batch, repository, tag)
        for digest in image.spec["images"]:
            child = batch.get(self._key_of(repository, IMAGE, digest))
            if child is not None:
                parents = [each for each in child.spec["parents"] if each != image.name]
                batch.update(replace(child, spec={**child.spec, "parents": parents}))
        batch.delete(image)
        return [digest for digest in image.spec["layers"] if self.layers.unname(batch, repository, digest)]

    def _tell(self, batch: Batch, repository: Repository, action: str, digest: str, tag: str | None) -> None:
        detail = {
            "result": "SUCCESS",
            "repository-name": repository.name,
            "image-digest": digest,
            "action-type": action,
            **({"image-tag": tag} if tag is not None else {}),
        }
        event = Event(self._account, repository.region, "aws.ecr", "ECR Image Action", detail)
        for delivery in self._bus.deliveries(event):
            batch.create(delivery)

    # Layers.

    def mount(self, source: Repository, target: Repository, digest: str) -> None:
        """Let a repository have a layer that another one has. Raises NoSuchRepository, NoSuchLayers."""

        def decide(batch: Batch) -> None:
            self._home(batch, target)
            record = batch.get(self.layers.key(source, digest))
            if record is None:
                raise NoSuchLayers([digest])
            self.layers.add(batch, target, digest, record.spec["size"])

        self._together(decide)

    def sweep(self, repository: Repository) -> int:
        """Remove what broken-off pushes left; how many uploads and layers went."""
        gone = self.uploads.drop_abandoned(repository)
        for record in self.layers.abandoned(repository):

            def decide(batch: Batch, key: Key = record.key) -> bool:
                known = batch.get(key)
                if known is None or known.spec["images"]:
                    return False
                self.layers.remove(batch, known)
                return True

            if self._together(decide):
                self.layers.tidy(record.name)
                gone += 1
        return gone


def _without(image: Record, tag: str) -> Record:
    return replace(image, spec={**image.spec, "tags": [each for each in image.spec["tags"] if each != tag]})
