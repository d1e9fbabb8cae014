"""Semantic Segmentation as a built-in algorithm: FCN, PSP and DeepLabV3 on PyTorch.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("Semantic Segmentation Algorithm").
AWS's image trains with GluonCV and begins with ImageNet's weights; here training begins from scratch, so that
`use_pretrained_model` is False unless a model is given, and there is a smaller backbone, resnet-18, that learns without
a GPU. The weights are a safetensors file, of FCN and DeepLabV3 with torchvision's names.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number
from sagewright_container.algorithms.vision import declared, samples
from sagewright_container.algorithms.vision.declared import POSITIVE_SHARE, SHARE
from sagewright_container.algorithms.vision.samples import Sample

VOID = 255
"""The value of a pixel that counts neither in the loss nor in the scores."""
_OPTIMIZERS = ("sgd", "adam", "adagrad", "nag", "rmsprop")
_SCORE = r"#quality_metric: host=\S+, epoch=\S+, validation {} <score>=(\S+)"


class SemanticSegmentation:
    """See the module."""

    name = "semantic-segmentation"
    environment = "pytorch"
    repositories = ("semantic-segmentation",)
    parallel = False
    hyperparameters: Sequence[Hyperparameter] = (
        choice("backbone", "resnet-50", "resnet-101", "resnet-18", default="resnet-50"),
        declared.flag("use_pretrained_model"),
        choice("algorithm", "fcn", "psp", "deeplab", default="fcn"),
        integer("num_classes", 2, 254, required=True),
        integer("num_training_samples", 1, required=True),
        integer("base_size", 17, default=520),
        integer("crop_size", 17, default=480),
        *declared.early_stopping(5, 4),
        integer("epochs", 1, default=30),
        number("gamma1", SHARE, default=0.9),
        number("gamma2", SHARE, default=0.9),
        number("learning_rate", POSITIVE_SHARE, default=0.001, tunable=Range(1e-4, 1e-1)),
        choice("lr_scheduler", "step", "poly", "cosine", default="poly"),
        number("lr_scheduler_factor", SHARE, default=0.1),
        Hyperparameter(name="lr_scheduler_step", kind="FreeText"),
        integer("mini_batch_size", 1, default=4, tunable=Range(1, 128)),
        number("momentum", POSITIVE_SHARE, default=0.9, tunable=Range(0.9, 0.999)),
        choice("optimizer", *_OPTIMIZERS, default="sgd", tunable=("sgd", "adam", "adagrad")),
        Hyperparameter(name="syncbn", kind="Categorical", choices=("True", "False"), ignored=True),
        integer("validation_mini_batch_size", 1, default=4),
        number("weight_decay", Range(0, 1, low_open=True, high_open=True), default=0.0001, tunable=Range(1e-5, 1e-3)),
    )
    channels = (
        *declared.channels("annotation"),
        Channel("label_map", {"application/json": "json"}, "application/json"),
    )
    metrics: Sequence[Metric] = (
        Metric("validation:mIOU", _SCORE.format("mIOU"), True),
        Metric("validation:pixel_accuracy", _SCORE.format("pixel_accuracy"), True),
        Metric("train:loss", r"#quality_metric: host=\S+, epoch=\S+, train loss <loss>=(\S+)", False),
        declared.PROGRESS,
        declared.THROUGHPUT,
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """The learning rate falls at epochs that are said."""
        declared.check(values)
        if values["lr_scheduler"] == "step" and not declared.steps(values):
            raise ClientError("Hyperparameter lr_scheduler is step: lr_scheduler_step must say the epochs.")

    def train(self, job: Job) -> None:
        """Train on the channel `train`, look at `validation` after each epoch, save the best network."""
        declared.begin(job)
        found = {name: read(job, name) for name in ("train", "validation") if name in job.inputs}
        declared.counted(job, found["train"])
        told_apart(found["train"])
        course = declared.with_torch("segmenter").course(job, found["train"], found.get("validation", []))
        declared.with_torch("training").train(job, course)

    def load(self, model_dir: str) -> Any:
        """The network."""
        return declared.with_torch("segmenter").Segmenter(model_dir)

    def handler(self, model_dir: str) -> Any:
        """Answers images."""
        serving = importlib.import_module("sagewright_container.serving.image_algorithm")
        return serving.ImageHandler(self.load(model_dir))


class Mask(NamedTuple):
    """The classes that a mask has, and how to read it: what is held until then is the file, which is far smaller."""

    classes: frozenset[int]
    read: Callable[[], Any]
    """One byte for each pixel."""


def told_apart(found: Sequence[Sample]) -> None:
    """Raises ClientError where all pixels are of one class."""
    classes = frozenset[int]().union(*(sample.label.classes for sample in found))
    if len(classes) < 2:
        what = f"the class {min(classes)}" if classes else f"{VOID}, which is of no class"
        raise ClientError(
            f"All pixels of the masks in channel train are of {what}: there is nothing to tell apart. Give masks of "
            "two classes or more."
        )


def read(job: Job, channel: str) -> list[Sample]:
    """A channel's images; a label is a Mask. Raises ClientError."""
    numpy = importlib.import_module("numpy")
    source, classes = job.inputs[channel], job.hyperparameters["num_classes"]
    table = label_table(job, channel)
    pictures = importlib.import_module("sagewright_container.algorithms.vision.pictures")

    def seen(data: bytes) -> Any:
        values = table[pictures.mask(data)]
        wrong = values[(values >= classes) & (values != VOID)]
        if wrong.size:
            raise ClientError(
                f"The mask has the class {int(wrong[0])}. With num_classes {classes} it is a number below, or "
                f"{VOID} where nothing is to be learned. A label map can say what other values mean."
            )
        return values

    def annotation(data: bytes) -> Mask:
        values = seen(data)
        kinds = frozenset(numpy.unique(values).tolist()) - {VOID}
        return Mask(kinds, lambda: seen(data))

    def labels(_told: tuple[float, ...]) -> Any:
        raise ClientError("Image records hold no masks. Give images and masks, or an augmented manifest in Pipe mode.")

    if source.pipe or source.content_type == samples.RECORDIO:
        return samples.records(source, labels, annotation)
    return samples.masked(job, channel, annotation)


def label_table(job: Job, channel: str) -> Any:
    """What each value of a channel's masks means: 256 classes. Raises ClientError."""
    numpy = importlib.import_module("numpy")
    table = numpy.arange(256, dtype="uint8")
    path = os.path.join(job.inputs["label_map"].path, f"{channel}_label_map.json") if "label_map" in job.inputs else ""
    if not os.path.isfile(path):
        return table
    name = f"{os.path.basename(path)} in channel label_map"
    with open(path, "rb") as file:
        told = samples.json_object(file.read(), name)
    try:
        if "map" in told:
            for mapped, encoded in told["map"].items():
                table[int(encoded)] = int(mapped)
        else:
            scale = int(told.get("scale", 1))
            table = numpy.array([value // scale for value in range(256)], "uint8")
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError, ZeroDivisionError) as error:
        form = json.dumps({"map": {"0": 5, "1": 0}})
        raise ClientError(f'{name} is neither {{"scale": "3"}} nor of the form {form}.') from error
    return table


SEMANTIC_SEGMENTATION = SemanticSegmentation()
