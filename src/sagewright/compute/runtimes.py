"""Which runtime answers to an image's name. The environments that runtimes need are made by `venvs.Environments`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sagewright.base import toolkit
from sagewright.compute.refusals import REFUSED
from sagewright.compute.venvs import Environments

__all__ = ["RUNTIMES", "Environments", "Runtime", "no_runtime", "remark", "repository", "resolve"]


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
    holds: Sequence[tuple[str, str]] = ()
    """Frameworks and their versions, as far as images' tags name them. By the first one a tag finds its runtime among
    those that answer to the same repository."""


_MAIN = ("python", "-m", "sagewright_container.main")

_PYTORCH: Final = (
    *("pytorch-training", "pytorch-inference", "pytorch", "sagemaker-pytorch", "pytorch-trcomp-training"),
    *("pytorch-inference-arm64", "pytorch-inference-graviton", "pytorch-inference-eia"),
)
_TENSORFLOW: Final = (
    *("tensorflow-training", "tensorflow-inference"),
    *("sagemaker-tensorflow-scriptmode", "sagemaker-tensorflow", "sagemaker-tensorflow-serving"),
    *("tensorflow-inference-graviton", "tensorflow-inference-eia"),
    *("sagemaker-tensorflow-eia", "sagemaker-tensorflow-serving-eia"),
)
_HUGGING_FACE: Final = (
    *("huggingface-pytorch-training", "huggingface-pytorch-inference", "huggingface-pytorch-trcomp-training"),
)
_HUGGING_FACE_TENSORFLOW: Final = (
    *("huggingface-tensorflow-training", "huggingface-tensorflow-inference"),
    "huggingface-tensorflow-trcomp-training",
)
_MXNET: Final = (
    *("mxnet-training", "mxnet-inference", "sagemaker-mxnet", "sagemaker-mxnet-serving"),
    *("mxnet-inference-eia", "sagemaker-mxnet-eia", "sagemaker-mxnet-serving-eia"),
)
_STUDIO: Final = (
    *("sagemaker-distribution-prod", "sagemaker-distribution-cpu", "sagemaker-distribution-gpu"),
    *("sagemaker-data-science-38", "sagemaker-data-science-310"),
)

# Add a runtime here, and the lock of its environment in environments/. Those of one repository: oldest version first.
_IMAGES: Final[Sequence[Runtime]] = (
    Runtime(
        "scikit-learn",
        "scikit-learn",
        _MAIN,
        "scikit-learn",
        ("sagemaker-scikit-learn",),
        (("scikit-learn", "1.9.1"),),
    ),
    Runtime("xgboost", "xgboost", _MAIN, "xgboost", ("sagemaker-xgboost", "xgboost"), (("XGBoost", "3.2.0"),)),
    Runtime("pytorch", "pytorch", _MAIN, "pytorch", _PYTORCH, (("PyTorch", "2.13.0"),)),
    Runtime(
        "huggingface-4",
        "huggingface-4",
        _MAIN,
        "huggingface",
        _HUGGING_FACE,
        (("Transformers", "4.45.2"), ("PyTorch", "2.13.0")),
    ),
    Runtime(
        "huggingface-4.57",
        "huggingface-4.57",
        _MAIN,
        "huggingface",
        _HUGGING_FACE,
        (("Transformers", "4.57.6"), ("PyTorch", "2.13.0")),
    ),
    Runtime(
        "huggingface",
        "pytorch",
        _MAIN,
        "huggingface",
        _HUGGING_FACE,
        (("Transformers", "5.24.0"), ("PyTorch", "2.13.0")),
    ),
    Runtime(
        "huggingface-tensorflow",
        "huggingface-tensorflow",
        _MAIN,
        "huggingface",
        _HUGGING_FACE_TENSORFLOW,
        (("Transformers", "4.45.2"), ("TensorFlow", "2.15.1")),
    ),
    # The last one with Keras 2, whose `model.save(folder)` makes a SavedModel.
    Runtime("tensorflow-2.15", "tensorflow-2.15", _MAIN, "tensorflow", _TENSORFLOW, (("TensorFlow", "2.15.1"),)),
    Runtime("tensorflow", "tensorflow", _MAIN, "tensorflow", _TENSORFLOW, (("TensorFlow", "2.21.0"),)),
    Runtime(
        "autogluon",
        "autogluon",
        _MAIN,
        "autogluon",
        ("autogluon-training", "autogluon-inference"),
        (("AutoGluon", "1.6.3"),),
    ),
    Runtime("mxnet", "mxnet", _MAIN, "mxnet", _MXNET, (("MXNet", "1.9.1"),)),
    Runtime(
        "base-python",
        "base-python",
        _MAIN,
        "base-python",
        ("sagemaker-base-python", "sagemaker-base-python-38", "sagemaker-base-python-310"),
    ),
    Runtime("spark", "spark", _MAIN, "spark", ("sagemaker-spark-processing",), (("Spark", "3.5.9"),)),
    Runtime("sagemaker-distribution", "sagemaker-distribution", _MAIN, "sagemaker-distribution", _STUDIO),
)

_KNOWN: Final = {runtime.name for runtime in _IMAGES}
RUNTIMES: Final[Sequence[Runtime]] = (
    *_IMAGES,
    *(
        Runtime(each["name"], each["environment"], _MAIN, each["name"], tuple(each["repositories"]))
        for each in toolkit.algorithms()
        if each["name"] not in _KNOWN
    ),
)
"""Those of the images above, and one for each built-in algorithm."""

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+"
    r"/(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(?P<tag>[\w][\w.-]*))?(?:@sha256:[0-9a-f]{64})?"
)
_VERSION: Final = r"(\d+\.\d+(?:\.\d+)?(?:-\d+)?)(?![\w.])"
_TAGS: Final = {"Transformers": re.compile(rf".*transformers{_VERSION}")}
"""Where a framework's version stands in a tag, if not at the beginning."""


