"""Factorization machines as a built-in algorithm: a linear model with a product of factors for each pair of columns.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("Factorization Machines
Hyperparameters", "Tune a Factorization Machines Model"). No library that is kept has them for sparse rows: the machine
is in factorization.py, trained by Adam as AWS's image does.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sagewright_container.algorithms import content_types, quality
from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number

MODEL_FILE = "model.npz"
REGRESSOR, BINARY = "regressor", "binary_classifier"
PARTS = ("bias", "linear", "factors")
_METHODS = ("normal", "uniform", "constant")
_NEEDED = {"normal": "sigma", "uniform": "scale", "constant": "value"}
_RECORDS = {said: ours for said, ours in content_types.RECORDS.items() if ours == content_types.RECORDIO}
_PIPE = frozenset({content_types.RECORDIO})
_TUNED = Range(1e-8, 512)


def _of_part(part: str, rate: float, decay: float, sigma: float) -> Iterator[Hyperparameter]:
    """The hyperparameters that each of PARTS has."""
    yield number(f"{part}_lr", Range(0), default=rate, tunable=_TUNED)
    yield number(f"{part}_wd", Range(0), default=decay, tunable=_TUNED)
    yield choice(f"{part}_init_method", *_METHODS, default="normal")
    yield number(f"{part}_init_sigma", Range(0), default=sigma, tunable=_TUNED)
    yield number(f"{part}_init_scale", Range(0), tunable=_TUNED)
    yield number(f"{part}_init_value", Range(), tunable=_TUNED)


class FactorizationMachines:
    """See the module."""

    name = "factorization-machines"
    environment = "scikit-learn"
    repositories = ("factorization-machines",)
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = (
        integer("feature_dim", 1, required=True),
        integer("num_factors", 1, required=True),
        choice("predictor_type", REGRESSOR, BINARY, required=True),
        integer("epochs", 1, default=1, tunable=Range(1, 1000)),
        integer("mini_batch_size", 1, default=1000, tunable=Range(100, 10_000)),
        number("clip_gradient", Range(0, None, low_open=True)),
        number("eps", Range(0, None, low_open=True), default=1e-8),
        number("rescale_grad", Range(0, None, low_open=True)),
        *_of_part("bias", 0.1, 0.01, 0.01),
        *_of_part("linear", 0.001, 0.001, 0.01),
        *_of_part("factors", 0.0001, 0.00001, 0.001),
    )
    channels: Sequence[Channel] = (
        Channel("train", _RECORDS, content_types.DEFAULT, required=True, pipe=_PIPE),
        Channel("test", _RECORDS, content_types.DEFAULT, pipe=_PIPE),
    )
    metrics: Sequence[Metric] = (
        quality.metric("train", "rmse", maximize=False),
        quality.metric("train", "binary_classification_cross_entropy", maximize=False),
        quality.metric("test", "rmse", maximize=False),
        quality.metric("test", "binary_classification_cross_entropy", maximize=False),
        quality.metric("test", "binary_classification_accuracy", maximize=True, what="score"),
        quality.metric("test", "binary_f_beta", maximize=True, what="score"),
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """A way to begin has its number."""
        for part in PARTS:
            method = values[f"{part}_init_method"]
            if f"{part}_init_{_NEEDED[method]}" not in values:
                raise ClientError(
                    f"{part}_init_method {method} needs the hyperparameter {part}_init_{_NEEDED[method]}."
                )

    def train(self, job: Job) -> None:
        """Train on the channel `train`, tell of each epoch and of `test`, save the model."""
        factorization = importlib.import_module("sagewright_container.algorithms.factorization")
        machine = factorization.train(job, _read(job, "train"))
        saved = {"bias": machine.bias, "linear": machine.linear, "factors": machine.factors}
        path = os.path.join(job.model_dir, MODEL_FILE)
        importlib.import_module("numpy").savez(path, predictor_type=job.hyperparameters["predictor_type"], **saved)
        if "test" in job.inputs:
            for name, value in factorization.measured(machine, _read(job, "test"), job.hyperparameters).items():
                what = "score" if name in ("binary_classification_accuracy", "binary_f_beta") else "loss"
                quality.said(job.current_host, "test", name, value, what=what)

    def load(self, model_dir: str) -> Factors:
        """The machine."""
        saved = importlib.import_module("numpy").load(os.path.join(model_dir, MODEL_FILE))
        machine = importlib.import_module("sagewright_container.algorithms.factorization").Machine(
            *(saved[part] for part in PARTS)
        )
        return Factors(machine, classifies=str(saved["predictor_type"]) == BINARY)


def _read(job: Job, channel: str) -> Any:
    """The rows of a channel; a classifier's labels are 0 and 1."""
    tables = importlib.import_module("sagewright_container.algorithms.tables")
    table = tables.labelled(job.inputs[channel], width=job.hyperparameters["feature_dim"])
    if job.hyperparameters["predictor_type"] == BINARY:
        bad = ((table.label != 0) & (table.label != 1)).nonzero()[0]
        if len(bad):
            raise table.error(
                int(bad[0]),
                f"has the label {table.label[bad[0]]:g}: a binary_classifier's labels are 0 and 1. Change it, or "
                "predictor_type.",
            )
        if channel == "train" and table.label.min() == table.label.max():
            raise ClientError(
                f"Channel train: all rows have the same label, {table.label[0]:g}, so there is nothing to learn. Give "
                "rows of the other class too."
            )
    return table


class Factors:
    """Answers the value, or the probability of class 1 and whether it is above a half."""

    title = "predictions"

    def __init__(self, machine: Any, *, classifies: bool) -> None:
        self._machine, self._classifies = machine, classifies

    @property
    def width(self) -> int:
        """Columns of the machine."""
        return len(self._machine.linear)

    def predict(self, rows: Any) -> Mapping[str, Any]:
        """`score`, and `predicted_label` of a classifier."""
        outputs = self._machine.outputs(rows)
        if not self._classifies:
            return {"score": outputs}
        model = importlib.import_module("sagewright_container.algorithms.linear_model")
        return {"score": model.sigmoid(outputs), "predicted_label": (outputs > 0).astype(int)}


FACTORIZATION_MACHINES = FactorizationMachines()
