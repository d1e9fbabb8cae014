"""Neural Topic Model as a built-in algorithm, on PyTorch: a variational autoencoder of word counts.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("NTM Hyperparameters", "NTM Response
Formats"). The network is in `topic_network.py`. AWS's image judges topics by GloVe's vectors of their words (WETC);
here it is by how often the words stand in the same documents of `train` (NPMI), beside the topics' uniqueness (TU).
"""

from __future__ import annotations

import importlib
import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container import eager
from sagewright_container.algorithms import content_types, quality
from sagewright_container.algorithms.base import Channel, Job, Metric, Model
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number

MODEL_FILE = "model.pt"
VOCABULARY_FILE = "vocab.txt"
_ACTIVATIONS = ("sigmoid", "tanh", "relu")
_OPTIMIZERS = ("sgd", "adam", "adagrad", "adadelta", "rmsprop")


class Ntm:
    """See the module."""

    name = "ntm"
    environment = "pytorch"
    repositories = ("ntm",)
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = (
        integer("feature_dim", 1, 1000000, required=True),
        integer("num_topics", 2, 1000, required=True),
        choice("batch_norm", "true", "false", "True", "False", default="false"),
        number("clip_gradient", Range(0.001)),
        Hyperparameter(name="encoder_layers", kind="FreeText", default="auto"),
        choice("encoder_layers_activation", *_ACTIVATIONS, default="sigmoid", tunable=_ACTIVATIONS),
        integer("epochs", 1, default=50),
        number("learning_rate", Range(1e-6, 1), default=0.001, tunable=Range(1e-4, 0.1)),
        integer("mini_batch_size", 1, 10000, default=256, tunable=Range(16, 2048)),
        integer("num_patience_epochs", 1, default=3),
        choice("optimizer", *_OPTIMIZERS, default="adadelta", tunable=("sgd", "adam", "adadelta")),
        number("rescale_gradient", Range(0.001, 1), default=1.0, tunable=Range(0.1, 1)),
        number("sub_sample", Range(0, 1, low_open=True), default=1.0),
        number("tolerance", Range(1e-6, 0.1), default=0.001),
        number("weight_decay", Range(0, 1), default=0.0, tunable=Range(0, 1)),
    )
    channels: Sequence[Channel] = (
        Channel("train", content_types.RECORDS, content_types.DEFAULT, required=True, pipe=content_types.PIPE),
        Channel("validation", content_types.RECORDS, content_types.DEFAULT, pipe=content_types.PIPE),
        Channel("test", content_types.RECORDS, content_types.DEFAULT, pipe=content_types.PIPE),
        Channel("auxiliary", {"text/plain": "text"}, "text/plain"),
    )
    metrics: Sequence[Metric] = tuple(
        quality.metric(channel, "total_loss", maximize=False) for channel in ("validation", "test", "train")
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """`encoder_layers` lists sizes."""
        layers(values)

    def train(self, job: Job) -> None:
        """Learn the topics of the channel `train` until the loss hardly changes, tell them, save the network."""
        values = job.hyperparameters
        rows = {name: _counts(job, name) for name in ("train", "validation", "test") if name in job.inputs}
        words = _vocabulary(job)
        eager.torch()
        topic_network = importlib.import_module("sagewright_container.algorithms.topic_network")
        network = topic_network.network(values["feature_dim"], values["num_topics"], values, layers(values), seed=0)
        losses: list[float] = []
        for epoch, loss in enumerate(topic_network.epochs(network, rows["train"], values)):
            quality.said(job.current_host, "train", "total_loss", loss, epoch=epoch)
            losses.append(loss)
            if "validation" in rows:
                losses[-1] = topic_network.total_loss(network, rows["validation"])
                quality.said(job.current_host, "validation", "total_loss", losses[-1], epoch=epoch)
            if job.stopping or _settled(losses, values):
                break
        if "test" in rows:
            quality.said(job.current_host, "test", "total_loss", topic_network.total_loss(network, rows["test"]))
        topic_network.tell(network, rows["train"], words)
        topic_network.save(network, os.path.join(job.model_dir, MODEL_FILE))

    def load(self, model_dir: str) -> Model:
        """The network."""
        topic_network = importlib.import_module("sagewright_container.algorithms.topic_network")
        model: Model = topic_network.Topics(topic_network.load(os.path.join(model_dir, MODEL_FILE)))
        return model


def layers(values: Mapping[str, Any]) -> list[int]:
    """The sizes of the encoder's layers: `auto`, or whole numbers with commas between them, in brackets or not."""
    text = values["encoder_layers"]
    if text == "auto":
        return [3 * values["num_topics"], 2 * values["num_topics"]]
    cells = text.strip("[] ").split(",")
    if not all(cell.strip().isdecimal() and int(cell) for cell in cells):
        raise ClientError(f"Hyperparameter encoder_layers: {text} is neither auto nor a list such as 100,50.")
    return [int(cell) for cell in cells]


def _settled(losses: Sequence[float], values: Mapping[str, Any]) -> bool:
    """Whether the loss has changed by no more than `tolerance` in each of the last epochs."""
    recent = losses[-values["num_patience_epochs"] - 1 :]
    if len(recent) <= values["num_patience_epochs"]:
        return False
    changes = (abs(one - other) / max(abs(one), 1e-12) for one, other in itertools.pairwise(recent))
    return all(change < values["tolerance"] for change in changes)


def _counts(job: Job, name: str) -> Any:
    tables = importlib.import_module("sagewright_container.algorithms.tables")
    return tables.counts(job.inputs[name], width=job.hyperparameters["feature_dim"])


def _vocabulary(job: Job) -> list[str] | None:
    """The words of the channel `auxiliary`, a line each."""
    if "auxiliary" not in job.inputs:
        return None
    width = job.hyperparameters["feature_dim"]
    for path in job.inputs["auxiliary"].files():
        if os.path.basename(path) == VOCABULARY_FILE:
            with open(path, encoding="utf-8", errors="replace") as file:
                words = [line.strip() for line in file.read().splitlines()]
            if len(words) != width:
                raise ClientError(
                    f"{VOCABULARY_FILE} in channel auxiliary has {len(words)} lines, but hyperparameter feature_dim is "
                    f"{width}."
                )
            return words
    raise ClientError(f"Channel auxiliary holds no {VOCABULARY_FILE}.")


NTM = Ntm()
