"""Object detection on PyTorch: what the loop of `training` is given, and the trained network."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from sagewright_container.algorithms.base import Job
from sagewright_container.algorithms.object_detection import Box
from sagewright_container.algorithms.vision import boxes, declared, pictures, training
from sagewright_container.algorithms.vision.samples import Sample
from sagewright_container.algorithms.vision.ssd import Ssd

_NOTHINGS = 3  # default boxes with nothing in them that count, for each one with something


def course(job: Job, train: Sequence[Sample], validation: Sequence[Sample]) -> training.Course:
    """How the network of a job is trained."""
    values = job.hyperparameters
    names = ("base_network", "num_classes", "image_shape", "nms_threshold")
    about = {"network": "ssd", **{name: values[name] for name in names}}
    network = build(about)
    training.go_on(job, network, about, ("base_network", "num_classes", "image_shape"))
    freeze(network, values.get("freeze_layer_pattern", ""))
    side = values["image_shape"]

    def read(sample: Sample, chance: random.Random | None) -> tuple[Any, list[Box]]:
        picture, truth = pictures.decode(sample.image()), sample.label
        if chance is not None:
            picture, truth = moved(picture, truth, chance)
        return picture.resize((side, side), pictures.SMOOTH), truth

    tell = Tell(job, network, len(train))
    looked = training.Batches(validation, values["mini_batch_size"], read, shuffled=False)
    return training.Course(
        network,
        training.Batches(train, values["mini_batch_size"], read, shuffled=True),
        tell.losses,
        training.stepwise(declared.steps(values), values["lr_scheduler_factor"]),
        tell.epoch,
        lambda epoch: tell.validation(epoch, looked) if validation else None,
        decayed=("sgd", "rmsprop"),
        about=about,
    )


def build(about: Mapping[str, Any]) -> Ssd:
    """The network, with weights by chance."""
    torch.manual_seed(0)
    return Ssd(about["base_network"], about["image_shape"], about["num_classes"])


def freeze(network: Ssd, pattern: str) -> None:
    """Leave the weights of the base network's layers as they are whose names the pattern finds."""
    if pattern:
        for name, weights in network.base.named_parameters():
            if re.match(pattern, name):
                weights.requires_grad_(False)


def moved(picture: Any, truth: Sequence[Box], chance: random.Random) -> tuple[Any, list[Box]]:
    """As often as not mirrored, and seen from nearer or farther: objects whose middle is seen stay."""
    found = list(truth)
    if chance.random() < 0.5:
        picture = pictures.mirrored(picture)
        found = [(number, 1 - right, top, 1 - left, bottom) for number, left, top, right, bottom in found]
    if chance.random() < 0.5:
        scale = chance.uniform(0.7, 1.4)
        left, top = (chance.uniform(min(0, 1 - scale), max(0, 1 - scale)) for _ in range(2))
        seen = [_seen(box, left, top, scale) for box in found]
        kept = [box for box in seen if box is not None]
        if kept or not found:
            found = kept
            edges = (left, top, left + scale, top + scale)
            sides = (picture.width, picture.height) * 2
            picture = picture.crop([round(edge * side) for edge, side in zip(edges, sides, strict=True)])
    return picture, found


def _seen(box: Box, left: float, top: float, scale: float) -> Box | None:
    number, *edges = box
    starts = (left, top, left, top)
    moved = [(edge - start) / scale for edge, start in zip(edges, starts, strict=True)]
    if not (0 < moved[0] + moved[2] < 2 and 0 < moved[1] + moved[3] < 2):
        return None
    a, b, c, d = (min(1.0, max(0.0, edge)) for edge in moved)
    return number, a, b, c, d


class Tell:
    """Losses, scores and their lines."""

    def __init__(self, job: Job, network: Ssd, count: int) -> None:
        self._host, self._values, self._network = job.current_host, job.hyperparameters, network
        self._last = max(0, -(-count // job.hyperparameters["mini_batch_size"]) - 1)

    def losses(self, batch: list[Any]) -> dict[str, Any]:
        """Of one batch: of the classes, and of the places."""
        images, truth = self._tensors(batch)
        scores, offsets, defaults = self._network(images)
        pairs = [boxes.matched(defaults, each) for each in truth]
        classes, shifts = torch.stack([each for each, _ in pairs]), torch.stack([each for _, each in pairs])
        there = classes > 0
        count = there.sum().clamp(min=1)
        entropy = functional.cross_entropy(scores.flatten(0, 1), classes.flatten(), reduction="none").view_as(classes)
        # Almost all default boxes hold nothing: only those count that look most as if they did.
        hard = entropy.detach().masked_fill(there, 0).argsort(1, descending=True).argsort(1)
        nothings = ~there & (hard < _NOTHINGS * there.sum(1, keepdim=True).clamp(min=1))
        return {
            "cross_entropy": entropy[there | nothings].sum() / count,
            "smooth_l1": functional.smooth_l1_loss(offsets[there], shifts[there], reduction="sum") / count,
        }

    def epoch(self, epoch: int, losses: Mapping[str, float]) -> None:
        """The lines of an epoch's training."""
        begin = f"#quality_metric: host={self._host}, epoch={epoch}, batch={self._last} train"
        for name, value in losses.items():
            print(f"{begin} {name} <loss>={value:.6f}", flush=True)

    def validation(self, epoch: int, batches: training.Batches) -> float:
        """Mean average precision on other samples."""
        found: list[Any] = []
        true: list[Any] = []
        with torch.inference_mode():
            for batch in batches:
                images, truth = self._tensors(batch)
                found += [each.cpu() for each in detect(self._network, images, self._values["nms_threshold"])]
                true += [each.cpu() for each in truth]
        score = boxes.mean_average_precision(found, true, self._values["overlap_threshold"])
        print(f"#quality_metric: host={self._host}, epoch={epoch}, validation mAP <score>=({score:.6f})", flush=True)
        return score

    def _tensors(self, batch: list[Any]) -> tuple[Any, list[Any]]:
        where = training.device()
        images = torch.from_numpy(pictures.batch([picture for picture, _ in batch])).to(where)
        return images, [torch.tensor(truth, device=where).view(-1, 5) for _, truth in batch]


def detect(network: Ssd, images: Any, overlap: float) -> list[Any]:
    """What is found on each image: see `boxes.best`."""
    scores, offsets, defaults = network(images)
    places = boxes.placed(defaults, offsets)
    return [boxes.best(each, place, overlap) for each, place in zip(scores.softmax(2), places, strict=True)]


class Detector(training.Trained):
    """Answers the objects on an image: class, score, xmin, ymin, xmax, ymax."""

    build = staticmethod(build)
    accepts = ("application/json", "application/jsonlines")

    def answer(self, data: bytes, accept: str) -> bytes:
        """The objects, the likeliest first. Raises ClientError."""
        side = self._about["image_shape"]
        picture = pictures.decode(data).resize((side, side), pictures.SMOOTH)
        images = torch.from_numpy(pictures.batch([picture])).to(training.device())
        with torch.inference_mode():
            (found,) = detect(self._network, images, self._about["nms_threshold"])
        end = b"\n" if accept == "application/jsonlines" else b""
        return json.dumps({"prediction": found.tolist()}).encode() + end
