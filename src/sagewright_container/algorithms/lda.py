"""Latent Dirichlet allocation as a built-in algorithm, on scikit-learn's variational inference.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("LDA Hyperparameters"). AWS's image
decomposes a tensor of moments; `max_restarts` and `mini_batch_size` belong to that and have no effect here.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container.algorithms import content_types, quality
from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.fitted import Fitted, load, module, save
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, integer, number


class Lda:
    """See the module."""

    name = "lda"
    environment = "scikit-learn"
    repositories = ("lda",)
    parallel = False
    hyperparameters: Sequence[Hyperparameter] = (
        integer("num_topics", 1, required=True, tunable=Range(1, 150)),
        integer("feature_dim", 1, required=True),
        integer("mini_batch_size", 1, ignored=True),
        number("alpha0", Range(0, None, low_open=True), default=1.0, tunable=Range(0.1, 10)),
        integer("max_restarts", 1, ignored=True),
        integer("max_iterations", 1, default=1000),
        number("tol", Range(0, None, low_open=True), default=1e-8),
    )
    channels: Sequence[Channel] = (
        Channel("train", content_types.RECORDS, content_types.DEFAULT, required=True, pipe=content_types.PIPE),
        Channel("test", content_types.RECORDS, content_types.DEFAULT, pipe=content_types.PIPE),
    )
    metrics: Sequence[Metric] = (quality.metric("test", "pwll", maximize=True, what="score"),)

    def check(self, values: Mapping[str, Any]) -> None:
        """Any go together."""

    def train(self, job: Job) -> None:
        """Find the topics of the channel `train`; tell the log likelihood of a word of `test`; save the model."""
        values = job.hyperparameters
        counts = _counts(job, "train")
        topics = values["num_topics"]
        fitted = (
            module("decomposition")
            .LatentDirichletAllocation(
                topics,
                doc_topic_prior=values["alpha0"] / topics,
                max_iter=values["max_iterations"],
                mean_change_tol=max(values["tol"], 1e-3),
                perp_tol=1e-3,
                evaluate_every=5,
                learning_method="batch",
                random_state=0,
            )
            .fit(counts)
        )
        if "test" in job.inputs:
            some = _counts(job, "test")
            quality.said(job.current_host, "test", "pwll", fitted.score(some) / max(some.sum(), 1), what="score")
        save(fitted, job.model_dir)

    def load(self, model_dir: str) -> Topics:
        """The topics."""
        return Topics(load(model_dir))


def _counts(job: Job, name: str) -> Any:
    tables = importlib.import_module("sagewright_container.algorithms.tables")
    return tables.counts(job.inputs[name], width=job.hyperparameters["feature_dim"])


class Topics(Fitted):
    """Answers how much of each topic is in a document."""

    def predict(self, rows: Any) -> Mapping[str, Any]:
        """`topic_mixture` of each row."""
        if rows.shape[0] and rows.min() < 0:
            raise ClientError("A count of words is negative.")
        return {"topic_mixture": self._fitted.transform(rows)}


LDA = Lda()
