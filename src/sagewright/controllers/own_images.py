"""Images that run as themselves: whose they are, and how a task in one of them is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sagewright.base.errors import Terminal
from sagewright.compute import runtimes
from sagewright.compute.base import Image, Login
from sagewright.controllers.platform import Platform
from sagewright.controllers.pump import Narrator
from sagewright.resources.model import containers

_HELD: Final = "localhost/"
"""How the names begin of images that the engine holds and no registry has."""


def runtime_of(platform: Platform, image: str, region: str) -> runtimes.Runtime | None:
    """The runtime that answers to an image; None where it runs as itself. Raises Terminal with what would work."""
    runtime = runtimes.resolve(image)
    if runtime is not None or _runs_as_itself(platform, image, region):
        return runtime
    raise Terminal(runtimes.no_runtime(image, runs_images=platform.engine.runs_images))


def has_runtimes(model: Mapping[str, Any]) -> bool:
    """Whether runtimes answer to all images of a model."""
    return all(runtimes.resolve(each["Image"]) is not None for each in containers(model))


def _runs_as_itself(platform: Platform, image: str, region: str) -> bool:
    if not platform.engine.runs_images:
        return False
    if platform.own_images is not None and platform.own_images.address(image, region) is not None:
        return True
    return image.startswith(_HELD) and platform.engine.image(image) is not None


def fetched(platform: Platform, image: str, role_arn: str, region: str, say: Narrator) -> Image:
    """The image as it is now, in the engine's hands. Raises Terminal for what the role may not have."""
    own = platform.own_images
    address = own.address(image, region) if own is not None else None
    if own is None or address is None:
        found = platform.engine.image(image)
        if found is None:
            raise Terminal(f"The container engine does not hold the image {image} any more.")
        return found
    login = own.login(image, role_arn, region)
    if platform.engine.image(address) is None:
        say(f"Fetching the image {image}")
    return platform.engine.pull(address, Login(*login) if login else None)


def train_command(image: Image, algorithm: Mapping[str, Any]) -> Sequence[str]:
    """As SageMaker runs a training image: its entry point with `train`, unless the request says otherwise."""
    entry = algorithm.get("ContainerEntrypoint")
    arguments = algorithm.get("ContainerArguments")
    if entry:
        return (*entry, *(arguments or ()))
    return (*image.entrypoint, *(arguments or ("train",)))


def process_command(image: Image, app: Mapping[str, Any]) -> Sequence[str]:
    """As SageMaker runs a processing image: the request's entry point in place of the image's own."""
    return (*(app.get("ContainerEntrypoint") or image.entrypoint), *app.get("ContainerArguments", ()))


def serve_command(image: Image) -> Sequence[str]:
    """As SageMaker runs an inference image."""
    return (*image.entrypoint, "serve")
