"""The boosting itself, round by round, with XGBoost loaded. Called by `xgboost.py` only.

The loop is our own rather than `xgboost.train`: a line per round in the form that AWS's metric definitions
match, the metrics that SageMaker adds, and an end between two rounds when the job is stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xgboost

from sagewright_container.algorithms import classification, tables
from sagewright_container.algorithms.base import Job
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.xgboost import MAXIMIZED

# What addresses this loop, and not the booster.
_OURS = ("num_round", "csv_weights", "early_stopping_rounds", "eval_metric", "_tuning_objective_metric")
_RENAMED = {("objective", "reg:linear"): "reg:squarederror", ("tree_method", "gpu_hist"): "hist"}

Scores = dict[str, float]  # "validation-rmse" → value, in the order they are printed


def train(job: Job) -> bytes:
    """The trained booster as UBJSON. Raises ClientError for data that the objective cannot learn from."""
    matrices = _matrices(job)
    try:
        return _boost(job, matrices)
    except xgboost.core.XGBoostError as error:
        # Its checks speak of labels out of range, of a single class, of parameters: the caller's to mend.
        reason = str(error).split("Stack trace:")[0].strip()
        raise ClientError(f"XGBoost could not train: {reason}") from error


def _matrices(job: Job) -> dict[str, Any]:
    weights = job.hyperparameters.get("csv_weights") == 1
    found = {
        name: tables.read(job.inputs[name], weights=weights and name == "train")
        for name in ("train", "validation")
        if name in job.inputs
    }
    width = max(table.features.shape[1] for table in found.values())
    for table in found.values():
        if hasattr(table.features, "tocsr"):  # a sparse part says its width only by its last column
            table.features.resize(table.features.shape[0], width)
        elif table.features.shape[1] != width:
            raise table.error(0, f"has {table.features.shape[1]} features, and rows of other channels {width}.")
        _check_labels(table, job.hyperparameters)
    if _classifies(job.hyperparameters) and len(np.unique(found["train"].label)) < 2:
        label = found["train"].label[0]
        raise ClientError(
            f"Channel train: all rows have the same label, {label:g}, so there is nothing to learn. Give rows of "
            "another class too."
        )
    for name, table in found.items():
        print(f"{name.capitalize()} matrix: {table.features.shape[0]} rows, {width} columns", flush=True)
    return {
        name: xgboost.DMatrix(table.features, label=table.label, weight=table.weight, qid=table.query, nthread=-1)
        for name, table in found.items()
    }


def _classifies(values: Mapping[str, Any]) -> bool:
    return str(values.get("objective", "")).startswith(("binary:", "multi:"))


def _check_labels(table: tables.Table, values: Mapping[str, Any]) -> None:
    """Labels of classes are those that there are. Raises ClientError."""
    if not _classifies(values):
        return
    count, objective, label = values.get("num_class", 2), values["objective"], table.label
    whole = objective.startswith("multi:") or objective == "binary:hinge"
    bad = np.flatnonzero((label < 0) | (label > count - 1) | (whole & (label != np.floor(label))))
    if len(bad):
        known = f"labels of {objective} are from 0 to {count - 1}"
        remedy = "Change it, or num_class." if objective.startswith("multi:") else "Change it, or the objective."
        raise table.error(int(bad[0]), f"has the label {label[bad[0]]:g}: {known}. {remedy}")


def _boost(job: Job, matrices: dict[str, Any]) -> bytes:
    values = job.hyperparameters
    builtin, custom = _metrics(values)
    booster = xgboost.Booster(_parameters(values, builtin), list(matrices.values()))
    evals = [(matrix, name) for name, matrix in matrices.items()]
    evaluate = _custom(custom, values.get("objective", "reg:squarederror")) if custom else None
    patience = _Patience(values.get("early_stopping_rounds"), _tuned(values))
    for number in range(values["num_round"]):
        booster.update(matrices["train"], number)
        scores = _scores(booster.eval_set(evals, number, feval=evaluate, output_margin=False))
        columns = (f"{name}:{value:.5f}" for name, value in scores.items())
        print(f"[{number}]", *columns, sep="\t", flush=True)
        if job.stopping:
            print(f"Stopped after round {number}", flush=True)
            break
        if "validation" in matrices and patience.is_over(number, scores):
            print(f"Stopping. Best iteration: [{patience.best_round}]", flush=True)
            break
    if patience.best_round is not None:
        booster = booster[: patience.best_round + 1]
    return bytes(booster.save_raw("ubj"))


def _parameters(values: dict[str, Any], metrics: list[str]) -> dict[str, Any]:
    own = {name: value for name, value in values.items() if name not in _OURS}
    chosen = {name: _RENAMED.get((name, str(value)), value) for name, value in own.items()}
    if isinstance(chosen.get("updater"), list):
        chosen["updater"] = ",".join(chosen["updater"])
    if metrics:
        chosen["eval_metric"] = metrics
    return chosen


def _metrics(values: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What to evaluate: XGBoost's own metrics, and ours."""
    asked = list(values.get("eval_metric", []))
    tuned = _tuned(values)
    if tuned and tuned not in asked:
        asked.append(tuned)
    ours = {**classification.OF_CLASSES, **classification.OF_VALUES}
    return [name for name in asked if name not in ours], [name for name in asked if name in ours]


def _tuned(values: dict[str, Any]) -> str:
    """The metric that a tuner looks for, without its channel; empty without a tuner."""
    return str(values.get("_tuning_objective_metric", "")).rpartition(":")[2]


def _custom(names: list[str], objective: str) -> Callable[[Any, Any], list[tuple[str, float]]]:
    """SageMaker's extra metrics as XGBoost wants them: (predictions, matrix) → names with values."""

    def evaluate(predictions: Any, matrix: Any) -> list[tuple[str, float]]:
        labels = matrix.get_label()
        values = np.asarray(predictions)
        predicted = classification.classes(values, objective)
        return [
            (name, classification.OF_CLASSES[name](labels, predicted))
            if name in classification.OF_CLASSES
            else (name, classification.OF_VALUES[name](labels, values))
            for name in names
        ]

    return evaluate


def _scores(line: str) -> Scores:
    """XGBoost's own line, `[0]\\ttrain-rmse:1.5\\t…`, taken apart."""
    pairs = (cell.rpartition(":") for cell in line.split("\t")[1:])
    return {name: float(value) for name, _, value in pairs}


class _Patience:
    """Early stopping on the validation data: by the tuner's metric, else by the last one, as AWS's image does."""

    def __init__(self, rounds: int | None, tuned: str) -> None:
        self._rounds = rounds
        self._tuned = f"validation-{tuned}"
        self._best: float | None = None
        self.best_round: int | None = None

    def is_over(self, number: int, scores: Scores) -> bool:
        """Whether the metric has not got better for as many rounds as asked."""
        if self._rounds is None:
            return False
        watched = [key for key in scores if key.startswith("validation-")]
        name = self._tuned if self._tuned in watched else watched[-1]
        value = scores[name]
        if name.removeprefix("validation-").partition("@")[0] in MAXIMIZED:
            value = -value
        if self._best is None or value < self._best:
            self._best, self.best_round = value, number
        return number - (self.best_round or 0) >= self._rounds
