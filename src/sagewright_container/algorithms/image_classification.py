"""Image Classification as a built-in algorithm: residual networks on PyTorch.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("Image Classification - MXNet").
AWS's image trains with MXNet and saves in its format; here the weights are a safetensors file with torchvision's names.
"""

from __future__ import annotations

import importlib
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container.algorithms.base import Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number
from sagewright_container.algorithms.vision import declared, samples
from sagewright_container.algorithms.vision.declared import SHARE, true
from sagewright_container.algorithms.vision.samples import Sample

_OPTIMIZERS = ("sgd", "adam", "rmsprop", "nag")
_LAYERS = (18, 34, 50, 101, 152, 200, 20, 32, 44, 56, 110)


class ImageClassification:
    """See the module."""

    name = "image-classification"
    environment = "pytorch"
    repositories = ("image-classification",)
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = (
        integer("num_classes", 1, required=True),
        integer("num_training_samples", 1, required=True),
        choice("augmentation_type", "crop", "crop_color", "crop_color_transform"),
        number("beta_1", SHARE, default=0.9, tunable=Range(1e-6, 0.999)),
        number("beta_2", SHARE, default=0.999, tunable=Range(1e-6, 0.999)),
        integer("checkpoint_frequency", 1),
        *declared.early_stopping(10, 5),
        integer("epochs", 1, default=30),
        number("eps", SHARE, default=1e-8, tunable=Range(1e-8, 1.0)),
        number("gamma", SHARE, default=0.9, tunable=Range(1e-8, 0.999)),
        Hyperparameter(name="image_shape", kind="FreeText", default="3,224,224"),
        choice("kv_store", "dist_sync", "dist_async", ignored=True),
        number("learning_rate", SHARE, default=0.1, tunable=Range(1e-6, 0.5)),
        number("lr_scheduler_factor", SHARE, default=0.1),
        Hyperparameter(name="lr_scheduler_step", kind="FreeText"),
        integer("mini_batch_size", 1, default=32, tunable=Range(8, 512)),
        number("momentum", SHARE, default=0.9, tunable=Range(0.0, 0.999)),
        choice("multi_label", "0", "1", default="0"),
        Hyperparameter(name="num_layers", kind="Integer", choices=_LAYERS, default=152),
        choice("optimizer", *_OPTIMIZERS, default="sgd", tunable=_OPTIMIZERS),
        choice("precision_dtype", "float32", "float16", ignored=True),
        integer("resize", 1),
        integer("top_k", 2),
        choice("use_pretrained_model", "0", "1", default="0"),
        choice("use_weighted_loss", "0", "1", default="0"),
        number("weight_decay", SHARE, default=0.0001, tunable=Range(0.0, 0.999)),
    )
    channels = declared.channels("lst")
    metrics: Sequence[Metric] = (
        Metric("train:accuracy", r"Epoch\S+ Train-accuracy=(\S+)", True),
        Metric("validation:accuracy", r"Epoch\S+ Validation-accuracy=(\S+)", True),
        Metric("train:cross_entropy", r"Epoch\S+ Train-cross-entropy=(\S+)", False),
        declared.PROGRESS,
        declared.THROUGHPUT,
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """The shape is one, checkpoints are within the epochs, and top_k within the classes."""
        declared.check(values)
        shape(values)
        if values.get("checkpoint_frequency", 1) > values["epochs"]:
            raise ClientError("Hyperparameter checkpoint_frequency is above epochs: no checkpoint would be saved.")
        if values.get("top_k", 0) > values["num_classes"]:
            raise ClientError("Hyperparameter top_k is above num_classes.")

    def train(self, job: Job) -> None:
        """Train on the channel `train`, look at `validation` after each epoch, save the best network."""
        declared.begin(job)
        labels = Labels(job)
        found = {name: labels.samples(name) for name in ("train", "validation") if name in job.inputs}
        declared.counted(job, found["train"])
        labels.told_apart(found["train"])
        course = declared.with_torch("classifier").course(job, found["train"], found.get("validation", []))
        declared.with_torch("training").train(job, course)

    def load(self, model_dir: str) -> Any:
        """The network."""
        return declared.with_torch("classifier").Classifier(model_dir)

    def handler(self, model_dir: str) -> Any:
        """Answers images."""
        serving = importlib.import_module("sagewright_container.serving.image_algorithm")
        return serving.ImageHandler(self.load(model_dir))


def shape(values: Mapping[str, Any]) -> tuple[int, int, int]:
    """Channels, height and width. Raises ClientError."""
    text = values["image_shape"]
    try:
        channels, height, width = (int(part) for part in text.split(","))
    except ValueError as error:
        raise ClientError(
            f"Hyperparameter image_shape: {text!r} is not channels, height and width, such as 3,224,224."
        ) from error
    if channels not in (1, 3) or min(height, width) < 8:
        raise ClientError("Hyperparameter image_shape: channels must be 1 or 3, height and width 8 or more.")
    return channels, height, width


class Labels:
    """A sample's label: its class, or with `multi_label` a number for each class."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._classes: int = job.hyperparameters["num_classes"]
        self._several = true(job.hyperparameters, "multi_label")

    def samples(self, channel: str) -> list[Sample]:
        """A channel's. Raises ClientError."""
        source = self._job.inputs[channel]
        form = source.parameters.get("label-format", "multi-hot")
        if form not in ("multi-hot", "class-id"):
            raise ClientError(f"Channel {channel}: label-format is {form}. It must be multi-hot or class-id.")

        def label(told: tuple[float, ...]) -> Any:
            return self._label(told, form)

        if source.pipe or source.content_type == samples.RECORDIO:
            return samples.records(source, label, lambda data: label(_annotation(data)))
        return samples.listed(self._job, channel, label)

    def told_apart(self, found: Sequence[Sample]) -> None:
        """Raises ClientError where there is nothing to tell apart."""
        first = found[0].label
        if self._classes > 1 and len(found) > 1 and all(sample.label == first for sample in found):
            raise ClientError(
                f"All {len(found)} images in channel train have the same label, {first}: there is nothing to tell "
                "apart. Give images of the other classes."
            )

    def _label(self, told: tuple[float, ...], form: str) -> Any:
        if not self._several:
            if len(told) != 1:
                raise ClientError(f"The image has {len(told)} labels. Set the hyperparameter multi_label to 1.")
            return self._class(told[0])
        if form == "class-id":
            chosen = {self._class(each) for each in told}
            return tuple(float(each in chosen) for each in range(self._classes))
        if len(told) != self._classes or not set(told) <= {0.0, 1.0}:
            raise ClientError(
                f"The label {list(told)} is not {self._classes} times 0 or 1. Where it lists classes, the channel's "
                "ContentType must say label-format=class-id."
            )
        return told

    def _class(self, number: float) -> int:
        if not math.isfinite(number) or number != int(number) or not 0 <= number < self._classes:
            raise ClientError(
                f"The class is {number:g}. With num_classes {self._classes} it is a whole number below. "
                "Change it, or num_classes."
            )
        return int(number)


def _annotation(data: bytes) -> tuple[float, ...]:
    """The label of an augmented manifest's line: `0`, `"0"` or a list."""
    text = data.decode("utf-8", "replace").strip().strip("[]")
    try:
        return tuple(float(part.strip().strip('"')) for part in text.split(","))
    except ValueError as error:
        raise ClientError(f"The label is no number, and no list of numbers: {text[:60]!r}.") from error


def picture(data: bytes, about: Mapping[str, Any], chance: random.Random | None = None) -> Any:
    """An image as the network takes it: of the window's size, changed by `chance` where it is trained on."""
    pictures = importlib.import_module("sagewright_container.algorithms.vision.pictures")
    channels, height, width = about["image_shape"]
    read = pictures.decode(data, channels)
    if about["resize"]:
        read = pictures.scaled(read, shortest=about["resize"])
    read = pictures.covering(read, height, width)
    kind = about["augmentation_type"] if chance else None
    if kind is None or chance is None:
        return pictures.window(read, height, width)
    if kind == "crop_color_transform":
        read = pictures.bent(read, chance)
    read = pictures.window(read, height, width, chance)
    if kind != "crop" and channels == 3:
        read = pictures.recoloured(read, chance)
    return pictures.mirrored(read) if chance.random() < 0.5 else read


IMAGE_CLASSIFICATION = ImageClassification()
