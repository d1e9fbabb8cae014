"""Train linear models on a job's channels and choose the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sagewright_container.algorithms import linear_losses, linear_measures, linear_solver, quality, tables
from sagewright_container.algorithms.base import Job
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.linear_learner import BINARY, LOSSES, MULTICLASS, REGRESSOR, TUNED, Linear
from sagewright_container.algorithms.linear_model import Weights

_MODELS = 4  # what `auto` trains where a validation channel can choose among them


@dataclass
class Scale:
    """How data are normalised: columns by `shift` and `scale`, labels by `label_shift` and `label_scale`."""

    shift: Any
    scale: Any
    label_shift: float
    label_scale: float

    def rows(self, rows: Any) -> Any:
        """Normalised rows: a new array, or CSR matrix."""
        if hasattr(rows, "tocsr"):
            scaled = rows.tocsr(copy=True)
            scaled.data = scaled.data / self.scale[scaled.indices]
            return scaled
        if not self.shift.any() and (self.scale == 1).all():
            return rows
        return (rows - self.shift) / self.scale

    def undone(self, weights: Weights) -> Weights:
        """The same function of the data as they were."""
        matrix = weights.matrix / self.scale
        bias = weights.bias - matrix @ self.shift
        return Weights(matrix * self.label_scale, bias * self.label_scale + self.label_shift)


def train(job: Job) -> dict[str, Any]:
    """What is saved: the arrays of `Linear`."""
    values, host = job.hyperparameters, job.current_host
    kind = values["predictor_type"]
    name = LOSSES[kind][0] if values["loss"] == "auto" else values["loss"]
    data = {"train": _read(job, "train")}
    if kind != REGRESSOR and len(np.unique(data["train"].label)) < 2:
        raise ClientError(
            f"Channel train: all rows have the same label, {data['train'].label[0]:g}, so there is nothing to learn. "
            "Give rows of another class too."
        )
    width = data["train"].features.shape[1]
    data |= {each: _read(job, each, width) for each in ("validation", "test") if each in job.inputs}
    judged = data.get("validation", data["train"])
    saved: dict[str, Any] = {}
    best = -np.inf
    for weights in _models(job, data, name):
        candidate, worth = _judged(weights, judged, values, name)
        if worth > best:
            saved, best = candidate, worth
        if job.stopping:
            break
    for each in ("train", "validation", "test"):
        if each in data:
            for measure, value in _measured(saved, data[each], values, name).items():
                what = "loss" if measure == "objective_loss" else "score"
                quality.said(host, each, measure, value, what=what)
    return saved


def _read(job: Job, channel: str, width: int | None = None) -> tables.Table:
    values = job.hyperparameters
    given = None if values["feature_dim"] == "auto" else values["feature_dim"]
    table = tables.labelled(job.inputs[channel], width=given or width)
    kind, labels = values["predictor_type"], table.label
    if kind == REGRESSOR:
        return table
    count = 2 if kind == BINARY else values["num_classes"]
    bad = np.flatnonzero((labels < 0) | (labels >= count) | (labels != np.floor(labels)))
    if len(bad):
        remedy = "Change it, or num_classes." if kind == MULTICLASS else "Change it, or predictor_type."
        whole = f"a {kind}'s labels are whole numbers from 0 to {count - 1}"
        raise table.error(int(bad[0]), f"has the label {labels[bad[0]]:g}: {whole}. {remedy}")
    return table


def _models(job: Job, data: Mapping[str, tables.Table], name: str) -> Any:
    """The weights of each model that the job asks for, the one with the hyperparameters as given first."""
    values, table = job.hyperparameters, data["train"]
    scale = _scale(table, values)
    labels = (table.label - scale.label_shift) / scale.label_scale
    outputs = values["num_classes"] if values["predictor_type"] == MULTICLASS else 1
    weights = _row_weights(table.label, values)
    problem = linear_solver.Problem(scale.rows(table.features), labels, weights, outputs, _biased(values))
    loss = linear_losses.of(name, values, unit=scale.label_scale)
    start = Weights(np.zeros((outputs, table.features.shape[1])), np.zeros(outputs))
    count = 1 if TUNED in values else values["num_models"]
    if count == "auto":
        count = _MODELS if "validation" in data else 1
    multiple = 0.0 if values["bias_wd_mult"] == "auto" else values["bias_wd_mult"]
    equations = linear_solver.normal_equations(problem) if name == "squared_loss" else None
    for wd, l1 in _penalties(values, len(labels), count):
        told = _Progress(job, data, name, scale)
        if equations is not None and not l1:
            found = equations.minimum(wd, wd * multiple)
        else:
            found = linear_solver.minimise(
                problem, loss, start, wd=wd, l1=l1, bias_wd=wd * multiple, epochs=values["epochs"], told=told
            )
        start = found  # the next is not far
        yield scale.undone(found)


def _penalties(values: Mapping[str, Any], rows: int, count: int) -> list[tuple[float, float]]:
    """(wd, l1) of each model: as given, then ten times, a tenth, a hundred times … as much."""
    wd = 1 / rows if values["wd"] == "auto" else values["wd"]
    l1 = 0.0 if values["l1"] == "auto" else values["l1"]
    factors = [10.0 ** ((each + 1) // 2 * (1 if each % 2 else -1)) for each in range(count)]
    return [(wd, l1), *((factor * (wd or 1 / rows), factor * l1) for factor in factors[1:])]


def _scale(table: tables.Table, values: Mapping[str, Any]) -> Scale:
    def wanted(name: str, auto: bool) -> bool:
        said = values[name].lower()
        return auto if said == "auto" else bool(said == "true")

    rows, labels, biased = table.features, table.label, _biased(values)
    regressor = values["predictor_type"] == REGRESSOR
    width = rows.shape[1]
    shift, scale = np.zeros(width, np.float32), np.ones(width, np.float32)
    if hasattr(rows, "tocsr"):  # sparse rows are not shifted: they would be sparse no more
        if wanted("normalize_data", True):
            squares = np.asarray(rows.multiply(rows).mean(axis=0)).ravel()
            scale = np.sqrt(squares, dtype=np.float32)
    else:
        if biased and wanted("unbias_data", True):
            shift = rows.mean(axis=0, dtype=float).astype(np.float32)
        if wanted("normalize_data", True):
            scale = rows.std(axis=0, dtype=float).astype(np.float32)
    scale[scale == 0] = 1
    label_shift = float(labels.mean()) if regressor and biased and wanted("unbias_label", True) else 0.0
    label_scale = float(labels.std()) if regressor and wanted("normalize_label", True) else 1.0
    return Scale(shift, scale, label_shift, label_scale or 1.0)


def _biased(values: Mapping[str, Any]) -> bool:
    return bool(values["use_bias"].lower() == "true")


def _row_weights(labels: Any, values: Mapping[str, Any]) -> Any:
    weights = np.ones(len(labels))
    if values["predictor_type"] == BINARY:
        given, positive = values["positive_example_weight_mult"], labels == 1
        weights[positive] = (~positive).sum() / positive.sum() if given in ("balanced", "auto") else given
    elif values["predictor_type"] == MULTICLASS and values["balance_multiclass_weights"].lower() == "true":
        weights = 1 / np.bincount(labels.astype(int))[labels.astype(int)]
    return weights


class _Progress:
    """Tells each epoch's loss, and stops when the watched one has not become better for long enough."""

    def __init__(self, job: Job, data: Mapping[str, tables.Table], name: str, scale: Scale) -> None:
        self._job, self._data, self._scale = job, data, scale
        self._loss = linear_losses.of(name, job.hyperparameters)
        self._best, self._waited = np.inf, 0

    def __call__(self, epoch: int, weights: Weights) -> bool:
        undone = self._scale.undone(weights)
        losses = {}
        for channel in ("train", "validation"):
            if channel in self._data:
                table = self._data[channel]
                losses[channel] = float(np.mean(self._loss(undone.outputs(table.features), table.label)[0]))
                quality.said(self._job.current_host, channel, "objective_loss", losses[channel], epoch=epoch)
        watched, values = losses.get("validation", losses["train"]), self._job.hyperparameters
        better = np.isinf(self._best) or self._best - watched > values["early_stopping_tolerance"] * abs(self._best)
        self._waited = 0 if better else self._waited + 1
        self._best = min(self._best, watched)
        return self._job.stopping or self._waited >= values["early_stopping_patience"]


