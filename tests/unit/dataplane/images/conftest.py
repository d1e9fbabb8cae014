"""Images on a disk of their own, with a clock that stands still."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.ids import RandomIds
from sagewright.dataplane.events.bus import Bus
from sagewright.dataplane.images import manifests
from sagewright.dataplane.images.base import Images
from sagewright.dataplane.images.manifests import Manifest, digest_of
from sagewright.dataplane.images.values import Repository
from sagewright.resources.event import DELIVERY, RULE
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query
from sagewright.store.memory import MemoryStore
from sagewright.testing.clock import ManualClock

APP = Repository("us-east-1", "app")
ACCOUNT = "123456789012"


@dataclass
class Shelf:
    """Images, and short words for what tests do with them."""

    store: MemoryStore
    folder: Path
    clock: ManualClock

    def __post_init__(self) -> None:
        self.images = self.opened()

    def opened(self) -> Images:
        """What a server that starts now makes of the folder."""
        ids = RandomIds()
        bus = Bus(self.store, self.clock, ids)
        return Images(self.store, self.folder, account=ACCOUNT, clock=self.clock, ids=ids, bus=bus)

    def layer(self, data: bytes, repository: Repository = APP) -> str:
        """Upload a layer; its digest."""
        digest = digest_of(data)
        writing = self.images.uploads.writing(repository, self.images.uploads.begin(repository))
        try:
            writing.write([data])
            writing.complete(digest)
        finally:
            writing.close()
        return digest

    def image(self, *layers: bytes, tag: str | None = None, repository: Repository = APP, **said: Any) -> Record:
        """Push an image of these layers."""
        for data in (b"{}", *layers):
            self.layer(data, repository)
        return self.images.put(repository, manifest(*layers, **said), tag)

    def files(self) -> set[str]:
        """The names of all files that are there."""
        return {path.name for path in self.folder.rglob("*") if path.is_file()}

    def told(self) -> list[Mapping[str, Any]]:
        """The details of the events that are on their way, the oldest first."""
        page = self.store.list(Query(ACCOUNT, "us-east-1", DELIVERY, sort_by="created"), limit=100)
        return [json.loads(record.spec["body"])["detail"] for record in page.records]


def described(data: bytes, kind: str = "layer") -> dict[str, Any]:
    return {"mediaType": f"application/vnd.oci.image.{kind}", "size": len(data), "digest": digest_of(data)}


def manifest(*layers: bytes, **said: Any) -> Manifest:
    content = {
        "schemaVersion": 2,
        "mediaType": manifests.OCI_IMAGE,
        "config": described(b"{}", "config"),
        "layers": [described(data) for data in layers],
        **said,
    }
    return manifests.read(json.dumps(content).encode())


def index(*images: Record) -> Manifest:
    found = [{"mediaType": each.spec["mediaType"], "size": 1, "digest": each.name} for each in images]
    content = {"schemaVersion": 2, "mediaType": manifests.OCI_INDEX, "manifests": found}
    return manifests.read(json.dumps(content).encode())


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = Shelf(MemoryStore(), tmp_path / "registry", ManualClock())
    shelf.images.create(APP, {"imageTagMutability": "MUTABLE"}, {})
    return shelf


@pytest.fixture
def listening(shelf: Shelf) -> Callable[[], list[Mapping[str, Any]]]:
    """A rule that wants ECR's events; what it got."""
    shelf.store.create(
        Record(
            Key(ACCOUNT, "us-east-1", RULE, "default", "all"),
            uid="1",
            created=0.0,
            modified=0.0,
            spec={"EventPattern": '{"source": ["aws.ecr"]}', "Targets": [{"Id": "1", "Arn": "arn:aws:sqs:::q"}]},
            state="ENABLED",
        )
    )
    return shelf.told
