"""Principal component analysis as a built-in algorithm, on scikit-learn's.

Hyperparameters, channels and answers are those of AWS's developer guide ("PCA Hyperparameters", "PCA Response
Formats"). `mini_batch_size` has no effect: all rows are in memory.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container.algorithms import content_types
from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.fitted import Fitted, load, module, save
from sagewright_container.algorithms.hyperparameters import Hyperparameter, choice, integer

_EXTRA = 10  # components that the randomized mode computes beside those asked for, at the least


class Pca:
    """See the module."""

    name = "pca"
    environment = "scikit-learn"
    repositories = ("pca",)
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = (
        integer("feature_dim", 1, required=True),
        integer("num_components", 1, required=True),
        integer("mini_batch_size", 1, ignored=True),
        choice("algorithm_mode", "regular", "randomized", default="regular"),
        integer("extra_components", -1, default=-1),
        choice("subtract_mean", "true", "false", "True", "False", default="true"),
    )
    channels: Sequence[Channel] = (
        Channel("train", content_types.RECORDS, content_types.DEFAULT, required=True, pipe=content_types.PIPE),
        Channel("test", content_types.RECORDS, content_types.DEFAULT, pipe=content_types.PIPE),
    )
    metrics: Sequence[Metric] = ()

    def check(self, values: Mapping[str, Any]) -> None:
        """There are no more components than features."""
        if values["num_components"] > values["feature_dim"]:
            raise ClientError(
                f"Hyperparameter num_components is {values['num_components']}, but rows have {values['feature_dim']} "
                "features only (feature_dim)."
            )

    def train(self, job: Job) -> None:
        """Find the components of the channel `train`, save them."""
        values = job.hyperparameters
        tables = importlib.import_module("sagewright_container.algorithms.tables")
        rows = tables.features(job.inputs["train"], width=values["feature_dim"])
        count = values["num_components"]
        if rows.shape[0] < count:
            raise ClientError(
                f"Hyperparameter num_components is {count}, but channel train has {rows.shape[0]} rows only. Lower it."
            )
        randomized = values["algorithm_mode"] == "randomized"
        extra = values["extra_components"]
        options = {
            "svd_solver" if values["subtract_mean"].lower() == "true" else "algorithm": _solver(values, randomized),
            "n_oversamples": max(_EXTRA, count) if extra < 0 else extra,
            "random_state": 0,
        }
        decomposition = module("decomposition")
        if values["subtract_mean"].lower() == "true":
            fitted = decomposition.PCA(count, **options).fit(rows)
        else:
            fitted = decomposition.TruncatedSVD(count, **options).fit(rows)
        save(fitted, job.model_dir)

    def load(self, model_dir: str) -> Projection:
        """The components."""
        return Projection(load(model_dir))


def _solver(values: Mapping[str, Any], randomized: bool) -> str:
    """scikit-learn's word for the way: with the mean subtracted it has an exact one for all shapes."""
    if values["subtract_mean"].lower() == "true":
        return "randomized" if randomized else "auto"
    return "randomized" if randomized else "arpack"


class Projection(Fitted):
    """Answers a row's coordinates along the components, the smallest first, as AWS's does."""

    title = "projections"

    def predict(self, rows: Any) -> Mapping[str, Any]:
        """`projection` of each row."""
        return {"projection": self._fitted.transform(rows)[:, ::-1]}


PCA = Pca()