def _judged(
    weights: Weights, table: tables.Table, values: Mapping[str, Any], name: str
) -> tuple[dict[str, Any], float]:
    """What is saved of a model, and how good it is: more is better."""
    saved = {
        "weights": weights.matrix.astype(np.float32),
        "bias": weights.bias.astype(np.float32),
        "threshold": np.float32(0.0 if name == "hinge_loss" else 0.5),
        "loss": np.array(name),
    }
    if values["predictor_type"] != BINARY:
        return saved, -_loss(saved, table, values, name)
    if values["binary_classifier_model_selection_criteria"] in ("loss_function", "cross_entropy_loss"):
        return saved, -_loss(saved, table, values, name)
    count = values["num_calibration_samples"]
    calibrated = slice(None if count == "auto" else count)
    scores = Linear(saved).scores(table.features[calibrated])
    threshold, worth = linear_measures.best_threshold(table.label[calibrated], scores, values)
    saved["threshold"] = np.float32(threshold)
    return saved, worth


def _loss(saved: Mapping[str, Any], table: tables.Table, values: Mapping[str, Any], name: str) -> float:
    outputs = Weights(saved["weights"], saved["bias"]).outputs(table.features)
    return float(np.mean(linear_losses.of(name, values)(outputs, table.label)[0]))


def _measured(saved: Mapping[str, Any], table: tables.Table, values: Mapping[str, Any], name: str) -> dict[str, float]:
    scores, kind = Linear(saved).scores(table.features), values["predictor_type"]
    measured = {"objective_loss": _loss(saved, table, values, name)}
    if kind == REGRESSOR:
        return {**measured, **linear_measures.regression(table.label, scores)}
    if kind == BINARY:
        threshold = float(saved["threshold"])
        return {**measured, **linear_measures.binary(table.label, scores, threshold, values["f_beta"])}
    top, beta = values["accuracy_top_k"], values["f_beta"]
    return {**measured, **linear_measures.multiclass(table.label, scores, top, beta)}
