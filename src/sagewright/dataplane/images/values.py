"""What images are told in: plain values, and the errors drawn as one tree.

ImagesError
├── NoSuchRepository     the repository is not there
├── RepositoryExists     a repository of that name is there
├── RepositoryNotEmpty   it still holds images
├── NoSuchImage          no image has that digest or tag
├── TagDiffers           the tag stands for another digest than the one that was given along
├── ImageExists          the same image is there, with the same tag
├── TagFixed             the tag is there and may not move
├── ImageReferenced      an index in the repository names the image
├── BadManifest          a manifest cannot be read
├── OtherDigest          a manifest has another digest than was said
├── NoSuchLayers         the repository does not have these layers
├── NoSuchImages         the repository does not have the images that an index names
├── NoSuchUpload         the upload is not there, or was completed or given up
├── UploadBusy           somebody is writing to the upload just now
├── OutOfOrder           a part does not begin where the one before ended
├── EmptyUpload          an upload is to be completed that got no bytes
├── PartTooSmall         a part but the last is smaller than parts may be
├── WrongDigest          the bytes have another digest than was said
└── LayerExists          the repository has that layer already
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sagewright.base.errors import SagewrightError


class Repository(NamedTuple):
    """Which repository."""

    region: str
    name: str

    @property
    def path(self) -> str:
        """What it is called where no region is part of the key."""
        return f"{self.region}/{self.name}"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that a repository has."""

    digest: str
    size: int
    media_type: str | None
    """As the first manifest said that named it."""
    path: Path


class ImagesError(SagewrightError):
    """Something is not there, in the way, or not what it says."""


class NoSuchRepository(ImagesError):
    """The repository is not there."""


class RepositoryExists(ImagesError):
    """A repository of that name is there."""


class RepositoryNotEmpty(ImagesError):
    """It still holds images."""


class NoSuchImage(ImagesError):
    """No image has that digest or tag."""

    def __init__(self, digest: str | None, tag: str | None) -> None:
        super().__init__(f"{digest}, {tag}")
        self.digest, self.tag = digest, tag


class TagDiffers(NoSuchImage):
    """The tag stands for another digest than the one that was given along."""


class ImageExists(ImagesError):
    """The same image is there, with the same tag."""

    def __init__(self, digest: str, tag: str | None) -> None:
        super().__init__(f"{digest}, {tag}")
        self.digest, self.tag = digest, tag


class TagFixed(ImagesError):
    """The tag is there and may not move."""

    def __init__(self, tag: str, *, alone: bool) -> None:
        """`alone`: because of this tag, and not of all of the repository's."""
        super().__init__(tag)
        self.tag, self.alone = tag, alone


class ImageReferenced(ImagesError):
    """An index in the repository names the image."""

    def __init__(self, by: Sequence[str]) -> None:
        super().__init__(", ".join(by))
        self.by = by


class BadManifest(ImagesError):
    """A manifest cannot be read; the message says why."""


class OtherDigest(ImagesError):
    """A manifest has another digest than was said."""

    def __init__(self, said: str, found: str) -> None:
        super().__init__(f"{said}, {found}")
        self.said, self.found = said, found


class Missing(ImagesError):
    """The repository does not have all that is named."""

    def __init__(self, digests: Sequence[str]) -> None:
        super().__init__(", ".join(digests))
        self.digests = digests


class NoSuchLayers(Missing):
    """The repository does not have these layers."""


class NoSuchImages(Missing):
    """The repository does not have the images that an index names."""


class NoSuchUpload(ImagesError):
    """The upload is not there, or was completed or given up."""


class UploadBusy(ImagesError):
    """Somebody is writing to the upload just now."""


class OutOfOrder(ImagesError):
    """A part does not begin where the one before ended."""

    def __init__(self, received: int) -> None:
        super().__init__(f"{received} bytes are there")
        self.received = received


class EmptyUpload(ImagesError):
    """An upload is to be completed that got no bytes."""


class PartTooSmall(ImagesError):
    """A part but the last is smaller than parts may be."""


class WrongDigest(ImagesError):
    """The bytes have another digest than was said."""

    def __init__(self, said: str, found: str) -> None:
        super().__init__(f"{said}, {found}")
        self.said, self.found = said, found


class LayerExists(ImagesError):
    """The repository has that layer already."""

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest
