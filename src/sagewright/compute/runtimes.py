"""Which runtime answers to an image's name. The environments that runtimes need are made by `venvs.Environments`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sagewright.compute.venvs import Environments

__all__ = ["RUNTIMES", "Environments", "Runtime", "no_runtime", "repository", "resolve"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """What stands in for an image: a Python environment and the program to start in it."""

    name: str
    environment: str
    """Name of its environment: `environments/<name>.txt` is the lock file."""
    entry: Sequence[str]
    """The image's ENTRYPOINT; `train`, `serve` or the request's own arguments follow."""
    image: str
    """Told to the toolkit: as which image it should behave."""
    repositories: Sequence[str]
    """Repository names that it answers to."""


_MAIN = ("python", "-m", "sagewright_container.main")

# Add a runtime here, and the lock of its environment in environments/.
RUNTIMES: Sequence[Runtime] = (
    Runtime("scikit-learn", "scikit-learn", _MAIN, "scikit-learn", ("sagemaker-scikit-learn",)),
    Runtime("xgboost", "xgboost", _MAIN, "xgboost", ("sagemaker-xgboost", "xgboost")),
    Runtime(
        "base-python",
        "base-python",
        _MAIN,
        "base-python",
        ("sagemaker-base-python", *(f"sagemaker-base-python-{version}" for version in ("38", "310", "311", "312"))),
    ),
)

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+"
    r"/(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(?P<tag>[\w][\w.-]*))?(?:@sha256:[0-9a-f]{64})?"
)


def repository(image_uri: str) -> str | None:
    """The repository in an ECR image URI, whatever its account, region and tag; None for other names."""
    match = _ECR.fullmatch(image_uri)
    return match["repository"] if match else None


def resolve(image_uri: str) -> Runtime | None:
    """The runtime that answers to the image, None if none does (see `no_runtime`)."""
    name = repository(image_uri)
    return next((runtime for runtime in RUNTIMES if name in runtime.repositories), None)


def no_runtime(image_uri: str) -> str:
    """The sentence for an image that nothing answers to."""
    known = ", ".join(f"{runtime.name} ({', '.join(runtime.repositories)})" for runtime in RUNTIMES)
    return (
        f"No runtime answers to image '{image_uri}'. Runtimes: {known}. Own images need an engine that "
        "runs containers, which Sagewright does not have yet."
    )
