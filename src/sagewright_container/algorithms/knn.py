"""k nearest neighbors as a built-in algorithm, on Faiss.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("k-NN Hyperparameters", "k-NN Request
and Response Formats"). `mini_batch_size` has no effect: all rows are in memory.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container.algorithms import content_types, quality
from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer

INDEX_FILE, LABELS_FILE, SETTINGS_FILE = "index.faiss", "labels.npy", "settings.json"
_PARTS = (1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96)  # that Faiss has product quantizers of


class Knn:
    """See the module."""

    name = "knn"
    environment = "knn"
    repositories = ("knn",)
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = (
        integer("feature_dim", 1, required=True),
        integer("k", 1, required=True, tunable=Range(1, 1024)),
        choice("predictor_type", "classifier", "regressor", required=True),
        integer("sample_size", 1, required=True, tunable=Range(256, 20_000_000)),
        choice("dimension_reduction_type", "sign", "fjlt"),
        integer("dimension_reduction_target", 1),
        choice("index_type", "faiss.Flat", "faiss.IVFFlat", "faiss.IVFPQ", default="faiss.Flat"),
        choice("index_metric", "L2", "INNER_PRODUCT", "COSINE", default="L2"),
        integer("faiss_index_ivf_nlists", 1, words=("auto",), default="auto"),
        Hyperparameter(name="faiss_index_pq_m", kind="Integer", choices=_PARTS),
        integer("mini_batch_size", 1, ignored=True),
    )
    channels: Sequence[Channel] = (
        Channel("train", content_types.RECORDS, content_types.DEFAULT, required=True, pipe=content_types.PIPE),
        Channel("test", content_types.RECORDS, content_types.DEFAULT, pipe=content_types.PIPE),
    )
    metrics: Sequence[Metric] = (
        quality.metric("test", "accuracy", maximize=True, what="score"),
        quality.metric("test", "mse", maximize=False),
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """A reduction has a target below feature_dim; product quantization knows L2 alone."""
        target, width = values.get("dimension_reduction_target"), values["feature_dim"]
        if ("dimension_reduction_type" in values) != (target is not None):
            raise ClientError(
                "dimension_reduction_type and dimension_reduction_target go together: give both, or none."
            )
        if target is not None and target >= width:
            raise ClientError(
                f"Hyperparameter dimension_reduction_target is {target}: it must be below feature_dim, {width}."
            )
        quantized = values["index_type"] == "faiss.IVFPQ"
        if quantized and values["index_metric"] != "L2":
            raise ClientError(f"index_metric {values['index_metric']} does not go with index_type faiss.IVFPQ: use L2.")
        if quantized and "faiss_index_pq_m" not in values:
            raise ClientError("index_type faiss.IVFPQ needs the hyperparameter faiss_index_pq_m.")
        if values["k"] > values["sample_size"]:
            raise ClientError(f"k is {values['k']}, but there are only sample_size neighbors: {values['sample_size']}.")

    def train(self, job: Job) -> None:
        """Index a sample of the channel `train`, save it, tell how good its answers of `test` are."""
        tables = importlib.import_module("sagewright_container.algorithms.tables")
        indexing = importlib.import_module("sagewright_container.algorithms.knn_index")
        values = job.hyperparameters
        rows, labels = indexing.sample(
            tables.labelled(job.inputs["train"], width=values["feature_dim"]), values["sample_size"]
        )
        if len(labels) < values["k"]:
            raise ClientError(
                f"Hyperparameter k is {values['k']}, but channel train has {len(labels)} rows only. Lower it."
            )
        indexing.save(indexing.built(rows, values), os.path.join(job.model_dir, INDEX_FILE))
        importlib.import_module("numpy").save(os.path.join(job.model_dir, LABELS_FILE), labels)
        with open(os.path.join(job.model_dir, SETTINGS_FILE), "w", encoding="utf-8") as file:
            json.dump({name: values[name] for name in ("k", "predictor_type", "index_metric")}, file)
        if "test" in job.inputs:
            test = tables.labelled(job.inputs["test"], width=values["feature_dim"])
            predicted = self.load(job.model_dir).predict(test.features)["predicted_label"]
            if values["predictor_type"] == "classifier":
                quality.said(job.current_host, "test", "accuracy", (predicted == test.label).mean(), what="score")
            else:
                quality.said(job.current_host, "test", "mse", ((predicted - test.label) ** 2).mean())

    def load(self, model_dir: str) -> Neighbors:
        """The index and its labels."""
        indexing = importlib.import_module("sagewright_container.algorithms.knn_index")
        with open(os.path.join(model_dir, SETTINGS_FILE), encoding="utf-8") as file:
            settings = json.load(file)
        labels = importlib.import_module("numpy").load(os.path.join(model_dir, LABELS_FILE))
        return Neighbors(indexing.Index(os.path.join(model_dir, INDEX_FILE)), labels, settings)


class Neighbors:
    """Answers what most of the nearest say, or their mean; asked for more, their distances and labels too.

    Distances are Euclidean; of the other metrics they are the similarities. The nearest comes first.
    """

    title = "predictions"

    def __init__(self, index: Any, labels: Any, settings: Mapping[str, Any]) -> None:
        self._numpy = importlib.import_module("numpy")
        self._index, self._labels, self._k = index, labels, settings["k"]
        self._euclidean = settings["index_metric"] == "L2"
        self._classes = self._ids = None
        if settings["predictor_type"] == "classifier":
            self._classes, self._ids = self._numpy.unique(labels, return_inverse=True)

    @property
    def width(self) -> int:
        """Columns of an indexed row."""
        return int(self._index.width)

    def predict(self, rows: Any) -> Mapping[str, Any]:
        """`predicted_label` of each row."""
        return {"predicted_label": self._said(self._index.nearest(rows, self._k)[1])}

    def verbose(self, rows: Any) -> Mapping[str, Any]:
        """The same with `distances` and `labels` of the neighbors."""
        distances, places = self._index.nearest(rows, self._k)
        if self._euclidean:
            distances = self._numpy.sqrt(self._numpy.maximum(distances, 0))
        return {"predicted_label": self._said(places), "distances": distances, "labels": self._labels[places]}

    def _said(self, places: Any) -> Any:
        if self._classes is None or self._ids is None:
            return self._labels[places].mean(axis=1)
        rows, classes = len(places), len(self._classes)
        cells = self._numpy.arange(rows)[:, None] * classes + self._ids[places]
        votes = self._numpy.bincount(cells.ravel(), minlength=rows * classes).reshape(rows, classes)
        return self._classes[votes.argmax(axis=1)]


KNN = Knn()
