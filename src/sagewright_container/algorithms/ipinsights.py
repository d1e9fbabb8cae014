"""IP Insights as a built-in algorithm, on PyTorch: how well an IPv4 address goes with an entity that uses it.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("IP Insights Hyperparameters", "IP
Insights Data Formats"). The network is in `ip_embeddings.py`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container import eager
from sagewright_container.algorithms import content_types, quality
from sagewright_container.algorithms.base import Channel, Job, Metric, Model
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, integer, number

MODEL_FILE = "model.pt"
_CSV = {"text/csv": content_types.CSV, "csv": content_types.CSV}


class IpInsights:
    """See the module."""

    name = "ipinsights"
    environment = "pytorch"
    repositories = ("ipinsights",)
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = (
        integer("num_entity_vectors", 1, 250000000, required=True, tunable=Range(10000, 1000000)),
        integer("vector_dim", 4, 4096, required=True, tunable=Range(8, 256)),
        integer("batch_metrics_publish_interval", 1, default=1000),
        integer("epochs", 1, default=10, tunable=Range(1, 100)),
        number("learning_rate", Range(1e-6, 10), default=0.001, tunable=Range(1e-4, 0.1)),
        integer("mini_batch_size", 1, 500000, default=10000, tunable=Range(100, 50000)),
        integer("num_ip_encoder_layers", 0, 100, default=1, tunable=Range(1, 10)),
        integer("random_negative_sampling_rate", 0, 500, default=1, tunable=Range(0, 10)),
        integer("shuffled_negative_sampling_rate", 0, 500, default=1, tunable=Range(0, 10)),
        number("weight_decay", Range(0, 10), default=0.00001, tunable=Range(0, 1)),
        integer("feature_dim", 1, ignored=True),  # the SDK's class sends it
    )
    channels: Sequence[Channel] = (
        Channel("train", _CSV, "text/csv", required=True),
        Channel("validation", _CSV, "text/csv"),
    )
    metrics: Sequence[Metric] = (
        quality.metric("validation", "discriminator_auc", maximize=True, what="score"),
        quality.metric("train", "loss", maximize=False),
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """Without pairs that do not belong together nothing is learned; AWS takes 500 for each that does."""
        rates = values["random_negative_sampling_rate"] + values["shuffled_negative_sampling_rate"]
        if not 1 <= rates <= 500:
            raise ClientError(
                "Hyperparameters random_negative_sampling_rate and shuffled_negative_sampling_rate: their sum is "
                f"{rates}, and must be from 1 to 500."
            )

    def train(self, job: Job) -> None:
        """Learn from the pairs of the channel `train`, measure on `validation` after each epoch, save the network."""
        pairs = importlib.import_module("sagewright_container.algorithms.ip_pairs")
        values = job.hyperparameters
        count = values["num_entity_vectors"]
        train = pairs.read(job.inputs["train"], count)
        held_out = pairs.read(job.inputs["validation"], count) if "validation" in job.inputs else None
        eager.torch()
        embeddings = importlib.import_module("sagewright_container.algorithms.ip_embeddings")
        network = embeddings.network(count, values["vector_dim"], values["num_ip_encoder_layers"], seed=0)
        for epoch, loss in enumerate(embeddings.epochs(network, train, values)):
            quality.said(job.current_host, "train", "loss", loss, epoch=epoch)
            if held_out is not None:
                score = embeddings.discriminator_auc(network, held_out)
                quality.said(job.current_host, "validation", "discriminator_auc", score, epoch=epoch, what="score")
            if job.stopping:
                break
        embeddings.save(network, os.path.join(job.model_dir, MODEL_FILE))

    def load(self, model_dir: str) -> Model:
        """Not this way: its requests are pairs of words (`handler`)."""
        raise NotImplementedError(model_dir)

    def handler(self, model_dir: str) -> Any:
        """Answers pairs of an entity and an address."""
        serving = importlib.import_module("sagewright_container.serving.ip_algorithm")
        embeddings = importlib.import_module("sagewright_container.algorithms.ip_embeddings")
        return serving.PairHandler(embeddings.load(os.path.join(model_dir, MODEL_FILE)))


IP_INSIGHTS = IpInsights()
