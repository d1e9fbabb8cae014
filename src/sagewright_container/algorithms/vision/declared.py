"""Hyperparameters and channels that algorithms for images share, and their reading."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from sagewright_container import eager
from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number
from sagewright_container.algorithms.vision import samples

SHARE = Range(0, 1)
POSITIVE_SHARE = Range(0, 1, low_open=True)
NO_WEIGHTS = (
    "Pretrained weights are not part of Sagewright. Train from scratch, or give a model of this algorithm in the "
    "channel model."
)
THROUGHPUT = Metric("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second", True)
PROGRESS = Metric("train:progress", r"#progress_metric: host=\S+, completed (\S+) %", True)


def flag(name: str, default: str = "False") -> Hyperparameter:
    """True or False."""
    return choice(name, "True", "False", "true", "false", default=default)


def early_stopping(min_epochs: int, patience: int) -> tuple[Hyperparameter, ...]:
    """The four hyperparameters of early stopping, with an algorithm's defaults."""
    return (
        flag("early_stopping"),
        integer("early_stopping_min_epochs", 1, default=min_epochs),
        integer("early_stopping_patience", 1, default=patience),
        number("early_stopping_tolerance", SHARE, default=0.0),
    )


def channels(*beside: str) -> tuple[Channel, ...]:
    """train, validation, those `beside` each of them (by the ends of their names), and the model to go on from."""

    def images(name: str, pipe: frozenset[str] = frozenset()) -> Channel:
        return Channel(name, samples.CONTENT_TYPES, "application/x-image", required=name == "train", pipe=pipe)

    return (
        *(images(name, samples.PIPE) for name in ("train", "validation")),
        *(images(f"{name}_{end}") for end in beside for name in ("train", "validation")),
        Channel("model", samples.MODEL_TYPES, "application/x-sagemaker-model"),
    )


def true(values: Mapping[str, Any], name: str) -> bool:
    """Whether a flag is set."""
    return str(values.get(name, "")).lower() in ("true", "1")


def check(values: Mapping[str, Any]) -> None:
    """Rules that all of them have. Raises ClientError."""
    if "lr_scheduler_step" in values:
        steps(values)


def steps(values: Mapping[str, Any]) -> list[int]:
    """The epochs after which the learning rate falls. Raises ClientError."""
    text = str(values.get("lr_scheduler_step", ""))
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise ClientError(
            f"Hyperparameter lr_scheduler_step: {text!r} is not a list of epochs, such as 10,20."
        ) from error


def begin(job: Job) -> None:
    """What holds for every job on images. Raises ClientError."""
    if true(job.hyperparameters, "use_pretrained_model") and "model" not in job.inputs:
        raise ClientError(f"Hyperparameter use_pretrained_model: {NO_WEIGHTS}")


def counted(job: Job, found: list[samples.Sample]) -> None:
    """Say it where a job's num_training_samples is wrong: nothing here depends on it."""
    told = job.hyperparameters["num_training_samples"]
    if told != len(found):
        print(f"num_training_samples is {told}, but channel train holds {len(found)} images: all are used.", flush=True)


def with_torch(module: str) -> Any:
    """A module of this folder that imports PyTorch."""
    eager.torch()
    return importlib.import_module(f"sagewright_container.algorithms.vision.{module}")
