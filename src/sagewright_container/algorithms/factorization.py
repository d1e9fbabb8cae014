"""A factorization machine on sparse rows, and Adam that touches only the columns that a batch has.

A row's output is bias + Σ linear[i]·x[i] + Σ over pairs i < j of ⟨factors[i], factors[j]⟩·x[i]·x[j], which Rendle's
identity turns into sums over single columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from sagewright_container.algorithms import linear_losses, linear_measures, quality
from sagewright_container.algorithms.base import Job
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.factorization_machines import BINARY, PARTS
from sagewright_container.algorithms.tables import Table

_BETA_1, _BETA_2 = 0.9, 0.999  # Adam's


@dataclass
class Machine:
    """`bias`: one float in an array; `linear`: one per column; `factors`: columns by num_factors."""

    bias: Any
    linear: Any
    factors: Any

    def outputs(self, rows: Any) -> Any:
        """One float per row of a dense array or a CSR matrix."""
        return self._outputs(rows, rows @ self.factors)

    def _outputs(self, rows: Any, sums: Any) -> Any:
        own = _squared(rows) @ (self.factors**2).sum(axis=1)
        return self.bias + rows @ self.linear + ((sums**2).sum(axis=1) - own) / 2

    def gradient(self, rows: Any, labels: Any, loss: linear_losses.Loss) -> tuple[float, Machine]:
        """The sum of the losses, and its derivatives."""
        sums = rows @ self.factors
        losses, slopes = loss(self._outputs(rows, sums), labels)
        slopes = slopes.astype(np.float32)
        factors = rows.T @ (slopes[:, None] * sums) - (_squared(rows).T @ slopes)[:, None] * self.factors
        return float(losses.sum()), Machine(slopes.sum(keepdims=True), rows.T @ slopes, factors)


class Adam:
    """Steps of one of a machine's parts, with the rate, decay and bounds that the hyperparameters tell."""

    def __init__(self, part: str, values: Mapping[str, Any], like: Any) -> None:
        self._rate, self._decay = values[f"{part}_lr"], values[f"{part}_wd"]
        self._clip, self._eps = values.get("clip_gradient"), values["eps"]
        self._first, self._second = np.zeros_like(like), np.zeros_like(like)
        self._steps = 0

    def step(self, weights: Any, gradient: Any, at: Any) -> None:
        """Move the rows `at` of the weights."""
        self._steps += 1
        if self._clip is not None:
            gradient = np.clip(gradient, -self._clip, self._clip)
        gradient = gradient + self._decay * weights[at]
        first = _BETA_1 * self._first[at] + (1 - _BETA_1) * gradient
        second = _BETA_2 * self._second[at] + (1 - _BETA_2) * gradient**2
        self._first[at], self._second[at] = first, second
        rate = self._rate * (1 - _BETA_2**self._steps) ** 0.5 / (1 - _BETA_1**self._steps)
        weights[at] -= rate * first / (np.sqrt(second) + self._eps)


def train(job: Job, table: Table) -> Machine:
    """A machine of the rows. Raises ClientError where the steps lead away to infinity."""
    values = job.hyperparameters
    classifies = values["predictor_type"] == BINARY
    loss = linear_losses.of("logistic" if classifies else "squared_loss", values)
    random = np.random.default_rng(0)
    rows, labels = sparse.csr_matrix(table.features), table.label
    machine = _begun(values, random)
    steps = {part: Adam(part, values, getattr(machine, part)) for part in PARTS}
    for epoch in range(values["epochs"]):
        total = 0.0
        for batch in _batches(len(labels), values["mini_batch_size"], random):
            total += _step(machine, steps, rows[batch], labels[batch], loss, values.get("rescale_grad"))
            if job.stopping:
                return machine
        if not np.isfinite(total):
            raise ClientError("The loss became infinite: lower bias_lr, linear_lr or factors_lr, or set clip_gradient.")
        mean = total / len(labels)
        name = "binary_classification_cross_entropy" if classifies else "rmse"
        quality.said(job.current_host, "train", name, mean if classifies else mean**0.5, epoch=epoch)
    return machine


def measured(machine: Machine, table: Table, values: Mapping[str, Any]) -> dict[str, float]:
    """What AWS tells of the channel `test`, by its name."""
    outputs, labels = machine.outputs(table.features), table.label
    if values["predictor_type"] != BINARY:
        return {"rmse": linear_measures.regression(labels, outputs)["rmse"]}
    losses, _ = linear_losses.of("logistic", values)(outputs, labels)
    found = linear_measures.binary(labels, outputs, np.nextafter(np.float32(0), np.float32(1)), 1.0)
    return {
        "binary_classification_cross_entropy": float(losses.mean()),
        **{name: found[name] for name in ("binary_classification_accuracy", "binary_f_beta")},
    }


def _step(machine: Machine, steps: Any, rows: Any, labels: Any, loss: linear_losses.Loss, scale: float | None) -> float:
    """One batch; answers the sum of its losses. Only the columns that it has are computed and moved."""
    columns, places = np.unique(rows.indices, return_inverse=True)
    narrow = sparse.csr_matrix((rows.data, places, rows.indptr), shape=(rows.shape[0], len(columns)))
    part = Machine(machine.bias, machine.linear[columns], machine.factors[columns])
    total, slope = part.gradient(narrow, labels, loss)
    scale = 1 / len(labels) if scale is None else scale
    steps["bias"].step(machine.bias, scale * slope.bias, slice(None))
    steps["linear"].step(machine.linear, scale * slope.linear, columns)
    steps["factors"].step(machine.factors, scale * slope.factors, columns)
    return total


def _begun(values: Mapping[str, Any], random: Any) -> Machine:
    shapes = {
        "bias": (1,),
        "linear": (values["feature_dim"],),
        "factors": (values["feature_dim"], values["num_factors"]),
    }

    def first(part: str) -> Any:
        method, shape = values[f"{part}_init_method"], shapes[part]
        if method == "constant":
            return np.full(shape, values[f"{part}_init_value"], np.float32)
        if method == "uniform":
            return ((2 * random.random(shape, np.float32) - 1) * values[f"{part}_init_scale"]).astype(np.float32)
        return random.standard_normal(shape, np.float32) * np.float32(values[f"{part}_init_sigma"])

    return Machine(*(first(part) for part in PARTS))


def _batches(count: int, size: int, random: Any) -> Iterator[Any]:
    """All rows once, in an order of chance."""
    order = random.permutation(count)
    return (order[start : start + size] for start in range(0, count, size))


def _squared(rows: Any) -> Any:
    return rows.multiply(rows) if sparse.issparse(rows) else rows**2
