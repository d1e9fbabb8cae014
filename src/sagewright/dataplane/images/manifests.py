"""Manifests: what an image, an index or another artifact is made of. Pure.

The formats: https://github.com/opencontainers/image-spec/blob/main/manifest.md and …/image-index.md, and Docker's image
manifest version 2, schema 2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from sagewright.dataplane.images.values import BadManifest
from sagewright.resources.ecr import DIGEST

DOCKER_IMAGE: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_IMAGE: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
MEDIA_TYPES: Final = (DOCKER_IMAGE, DOCKER_INDEX, OCI_IMAGE, OCI_INDEX)
_INDICES: Final = (DOCKER_INDEX, OCI_INDEX)
LARGEST: Final = 4 << 20
"""Bytes of a manifest."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One manifest as it was sent, and what it names."""

    text: str
    media_type: str
    digest: str
    layers: Mapping[str, Mapping[str, Any]]
    """Its configuration and layers by digest, as it describes them; without layers that are fetched elsewhere."""
    images: Sequence[str]
    """The digests of the images that an index names."""
    artifact_type: str | None = None
    subject: str | None = None
    """The digest of the image that it is about: a signature's, say."""
    annotations: Mapping[str, str] | None = None

    @property
    def is_index(self) -> bool:
        return self.media_type in _INDICES

    @property
    def size(self) -> int:
        """Bytes of its configuration and layers."""
        return sum(each["size"] for each in self.layers.values())


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def read(data: bytes, media_type: str | None = None) -> Manifest:
    """A manifest; `media_type` is what came along with it, which need not say anything. Raises BadManifest."""
    if len(data) > LARGEST:
        raise BadManifest(f"The manifest is longer than {LARGEST} bytes.")
    try:
        content = orjson.loads(data)
        text = data.decode()
    except (orjson.JSONDecodeError, UnicodeDecodeError):
        raise BadManifest("The manifest is no JSON.") from None
    if not isinstance(content, dict):
        raise BadManifest("The manifest is no JSON object.")
    if content.get("schemaVersion") != 2:
        raise BadManifest(
            "The manifest must have schemaVersion 2; older images are not taken. Push with a newer client."
        )
    kind = _media_type(content, media_type)
    subject = content.get("subject")
    images: Sequence[str] = ()
    layers: dict[str, Mapping[str, Any]] = {}
    if kind in _INDICES:
        images = [*dict.fromkeys(each["digest"] for each in _descriptors(content, "manifests"))]
    else:
        config = _descriptor(content.get("config"), "config")
        layers = {each["digest"]: each for each in (config, *_descriptors(content, "layers")) if not _elsewhere(each)}
    return Manifest(
        text=text,
        media_type=kind,
        digest=digest_of(data),
        layers=layers,
        images=images,
        artifact_type=_text(content, "artifactType") or _text(content.get("config") or {}, "mediaType"),
        subject=None if subject is None else _descriptor(subject, "subject")["digest"],
        annotations=_annotations(content.get("annotations")),
    )


def _media_type(content: Mapping[str, Any], along: str | None) -> str:
    along = (along or "").partition(";")[0].strip().lower()
    inside = content.get("mediaType")
    if inside is None:
        # Docker's formats name themselves; OCI's need not.
        guessed = OCI_INDEX if "manifests" in content else OCI_IMAGE
        inside = along if along in MEDIA_TYPES else guessed
    if inside not in MEDIA_TYPES:
        raise BadManifest(f"Manifests of the media type {inside!r} are not taken, only {', '.join(MEDIA_TYPES)}.")
    if along in MEDIA_TYPES and along != inside:
        raise BadManifest(f"The manifest says it is {inside}, but was sent as {along}.")
    return str(inside)


def _descriptors(content: Mapping[str, Any], member: str) -> Sequence[Mapping[str, Any]]:
    found = content.get(member)
    if not isinstance(found, list):
        raise BadManifest(f"The manifest's {member} must be a list.")
    return [_descriptor(each, member) for each in found]


def _descriptor(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("digest"), str):
        raise BadManifest(f"The manifest's {where} must be described by mediaType, size and digest.")
    if not DIGEST.fullmatch(value["digest"]):
        raise BadManifest(f"{value['digest'][:100]!r} in the manifest's {where} is no sha256 digest.")
    size = value.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise BadManifest(f"The manifest's {where} {value['digest']} has no size.")
    return value


def _elsewhere(descriptor: Mapping[str, Any]) -> bool:
    """Layers that clients fetch from addresses in the manifest and never push: Windows' base layers."""
    kind = str(descriptor.get("mediaType", ""))
    return bool(descriptor.get("urls")) and ("foreign" in kind or "nondistributable" in kind)


def _text(content: Any, member: str) -> str | None:
    found = content.get(member) if isinstance(content, dict) else None
    return found if isinstance(found, str) and found else None


def _annotations(value: Any) -> Mapping[str, str] | None:
    if not isinstance(value, dict):
        return None
    return {name: text for name, text in value.items() if isinstance(text, str)} or None
