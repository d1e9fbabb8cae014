"""Object Detection as a built-in algorithm: the single shot detector on PyTorch.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("Object Detection - MXNet"). AWS's
image begins with ImageNet's weights; here training begins from scratch, so that `use_pretrained_model` is 0 unless a
model is given, VGG-16 has batch normalization, and there is a smaller base network, resnet-18, and images of fewer than
300 pixels a side, for machines without a GPU.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container.algorithms.base import Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number
from sagewright_container.algorithms.vision import declared, samples
from sagewright_container.algorithms.vision.declared import POSITIVE_SHARE, SHARE
from sagewright_container.algorithms.vision.samples import Sample

Box = tuple[float, float, float, float, float]
"""Class, xmin, ymin, xmax, ymax: the last four as parts of the image's width and height."""

_OPTIMIZERS = ("sgd", "adam", "rmsprop", "adadelta")
_BELOW_ONE = Range(0, 1, low_open=True, high_open=True)
_LOSS = r"#quality_metric: host=\S+, epoch=\S+, batch=\S+ train {} <loss>=(\S+)"


class ObjectDetection:
    """See the module."""

    name = "object-detection"
    environment = "pytorch"
    repositories = ("object-detection",)
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = (
        integer("num_classes", 1, required=True),
        integer("num_training_samples", 1, required=True),
        choice("base_network", "vgg-16", "resnet-50", "resnet-18", default="vgg-16"),
        *declared.early_stopping(10, 5),
        integer("image_shape", 32, default=300),
        integer("epochs", 1, default=30),
        Hyperparameter(name="freeze_layer_pattern", kind="FreeText"),
        choice("kv_store", "dist_sync", "dist_async", ignored=True),
        integer("label_width", 1, ignored=True),
        number("learning_rate", POSITIVE_SHARE, default=0.001, tunable=Range(1e-6, 0.5)),
        number("lr_scheduler_factor", _BELOW_ONE, default=0.1),
        Hyperparameter(name="lr_scheduler_step", kind="FreeText"),
        integer("mini_batch_size", 1, default=32, tunable=Range(8, 64)),
        number("momentum", SHARE, default=0.9, tunable=Range(0.0, 0.999)),
        number("nms_threshold", POSITIVE_SHARE, default=0.45),
        choice("optimizer", *_OPTIMIZERS, default="sgd", tunable=_OPTIMIZERS),
        number("overlap_threshold", POSITIVE_SHARE, default=0.5),
        choice("use_pretrained_model", "0", "1", default="0"),
        number("weight_decay", SHARE, default=0.0005, tunable=Range(0.0, 0.999)),
    )
    channels = declared.channels("annotation")
    metrics: Sequence[Metric] = (
        Metric("validation:mAP", r"#quality_metric: host=\S+, epoch=\S+, validation mAP <score>=\((\S+)\)", True),
        Metric("train:cross_entropy", _LOSS.format("cross_entropy"), False),
        Metric("train:smooth_l1", _LOSS.format("smooth_l1"), False),
        declared.PROGRESS,
        declared.THROUGHPUT,
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """The pattern of layers is one."""
        declared.check(values)
        try:
            re.compile(values.get("freeze_layer_pattern", ""))
        except re.error as error:
            raise ClientError(f"Hyperparameter freeze_layer_pattern is not a regular expression: {error}.") from error

    def train(self, job: Job) -> None:
        """Train on the channel `train`, look at `validation` after each epoch, save the best network."""
        declared.begin(job)
        found = {name: read(job, name) for name in ("train", "validation") if name in job.inputs}
        declared.counted(job, found["train"])
        if not any(sample.label for sample in found["train"]):
            raise ClientError("Channel train holds no annotated object: there is nothing to learn. Annotate some.")
        course = declared.with_torch("detector").course(job, found["train"], found.get("validation", []))
        declared.with_torch("training").train(job, course)

    def load(self, model_dir: str) -> Any:
        """The network."""
        return declared.with_torch("detector").Detector(model_dir)

    def handler(self, model_dir: str) -> Any:
        """Answers images."""
        serving = importlib.import_module("sagewright_container.serving.image_algorithm")
        return serving.ImageHandler(self.load(model_dir))


def read(job: Job, channel: str) -> list[Sample]:
    """A channel's images; a label is a list of Box. Raises ClientError."""
    source, classes = job.inputs[channel], job.hyperparameters["num_classes"]

    def labels(told: tuple[float, ...]) -> list[Box]:
        return [_checked(box, classes) for box in _recorded(told)]

    def annotation(data: bytes) -> list[Box]:
        return [_checked(box, classes) for box in _annotated(data)]

    if source.pipe or source.content_type == samples.RECORDIO:
        return samples.records(source, labels, annotation)
    return samples.annotated(job, channel, annotation)


def _recorded(told: Sequence[float]) -> list[Sequence[float]]:
    """The boxes of a record: the header's length, an object's length, more of the header, objects."""
    header, width = (int(told[0]), int(told[1])) if len(told) > 1 else (0, 0)
    if header < 2 or width < 5 or len(told) < header or (len(told) - header) % width:
        raise ClientError(
            "The record's labels are not a header of two numbers or more, and objects of five or more. "
            "Write them as im2rec does with --pack-label."
        )
    return [told[start : start + 5] for start in range(header, len(told), width)]


def _annotated(data: bytes) -> list[Sequence[float]]:
    """The boxes of an annotation: in pixels, of an image whose size it tells."""
    told = samples.json_object(data, "The annotation")
    try:
        (size,) = told["image_size"]
        across, down = float(size["width"]), float(size["height"])
        return [
            (
                float(each["class_id"]),
                float(each["left"]) / across,
                float(each["top"]) / down,
                (float(each["left"]) + float(each["width"])) / across,
                (float(each["top"]) + float(each["height"])) / down,
            )
            for each in told["annotations"]
        ]
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ClientError(
            'The annotation needs "image_size": [{"width", "height"}] and "annotations", each with "class_id", "left", '
            f'"top", "width" and "height" ({type(error).__name__}: {error}).'
        ) from error


def _checked(box: Sequence[float], classes: int) -> Box:
    number, left, top, right, bottom = box
    if not all(map(math.isfinite, box)):
        raise ClientError(f"The box {list(box)} is not of finite numbers.")
    if number != int(number) or not 0 <= number < classes:
        raise ClientError(
            f"The class is {number:g}. With num_classes {classes} it is a whole number below. "
            "Change it, or num_classes."
        )
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in (left, top, right, bottom))
    if left >= right or top >= bottom:
        raise ClientError(f"A box of class {number:g} has no area inside the image. Correct it, or leave it out.")
    return number, left, top, right, bottom


OBJECT_DETECTION = ObjectDetection()
