"""TabTransformer as a built-in algorithm, for classes and for numbers, on PyTorch (`tabtransformer_network.py`).

Hyperparameters, defaults, metrics and answers follow AWS's developer guide ("TabTransformer hyperparameters",
"Tune a TabTransformer model"). There it is a script in the PyTorch image, chosen by a model id; here an image is called
by that id.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container import eager
from sagewright_container.algorithms import tabular
from sagewright_container.algorithms.base import Channel, Job, Metric, Model
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number

MODEL_FILE = "model.pt"
_UNIT = Range(0, 1)

_HYPERPARAMETERS: Sequence[Hyperparameter] = (
    integer("n_epochs", 1, default=5),
    integer("patience", 2, 60, default=10),
    number("learning_rate", Range(0, None, low_open=True), default=0.001, tunable=Range(0.001, 0.01)),
    integer("batch_size", 1, 2048, default=256),
    choice(
        "input_dim",
        *("16", "32", "64", "128", "256", "512"),
        default="32",
        tunable=("16", "32", "64", "128", "256", "512"),
    ),
    integer("n_blocks", 1, 12, default=4, tunable=Range(1, 12)),
    number("attn_dropout", _UNIT, default=0.2, tunable=Range(0, 0.8)),
    number("mlp_dropout", _UNIT, default=0.1, tunable=Range(0, 0.8)),
    number("frac_shared_embed", _UNIT, default=0.25, tunable=Range(0, 0.5)),
)


class TabTransformer:
    """See the module. `classify`: classes are told apart; else a number is predicted."""

    environment = "pytorch"
    parallel = False
    hyperparameters = _HYPERPARAMETERS
    channels: Sequence[Channel] = tabular.CHANNELS

    def __init__(self, name: str, *, classify: bool) -> None:
        self.name = name
        self.repositories = (name,)
        self._classify = classify
        known = {"f1_score": "f1", "accuracy_score": "accuracy"} if classify else {"r2": "r2"}
        self.metrics: Sequence[Metric] = tuple(
            Metric(published, rf"metrics={{'{word}': (\S+)}}", True) for published, word in known.items()
        )

    def check(self, values: Mapping[str, Any]) -> None:
        """Nothing goes together in one way only."""

    def train(self, job: Job) -> None:
        """Train for some epochs, keep the best, save the weights with PyTorch and the encoding as JSON."""
        data = tabular.read(job, classify=self._classify)
        eager.torch()
        training = importlib.import_module("sagewright_container.algorithms.tabtransformer_training")
        network = training.trained(job, data)
        network.save(os.path.join(job.model_dir, MODEL_FILE))
        data.encoding.save(job.model_dir)

    def load(self, model_dir: str) -> Model:
        """Not this way: see `handler`."""
        raise NotImplementedError("Its rows hold categories: see handler.")

    def handler(self, model_dir: str) -> Any:
        """Answers CSV rows."""
        serving = importlib.import_module("sagewright_container.serving.tabular_algorithm")
        networks = importlib.import_module("sagewright_container.algorithms.tabtransformer_network")
        network = networks.load(os.path.join(model_dir, MODEL_FILE))
        return serving.TabularHandler(tabular.encoding(model_dir), network.predicted)


CLASSIFICATION = TabTransformer("pytorch-tabtransformerclassification-model", classify=True)
REGRESSION = TabTransformer("pytorch-tabtransformerregression-model", classify=False)
