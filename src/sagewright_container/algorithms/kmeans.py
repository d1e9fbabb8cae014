"""k-means as a built-in algorithm, on scikit-learn's.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("K-Means Hyperparameters", "K-Means
Response Formats"). AWS's image reads the data in one pass and refines a few more centers than asked for; here all rows
are in memory and Lloyd's algorithm runs on them, so `init_method`, `extra_center_factor`, `half_life_time_size`,
`epochs` and `mini_batch_size` have no effect. Both of `eval_metrics` are told, whichever were asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container.algorithms import content_types, quality
from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.fitted import Fitted, load, module, save
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number

_INITIAL = ("random", "kmeans++")
_TRIALS = 10  # what AWS's "auto" tries: the best of as many runs is kept


class KMeans:
    """See the module."""

    name = "kmeans"
    environment = "scikit-learn"
    repositories = ("kmeans",)
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = (
        integer("feature_dim", 1, required=True),
        integer("k", 2, required=True),
        choice("local_lloyd_init_method", *_INITIAL, default="kmeans++"),
        integer("local_lloyd_max_iter", 1, default=300),
        number("local_lloyd_tol", Range(0, 1), default=0.0001),
        Hyperparameter(name="local_lloyd_num_trials", kind="FreeText", default="auto"),
        choice("init_method", *_INITIAL, ignored=True, tunable=_INITIAL),
        Hyperparameter(name="eval_metrics", kind="FreeText", ignored=True),
        integer("mini_batch_size", 1, ignored=True, tunable=Range(3000, 15000)),
        Hyperparameter(name="extra_center_factor", kind="FreeText", ignored=True, tunable=Range(4, 10)),
        integer("half_life_time_size", 0, ignored=True),
        integer("epochs", 1, ignored=True, tunable=Range(1, 10)),
        Hyperparameter(name="force_dense", kind="FreeText", ignored=True),
    )
    channels: Sequence[Channel] = (
        Channel("train", content_types.RECORDS, content_types.DEFAULT, required=True, pipe=content_types.PIPE),
        Channel("test", content_types.RECORDS, content_types.DEFAULT, pipe=content_types.PIPE),
    )
    metrics: Sequence[Metric] = tuple(
        quality.metric(channel, name, maximize=False) for channel in ("test", "train") for name in ("msd", "ssd")
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """The number of trials is `auto` or a number."""
        trials = values["local_lloyd_num_trials"]
        if trials != "auto" and not (trials.isdigit() and int(trials)):
            raise ClientError(f"Hyperparameter local_lloyd_num_trials: {trials!r} is neither auto nor above 0.")

    def train(self, job: Job) -> None:
        """Cluster the channel `train`, tell the distances of its rows and of `test`'s, save the model."""
        tables = importlib.import_module("sagewright_container.algorithms.tables")
        values = job.hyperparameters
        rows = tables.features(job.inputs["train"], width=values["feature_dim"])
        if rows.shape[0] < values["k"]:
            raise ClientError(
                f"Hyperparameter k is {values['k']}, but channel train has {rows.shape[0]} rows only. Lower it."
            )
        cluster = module("cluster")
        trials = values["local_lloyd_num_trials"]
        fitted = cluster.KMeans(
            values["k"],
            init="k-means++" if values["local_lloyd_init_method"] == "kmeans++" else "random",
            n_init=_TRIALS if trials == "auto" else int(trials),
            max_iter=values["local_lloyd_max_iter"],
            tol=values["local_lloyd_tol"],
            random_state=0,
        ).fit(rows)
        _said(job, "train", float(fitted.inertia_), rows.shape[0])
        if "test" in job.inputs:
            test = tables.features(job.inputs["test"], width=values["feature_dim"])
            _said(job, "test", -float(fitted.score(test)), test.shape[0])
        save(fitted, job.model_dir)

    def load(self, model_dir: str) -> Clusters:
        """The centers."""
        return Clusters(load(model_dir))


def _said(job: Job, channel: str, squares: float, rows: int) -> None:
    """The distances of a channel's rows to their centers."""
    quality.said(job.current_host, channel, "msd", squares / rows)
    quality.said(job.current_host, channel, "ssd", squares)


class Clusters(Fitted):
    """Answers the closest center's number and the distance to it."""

    def predict(self, rows: Any) -> Mapping[str, Any]:
        """`closest_cluster` and `distance_to_cluster` of each row."""
        distances = self._fitted.transform(rows)
        return {"closest_cluster": distances.argmin(axis=1).astype(float), "distance_to_cluster": distances.min(axis=1)}


KMEANS = KMeans()
