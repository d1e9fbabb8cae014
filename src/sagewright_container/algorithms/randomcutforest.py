"""Random Cut Forest as a built-in algorithm: finds rows that are unlike the rest. The trees are in `cut_trees.py`.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("RCF Hyperparameters", "RCF Response
Formats"). A test row counts as an anomaly when its score lies three standard deviations above the mean of the training
rows' scores, which is what AWS recommends to its users.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sagewright_container.algorithms import content_types, quality
from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, integer

MODEL_FILE = "model.npz"
_ACCURACY, _FSCORE = "accuracy", "precision_recall_fscore"
_MEASURED = (_ACCURACY, "f1", "precision", "recall", "negative_f1", "negative_precision", "negative_recall")
_DEVIATIONS = 3.0
_SCORED = 2000  # training rows that are scored to know what is usual


class RandomCutForest:
    """See the module."""

    name = "randomcutforest"
    environment = "scikit-learn"
    repositories = ("randomcutforest",)
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = (
        integer("feature_dim", 1, 10000, required=True),
        Hyperparameter(name="eval_metrics", kind="FreeText", default=json.dumps([_ACCURACY, _FSCORE])),
        integer("num_samples_per_tree", 1, 2048, default=256, tunable=Range(1, 2048)),
        integer("num_trees", 50, 1000, default=100, tunable=Range(50, 1000)),
        integer("mini_batch_size", 1, ignored=True),  # the SDK's class sends it
    )
    channels: Sequence[Channel] = (
        Channel("train", content_types.RECORDS, content_types.DEFAULT, required=True, pipe=content_types.PIPE),
        Channel("test", content_types.RECORDS, content_types.DEFAULT, pipe=content_types.PIPE),
    )
    metrics: Sequence[Metric] = tuple(quality.metric("test", name, maximize=True, what="score") for name in _MEASURED)

    def check(self, values: Mapping[str, Any]) -> None:
        """`eval_metrics` lists names that there are."""
        _wanted(values)

    def train(self, job: Job) -> None:
        """Grow trees on rows of the channel `train`, measure them on `test`'s labels, save the forest."""
        tables = importlib.import_module("sagewright_container.algorithms.tables")
        cut_trees = importlib.import_module("sagewright_container.algorithms.cut_trees")
        values = job.hyperparameters
        rows = tables.features(job.inputs["train"], width=values["feature_dim"])
        forest = cut_trees.grow(rows, values["num_trees"], values["num_samples_per_tree"], seed=0)
        forest.save(os.path.join(job.model_dir, MODEL_FILE))
        if "test" in job.inputs:
            usual = forest.scores(_dense(rows[:: max(1, rows.shape[0] // _SCORED)][:_SCORED]))
            self._measure(job, forest, usual.mean() + _DEVIATIONS * usual.std())

    def _measure(self, job: Job, forest: Any, limit: float) -> None:
        rows, anomalous = _labelled(job)
        found = forest.scores(_dense(rows)) > limit
        wanted = _wanted(job.hyperparameters)
        told: dict[str, float] = {}
        if _ACCURACY in wanted:
            told[_ACCURACY] = float((found == anomalous).mean())
        if _FSCORE in wanted:
            told |= _shares(found, anomalous, "") | _shares(~found, ~anomalous, "negative_")
        for name, value in told.items():
            quality.said(job.current_host, "test", name, value, what="score")

    def load(self, model_dir: str) -> Scores:
        """The forest."""
        cut_trees = importlib.import_module("sagewright_container.algorithms.cut_trees")
        return Scores(cut_trees.load(os.path.join(model_dir, MODEL_FILE)))


def _wanted(values: Mapping[str, Any]) -> set[str]:
    """The metrics asked for: a JSON list, or words with commas between them."""
    text = values["eval_metrics"]
    try:
        names = json.loads(text) if text.startswith("[") else [name.strip() for name in text.split(",")]
    except ValueError:
        names = None
    if not isinstance(names, list) or not set(map(str, names)) <= {_ACCURACY, _FSCORE}:
        raise ClientError(f"Hyperparameter eval_metrics: {text} is no list of {_ACCURACY} and {_FSCORE}.")
    return set(names)


def _labelled(job: Job) -> tuple[Any, Any]:
    """Rows of the channel `test`, and whether each is an anomaly: label 1, not 0."""
    tables = importlib.import_module("sagewright_container.algorithms.tables")
    table = tables.labelled(job.inputs["test"], width=job.hyperparameters["feature_dim"])
    bad = np.flatnonzero((table.label != 0) & (table.label != 1))
    if len(bad):
        raise table.error(
            int(bad[0]), f"has the label {table.label[bad[0]]:g}: write 0 for what is as usual, 1 for an anomaly."
        )
    return table.features, table.label == 1


def _shares(found: Any, true: Any, prefix: str) -> dict[str, float]:
    right = float((found & true).sum())
    precision = right / max(1, int(found.sum()))
    recall = right / max(1, int(true.sum()))
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return {f"{prefix}precision": precision, f"{prefix}recall": recall, f"{prefix}f1": f1}


def _dense(rows: Any) -> Any:
    return rows.toarray() if hasattr(rows, "toarray") else rows


class Scores:
    """Answers how anomalous a row is: about 1 for a usual one, more for others."""

    title = "scores"

    def __init__(self, forest: Any) -> None:
        self._forest = forest

    @property
    def width(self) -> int:
        """Features of a row."""
        return int(self._forest.width)

    def predict(self, rows: Any) -> Mapping[str, Any]:
        """`score` of each row."""
        dense = _dense(rows)
        if not np.isfinite(dense).all():
            raise ClientError("a feature is missing, or no finite number.")
        return {"score": self._forest.scores(dense)}


RANDOM_CUT_FOREST = RandomCutForest()