def repository(image_uri: str) -> str | None:
    """The repository in an ECR image URI, whatever its account, region and tag; None for other names."""
    match = _ECR.fullmatch(image_uri)
    return match["repository"] if match else None


def resolve(image_uri: str) -> Runtime | None:
    """The runtime that answers to the image, None if none does (see `no_runtime`).

    Where several answer to its repository: the oldest that is not older than what the tag asks for, else the newest.
    """
    name = repository(image_uri)
    candidates = [runtime for runtime in RUNTIMES if name in runtime.repositories]
    for runtime in candidates[:-1]:
        framework, version = runtime.holds[0]
        asked = _asked(image_uri, framework)
        if asked is not None and _minor(asked) <= _minor(version):
            return runtime
    return candidates[-1] if candidates else None


def remark(image_uri: str, runtime: Runtime) -> str | None:
    """What to tell the user of an image when its runtime holds other versions than its tag names, patches aside."""
    wanted, held = [], []
    for framework, version in runtime.holds:
        asked = _asked(image_uri, framework)
        if asked is not None and _minor(asked) != _minor(version):
            wanted.append(f"{framework} {asked}")
            held.append(version if len(runtime.holds) == 1 else f"{framework} {version}")
    if not wanted:
        return None
    were = "was" if len(wanted) == 1 else "were"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    said = f"{' and '.join(wanted)} {were} asked for; this runs {' and '.join(held)}, on Python {python}."
    if any(each.startswith("TensorFlow 1.") for each in wanted):
        said += " What a script for TensorFlow 1 needs is in tensorflow.compat.v1."
    return said


def no_runtime(image_uri: str, *, runs_images: bool = False) -> str:
    """The sentence for an image that nothing answers to. `runs_images`: whether the engine would run it as itself."""
    refused = REFUSED.get(repository(image_uri) or "")
    if refused is not None:
        return f"No runtime answers to image '{image_uri}'. {refused}"
    known = ", ".join(f"{runtime.name} ({', '.join(runtime.repositories)})" for runtime in RUNTIMES)
    own = (
        "Nor is it in a repository of this account's ECR, or held by the container engine under a name that begins "
        "with localhost/."
        if runs_images
        else "Own images need an engine that runs containers: sagewright up --engine container."
    )
    # The names of all runtimes are more than a FailureReason holds.
    return f"No runtime answers to image '{image_uri}'. {own} Runtimes: {known}."


def _asked(image_uri: str, framework: str) -> str | None:
    """The version of a framework that an image's tag names."""
    match = _ECR.fullmatch(image_uri)
    pattern = _TAGS.get(framework) or re.compile(_VERSION)
    found = pattern.match(match["tag"] or "") if match else None
    return found[1] if found else None


def _minor(version: str) -> tuple[int, int]:
    major, minor = re.split(r"[.-]", version)[:2]
    return int(major), int(minor)
