"""Image classification on PyTorch: what the loop of `training` is given, and the trained network."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from sagewright_container.algorithms.base import Job
from sagewright_container.algorithms.image_classification import picture, shape
from sagewright_container.algorithms.vision import declared, pictures, training
from sagewright_container.algorithms.vision.declared import true
from sagewright_container.algorithms.vision.resnet import ResNet
from sagewright_container.algorithms.vision.samples import Sample


def course(job: Job, train: Sequence[Sample], validation: Sequence[Sample]) -> training.Course:
    """How the network of a job is trained."""
    values = job.hyperparameters
    about = {
        "network": "resnet",
        "num_layers": values["num_layers"],
        "num_classes": values["num_classes"],
        "image_shape": list(shape(values)),
        "multi_label": true(values, "multi_label"),
        "resize": values.get("resize"),
        "augmentation_type": values.get("augmentation_type"),
    }
    network = build(about)
    training.go_on(job, network, about, ("num_layers", "image_shape", "num_classes"))

    def read(sample: Sample, chance: random.Random | None) -> tuple[Any, Any]:
        return picture(sample.image(), about, chance), sample.label

    tell = Tell(job, network, about["multi_label"], weights(values, train))
    looked = training.Batches(validation, values["mini_batch_size"], read, shuffled=False)
    return training.Course(
        network,
        training.Batches(train, values["mini_batch_size"], read, shuffled=True),
        tell.losses,
        training.stepwise(declared.steps(values), values["lr_scheduler_factor"]),
        tell.epoch,
        lambda epoch: tell.validation(epoch, looked) if validation else None,
        saved_every=values.get("checkpoint_frequency"),
        about=about,
    )


def build(about: Mapping[str, Any]) -> ResNet:
    """The network, with weights by chance."""
    torch.manual_seed(0)
    return ResNet(about["num_layers"], about["num_classes"], about["image_shape"][0])


def weights(values: Mapping[str, Any], train: Sequence[Sample]) -> Any:
    """What each class counts where rare ones count more (`use_weighted_loss`), else None."""
    if not true(values, "use_weighted_loss"):
        return None
    if true(values, "multi_label"):
        there = torch.tensor([sample.label for sample in train]).sum(0)
    else:
        there = torch.bincount(torch.tensor([sample.label for sample in train]), minlength=values["num_classes"])
    return (len(train) / (values["num_classes"] * there.clamp(min=1).float())).to(training.device())


class Tell:
    """Losses, accuracies and their lines."""

    def __init__(self, job: Job, network: Any, several: bool, weights: Any) -> None:
        self._network, self._several, self._weights = network, several, weights
        self._top = job.hyperparameters.get("top_k")
        self._right: dict[str, float] = {}
        self._seen = 0

    def losses(self, batch: list[Any]) -> dict[str, Any]:
        """Of one batch; what of it was right is counted."""
        answers, labels = self._answers(batch)
        self._count(answers.detach(), labels)
        if self._several:
            entropy = functional.binary_cross_entropy_with_logits(answers, labels, self._weights)
        else:
            entropy = functional.cross_entropy(answers, labels, self._weights)
        return {"cross-entropy": entropy}

    def epoch(self, epoch: int, losses: Mapping[str, float]) -> None:
        """The lines of an epoch's training."""
        self._say(epoch, "Train")
        print(f"Epoch[{epoch}] Train-cross-entropy={losses['cross-entropy']:.6f}", flush=True)

    def validation(self, epoch: int, batches: training.Batches) -> float:
        """The accuracy on other samples."""
        with torch.inference_mode():
            for batch in batches:
                self._count(*self._answers(batch))
        return self._say(epoch, "Validation")

    def _answers(self, batch: list[Any]) -> tuple[Any, Any]:
        where = training.device()
        images = torch.from_numpy(pictures.batch([image for image, _ in batch])).to(where)
        return self._network(images), torch.tensor([label for _, label in batch], device=where)

    def _count(self, answers: Any, labels: Any) -> None:
        if self._several:
            right = {"accuracy": ((answers > 0) == (labels > 0)).float().mean(1).sum()}
        else:
            right = {"accuracy": (answers.argmax(1) == labels).sum()}
            if self._top:
                right[f"top_k_accuracy_{self._top}"] = (answers.topk(self._top).indices == labels[:, None]).sum()
        for name, value in right.items():
            self._right[name] = self._right.get(name, 0.0) + float(value)
        self._seen += len(labels)

    def _say(self, epoch: int, what: str) -> float:
        shares = {name: value / self._seen for name, value in self._right.items()}
        for name, value in shares.items():
            print(f"Epoch[{epoch}] {what}-{name}={value:.6f}", flush=True)
        self._right, self._seen = {}, 0
        return shares["accuracy"]


class Classifier(training.Trained):
    """Answers the probability of each class."""

    build = staticmethod(build)
    accepts = ("application/json", "application/jsonlines")

    def answer(self, data: bytes, accept: str) -> bytes:
        """The probabilities: a list, or as JSON Lines an object with it. Raises ClientError."""
        image = torch.from_numpy(pictures.batch([picture(data, self._about)])).to(training.device())
        with torch.inference_mode():
            (found,) = self._network(image)
        probabilities = (found.sigmoid() if self._about["multi_label"] else found.softmax(0)).tolist()
        if accept == "application/json":
            return json.dumps(probabilities).encode()
        return json.dumps({"prediction": probabilities}).encode() + b"\n"
