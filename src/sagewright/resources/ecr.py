"""ECR's names: repositories, images, and how either is addressed. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, NamedTuple

from sagewright.resources.arn import Arn
from sagewright.resources.record import Key

REPOSITORY: Final = "ecr-repository"
IMAGE: Final = "ecr-image"
"""A manifest: its parent is the repository, its name the digest."""
TAG: Final = "ecr-tag"
LAYER: Final = "ecr-layer"
"""A layer that a repository has: its parent is the repository, its name the digest."""
BLOB: Final = "ecr-blob"
"""The bytes of a layer, once for all repositories of all regions."""
UPLOAD: Final = "ecr-upload"
PREVIEW: Final = "ecr-lifecycle-preview"
REGISTRY: Final = "ecr-registry"
"""The settings of a region's registry."""

DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
NAME: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
TAG_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")

_AWS_HOST: Final = re.compile(r"(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)")
_LONGEST: Final = 256


class ImageName(NamedTuple):
    """An image in one of our repositories."""

    region: str | None
    """None where the address does not say: it is the caller's then."""
    repository: str
    reference: str
    """A tag or a digest."""


def repository_arn(region: str, account: str, name: str) -> str:
    return str(Arn("aws", "ecr", region, account, f"repository/{name}"))


def registry_key(account: str, region: str) -> Key:
    """Where the settings of a registry are."""
    return Key(account, region, REGISTRY, "", "default")


def registry_of_host(host: str) -> tuple[str, str] | None:
    """The account and region of `ACCOUNT.dkr.ecr.REGION.amazonaws.com`; None for every other host."""
    found = _AWS_HOST.fullmatch(host.rsplit(":", 1)[0])
    return None if found is None else (found[1], found[2])


def repository_of(image: str, account: str, hosts: Collection[str] = ()) -> ImageName | None:
    """What an image's address says if it may be one of ours; None for all others.

    Ours are `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME` of our own account, and `HOST:PORT/NAME`: any host with a
    port, `localhost`, and those in `hosts`. Whether there is such a repository, the store tells. Without tag and
    digest it is the tag `latest`; a digest counts more than a tag.
    """
    host, slash, rest = image.partition("/")
    if not slash:
        return None
    registry = registry_of_host(host)
    if registry is not None and registry[0] != account:
        return None
    local = host.partition(":")[0] == "localhost" or re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:@\[\]]+):\d+", host)
    if registry is None and not local and host not in hosts:
        return None
    named, at, digest = rest.partition("@")
    name, colon, tag = named.partition(":")
    if len(name) > _LONGEST or not NAME.fullmatch(name) or (colon and not TAG_NAME.fullmatch(tag)):
        return None
    if at and not DIGEST.fullmatch(digest):
        return None
    return ImageName(None if registry is None else registry[1], name, digest or tag or "latest")
