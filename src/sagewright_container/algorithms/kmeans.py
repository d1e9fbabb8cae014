"""k-means as a built-in algorithm, on scikit-learn's.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("K-Means Hyperparameters", "K-Means
Response Formats"). AWS's image reads the data in one pass and refines a few more centers than asked for; here all rows
are in memory and Lloyd's algorithm runs on them, so `extra_center_factor`, `half_life_time_size`, `epochs` and
`mini_batch_size` have no effect.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container.algorithms import quality, tables
from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number

MODEL_FILE = "model.joblib"
MOST_CLUSTERS = 10_000


class KMeans:
    """See the module."""

    name = "kmeans"
    environment = "scikit-learn"
    repositories = ("kmeans",)
    hyperparameters: Sequence[Hyperparameter] = (
        integer("feature_dim", 1, required=True),
        integer("k", 2, MOST_CLUSTERS, required=True),
        choice("init_method", "random", "kmeans++", default="random", tunable=True),
        choice("local_lloyd_init_method", "random", "kmeans++", default="kmeans++"),
        integer("local_lloyd_max_iter", 1, default=300),
        number("local_lloyd_tol", Range(0, 1), default=0.0001),
        Hyperparameter(name="local_lloyd_num_trials", kind="FreeText", default="auto"),
        Hyperparameter(name="eval_metrics", kind="FreeText", default='["msd"]'),
        integer("mini_batch_size", 1, ignored=True, tunable=Range(3000, 15000)),
        Hyperparameter(name="extra_center_factor", kind="FreeText", ignored=True, tunable=Range(4, 10)),
        integer("half_life_time_size", 0, ignored=True),
        integer("epochs", 1, ignored=True),
        Hyperparameter(name="force_dense", kind="FreeText", ignored=True),
    )
    channels: Sequence[Channel] = (
        Channel("train", tables.CONTENT_TYPES, "application/x-recordio-protobuf", True, tables.PIPE_CONTENT_TYPES),
        Channel("test", tables.CONTENT_TYPES, "application/x-recordio-protobuf", False, tables.PIPE_CONTENT_TYPES),
    )
    metrics: Sequence[Metric] = tuple(
        quality.metric(channel, name, maximize=False) for channel in ("test", "train") for name in ("msd", "ssd")
    )
