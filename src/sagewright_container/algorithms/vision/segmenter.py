"""Semantic segmentation on PyTorch: what the loop of `training` is given, and the trained network."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from sagewright_container import recordio
from sagewright_container.algorithms.base import Job
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.semantic_segmentation import VOID
from sagewright_container.algorithms.vision import declared, pictures, training
from sagewright_container.algorithms.vision.samples import Sample
from sagewright_container.algorithms.vision.segmentation_networks import Segmentation

_AUXILIARY = 0.5  # what the loss of the third stage's map counts
_POLY = 0.9
_MAX_PIXELS = 1 << 23  # of an image that is segmented: its probabilities are held for every class
_PNG, _RECORDS = "image/png", "application/x-recordio-protobuf"


def course(job: Job, train: Sequence[Sample], validation: Sequence[Sample]) -> training.Course:
    """How the network of a job is trained."""
    values = job.hyperparameters
    about = {
        "algorithm": values["algorithm"],
        "backbone": values["backbone"],
        "num_classes": values["num_classes"],
        "crop_size": -(-values["crop_size"] // 8) * 8,
        "base_size": values["base_size"],
    }
    network = build(about)
    training.go_on(job, network, about, ("backbone", "algorithm", "crop_size", "num_classes"))

    def read(sample: Sample, chance: random.Random | None) -> tuple[Any, Any]:
        return view(sample, about["base_size"], about["crop_size"], chance)

    tell = Tell(job, network)
    looked = training.Batches(validation, values["validation_mini_batch_size"], read, shuffled=False)
    return training.Course(
        network,
        training.Batches(train, values["mini_batch_size"], read, shuffled=True),
        tell.losses,
        factor(values),
        tell.epoch,
        lambda epoch: tell.validation(epoch, looked) if validation else None,
        about=about,
    )


def build(about: Mapping[str, Any]) -> Segmentation:
    """The network, with weights by chance."""
    torch.manual_seed(0)
    layers = int(about["backbone"].partition("-")[2])
    return Segmentation(about["algorithm"], layers, about["num_classes"])


def factor(values: Mapping[str, Any]) -> Callable[[float], float]:
    """How the learning rate falls."""
    whole = values["epochs"]
    match values["lr_scheduler"]:
        case "poly":
            return lambda epochs: (1 - epochs / whole) ** _POLY
        case "cosine":
            return lambda epochs: (1 + math.cos(math.pi * epochs / whole)) / 2
    return training.stepwise(declared.steps(values), values["lr_scheduler_factor"])


def view(sample: Sample, base: int, crop: int, chance: random.Random | None) -> tuple[Any, Any]:
    """A square window of an image and of its mask: scaled, placed and mirrored by chance, or its middle."""
    image = pictures.decode(sample.image())
    mask = Image.fromarray(sample.label.read())
    if mask.size != image.size:
        raise ClientError(
            f"The mask has {mask.width} x {mask.height} pixels, the image {image.width} x {image.height}: "
            "make them alike."
        )
    longest = round(base * chance.uniform(0.5, 2.0)) if chance else base
    image = pictures.scaled(image, longest=longest)
    mask = mask.resize(image.size, Image.Resampling.NEAREST)
    width, height = max(crop, image.width), max(crop, image.height)
    left = chance.randint(0, width - crop) if chance else (width - crop) // 2
    top = chance.randint(0, height - crop) if chance else (height - crop) // 2
    box = (left, top, left + crop, top + crop)
    values = pictures.array(image)
    values = np.pad(values, ((0, 0), (0, height - image.height), (0, width - image.width)))
    classes = np.pad(np.asarray(mask), ((0, height - image.height), (0, width - image.width)), constant_values=VOID)
    values, classes = values[:, top : box[3], left : box[2]], classes[top : box[3], left : box[2]]
    if chance and chance.random() < 0.5:
        values, classes = values[..., ::-1], classes[..., ::-1]
    return values, classes


class Tell:
    """Losses, scores and their lines."""

    def __init__(self, job: Job, network: Any) -> None:
        self._host = job.current_host
        self._classes = job.hyperparameters["num_classes"]
        self._network = network

    def losses(self, batch: list[Any]) -> dict[str, Any]:
        """Of one batch: of the answer, and of the third stage's map."""
        images, classes = self._tensors(batch)
        answer, auxiliary = self._network.both(images)
        there = (classes != VOID).sum().clamp(min=1)  # a window may hold nothing to learn

        def entropy(maps: Any) -> Any:
            return functional.cross_entropy(maps, classes, ignore_index=VOID, reduction="sum") / there

        return {"answer": entropy(answer), "auxiliary": _AUXILIARY * entropy(auxiliary)}

    def epoch(self, epoch: int, losses: Mapping[str, float]) -> None:
        """The line of an epoch's training."""
        self._say(epoch, "train loss <loss>", sum(losses.values()))

    def validation(self, epoch: int, batches: training.Batches) -> float:
        """Mean intersection over union, of the classes that occur, on other samples."""
        table = torch.zeros(self._classes, self._classes, dtype=torch.int64)
        with torch.inference_mode():
            for batch in batches:
                images, classes = self._tensors(batch)
                found = self._network(images).argmax(1)
                there = classes != VOID
                pairs = (classes[there] * self._classes + found[there]).cpu()
                table += torch.bincount(pairs, minlength=self._classes**2).view(self._classes, self._classes)
        right = table.diagonal().double()
        union = (table.sum(0) + table.sum(1)).double() - right
        score = float((right[union > 0] / union[union > 0]).mean())
        self._say(epoch, "validation mIOU <score>", score)
        self._say(epoch, "validation pixel_accuracy <score>", float(right.sum() / table.sum().clamp(min=1)))
        return score

    def _tensors(self, batch: list[Any]) -> tuple[Any, Any]:
        where = training.device()
        images = np.stack([image for image, _ in batch])
        classes = np.stack([mask for _, mask in batch]).astype(np.int64)
        return torch.from_numpy(images).to(where), torch.from_numpy(classes).to(where)

    def _say(self, epoch: int, what: str, value: float) -> None:
        print(f"#quality_metric: host={self._host}, epoch={epoch}, {what}={value:.6f}", flush=True)


class Segmenter(training.Trained):
    """Answers the class of each pixel as a PNG image, or all probabilities as a record."""

    build = staticmethod(build)
    accepts = (_RECORDS, "application/x-protobuf", _PNG)

    def answer(self, data: bytes, accept: str) -> bytes:
        """The mask, or the tensor `target` with its `shape`: 1, classes, height, width. Raises ClientError."""
        image = pictures.decode(data)
        if image.width * image.height > _MAX_PIXELS:
            raise ClientError(
                f"The image has {image.width} x {image.height} pixels, and may have {_MAX_PIXELS}: shrink it."
            )
        seen = pictures.scaled(image, longest=self._about["base_size"])
        batch = torch.from_numpy(pictures.batch([seen])).to(training.device())
        with torch.inference_mode():
            maps = self._network(batch)
            maps = functional.interpolate(maps, (image.height, image.width), mode="bilinear", align_corners=False)
        if accept == _PNG:
            return pictures.png(maps[0].argmax(0).cpu().numpy())
        probabilities = maps.softmax(1).cpu().numpy()
        return recordio.frame(
            recordio.features({"target": probabilities.astype("<f4").tobytes()}, {"shape": probabilities.shape})
        )
