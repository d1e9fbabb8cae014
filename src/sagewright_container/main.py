"""`python -m sagewright_container.main {train|serve} {image}`: the one entry that the platform calls."""

from __future__ import annotations

import importlib
import os
import sys

from sagewright_container.algorithms.catalog import CATALOG
from sagewright_container.contract import Contract

_SCRIPT = "sagewright_container.training.launch:main"

# Add an image here: name → what trains and what serves, each "module:function" answering an exit code, and arguments.
# Those of built-in algorithms need no row, unless they do more.
IMAGES: dict[str, dict[str, tuple[str, ...]]] = {
    "autogluon": {"train": (_SCRIPT,), "serve": ("sagewright_container.serving.server:serve_framework", "autogluon")},
    "base-python": {"train": (_SCRIPT,)},
    "huggingface": {
        "train": (_SCRIPT,),
        "serve": ("sagewright_container.serving.server:serve_framework", "hugging_face"),
    },
    "mlflow": {"serve": ("sagewright_container.tracking.server:serve",)},
    "mxnet": {"train": (_SCRIPT,), "serve": ("sagewright_container.serving.server:serve_framework", "mxnet")},
    "notebook": {"serve": ("sagewright_container.notebook.server:serve",)},
    "pytorch": {"train": (_SCRIPT,), "serve": ("sagewright_container.serving.server:serve_framework", "pytorch")},
    "scikit-learn": {"train": (_SCRIPT,), "serve": ("sagewright_container.serving.server:serve_scikit_learn",)},
    "tensorflow": {
        "train": ("sagewright_container.main:train_tensorflow",),
        "serve": ("sagewright_container.serving.server:serve_framework", "tensorflow"),
    },
    "xgboost": {
        "train": ("sagewright_container.main:train_xgboost",),
        "serve": ("sagewright_container.serving.server:serve_xgboost",),
    },
}

USAGE = "usage: python -m sagewright_container.main {train|serve} {" + "|".join(sorted({*IMAGES, *CATALOG})) + "}"


def main(arguments: list[str]) -> int:
    """Run what an image does on `train` or `serve`; answer its exit code (2: no such image or verb)."""
    match arguments:
        case [verb, image] if verb in IMAGES.get(image, {}):
            return call(*IMAGES[image][verb])
        case ["train", image] if image not in IMAGES and image in CATALOG:
            return call("sagewright_container.algorithms.run:train", image)
        case ["serve", image] if image not in IMAGES and image in CATALOG:
            return call("sagewright_container.serving.server:serve_algorithm", image)
    sys.stderr.write(USAGE + "\n")
    return 2


def train_tensorflow() -> int:
    """Script mode; scripts may name files in S3, where the environment has what TensorFlow needs for them."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tensorflow_s3")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
    if "S3_ENDPOINT_URL" in os.environ:
        os.environ.setdefault("S3_ENDPOINT", os.environ["S3_ENDPOINT_URL"])
    return call(_SCRIPT, "tensorflow")


def train_xgboost() -> int:
    """Script mode when the job names a program, as AWS's image decides it; else the built-in algorithm."""
    if os.environ.get("SAGEMAKER_PROGRAM") or "sagemaker_program" in Contract().raw_hyperparameters():
        return call(_SCRIPT)
    return call("sagewright_container.algorithms.run:train", "xgboost")


def call(target: str, *arguments: str) -> int:
    """Load "module:function" and call it: nothing is imported that this run does not need."""
    module, _, function = target.partition(":")
    answer: int = getattr(importlib.import_module(module), function)(*arguments)
    return answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
