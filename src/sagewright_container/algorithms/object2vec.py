"""Object2Vec as a built-in algorithm: two encoders, a comparator and a multilayer perceptron, on PyTorch.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("Object2Vec Hyperparameters", "Data
Formats for Object2Vec Inference"). Batches are as wide as their longest sequence, so buckets have no effect.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sagewright_container import eager
from sagewright_container.algorithms import quality
from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number

JSON_LINES = {"application/jsonlines": "jsonlines", "jsonlines": "jsonlines"}
ANYTHING = dict.fromkeys(("application/json", "text/plain", "application/x-text", *JSON_LINES), "files")
NETWORKS = ("hcnn", "bilstm", "pooled_embedding")
COMPARATORS = ("hadamard", "concat", "abs_diff")
OPTIMIZERS = ("adadelta", "adagrad", "adam", "sgd", "rmsprop")
SPARSE_OPTIMIZERS = ("adagrad", "adam", "sgd")
ROW_SPARSE = "row_sparse"
LAYERS = {"hcnn": 4, "bilstm": 1, "pooled_embedding": 0}
"""What `auto` means."""
_BOOL = ("True", "False", "true", "false")


def _encoder(name: str, **more: Any) -> Iterator[Hyperparameter]:
    """The hyperparameters of an encoder. Those of enc1 that are not given are those of enc0."""
    first = name == "enc0"
    yield integer(f"{name}_max_seq_len", 1, 5000, required=first)
    yield integer(f"{name}_vocab_size", 2, 3_000_000, required=first)
    yield choice(f"{name}_network", *(NETWORKS if first else ("enc0", *NETWORKS)), default="hcnn" if first else "enc0")
    yield integer(f"{name}_cnn_filter_width", 1, 9, tunable=Range(1, 5), **({"default": 3} if first else {}))
    yield choice(f"{name}_freeze_pretrained_embedding", *_BOOL, default="True")
    yield choice(f"{name}_layers", "auto", "1", "2", "3", "4", **({"default": "auto"} if first else {}))
    yield Hyperparameter(name=f"{name}_pretrained_embedding_file", kind="FreeText", default="")
    yield integer(f"{name}_token_embedding_dim", 2, 1000, tunable=Range(5, 300), **({"default": 300} if first else {}))
    yield Hyperparameter(name=f"{name}_vocab_file", kind="FreeText", default="")


class Object2Vec:
    """See the module."""

    name = "object2vec"
    environment = "pytorch"
    repositories = ("object2vec",)
    parallel = False
    hyperparameters: Sequence[Hyperparameter] = (
        *_encoder("enc0"),
        *_encoder("enc1"),
        Hyperparameter(name="comparator_list", kind="List", choices=COMPARATORS, default=list(COMPARATORS)),
        number("dropout", Range(0, 1), default=0.0, tunable=Range(0, 1)),
        integer("early_stopping_patience", 1, 5, default=3, tunable=Range(1, 5)),
        number("early_stopping_tolerance", Range(1e-6, 0.1), default=0.01, tunable=Range(0.001, 0.1)),
        integer("enc_dim", 4, 10_000, default=4096, tunable=Range(4, 4096)),
        integer("epochs", 1, 100, default=30, tunable=Range(4, 20)),
        number("learning_rate", Range(1e-6, 1), default=0.0004, tunable=Range(1e-6, 1)),
        integer("mini_batch_size", 1, 10_000, default=32, tunable=Range(1, 8192)),
        choice("mlp_activation", "tanh", "relu", "linear", default="linear", tunable=("tanh", "relu", "linear")),
        integer("mlp_dim", 2, 10_000, default=512, tunable=Range(16, 1024)),
        integer("mlp_layers", 0, 10, default=2, tunable=Range(1, 4)),
        integer("negative_sampling_rate", 0, default=0),
        integer("num_classes", 2, 30, default=2),
        choice("optimizer", *OPTIMIZERS, default="adam", tunable=OPTIMIZERS),
        choice("output_layer", "softmax", "mean_squared_error", default="softmax"),
        choice("tied_token_embedding_weight", *_BOOL, default="False"),
        choice("token_embedding_storage_type", "dense", ROW_SPARSE, default="dense"),
        number("weight_decay", Range(0, 10_000), default=0.0, tunable=Range(0, 1)),
        integer("bucket_width", 0, 100, ignored=True),
        integer("feature_dim", 1, ignored=True),
        *(
            Hyperparameter(name=name, kind="FreeText", ignored=True)
            for name in ("_kvstore", "_num_gpus", "_num_kv_servers")
        ),
    )
    channels: Sequence[Channel] = (
        *(
            Channel(name, JSON_LINES, "application/jsonlines", required=name == "train")
            for name in ("train", "validation", "test")
        ),
        Channel("auxiliary", ANYTHING, "text/plain"),
    )
    metrics: Sequence[Metric] = tuple(
        quality.metric(channel, name, maximize=name == "accuracy", what="score" if name == "accuracy" else "loss")
        for channel in ("test", "validation")
        for name in ("accuracy", "cross_entropy", "mean_squared_error")
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """Both encoders answer vectors of one length, and what is shared can be."""
        first, second = encoder(values, "enc0"), encoder(values, "enc1")
        widths = [width(each, values["enc_dim"]) for each in (first, second)]
        if widths[0] != widths[1]:
            raise ClientError(
                f"The encodings of enc0 have {widths[0]} dimensions, those of enc1 {widths[1]}: "
                "make them equal with enc_dim, enc0_token_embedding_dim and enc1_token_embedding_dim."
            )
        if true(values["tied_token_embedding_weight"]):
            for name in ("vocab_size", "token_embedding_dim"):
                if first[name] != second[name]:
                    raise ClientError(
                        f"Hyperparameter tied_token_embedding_weight needs enc0_{name} and enc1_{name} equal."
                    )
        if values["token_embedding_storage_type"] == ROW_SPARSE and values["optimizer"] not in SPARSE_OPTIMIZERS:
            raise ClientError(
                "Hyperparameter token_embedding_storage_type: row_sparse works with the optimizers "
                f"{', '.join(SPARSE_OPTIMIZERS)} only."
            )
        for name in ("enc0", "enc1"):
            if bool(values[f"{name}_pretrained_embedding_file"]) != bool(values[f"{name}_vocab_file"]):
                raise ClientError(
                    f"Hyperparameters {name}_pretrained_embedding_file and {name}_vocab_file go together."
                )

    def train(self, job: Job) -> None:
        """Train on the pairs of `train`, watch those of `validation`, measure those of `test`, save."""
        pairs = importlib.import_module("sagewright_container.algorithms.object2vec_pairs")
        read = {
            name: pairs.read(job.inputs[name], job.hyperparameters)
            for name in ("train", "validation", "test")
            if name in job.inputs
        }
        eager.torch()
        importlib.import_module("sagewright_container.algorithms.object2vec_training").train(job, read)

    def load(self, model_dir: str) -> Any:
        """What answers scores and embeddings."""
        network = importlib.import_module("sagewright_container.algorithms.object2vec_network")
        return network.Answers(*network.load(model_dir))

    def handler(self, model_dir: str) -> Any:
        """Answers JSON."""
        serving = importlib.import_module("sagewright_container.serving.json_algorithm")
        return serving.JsonHandler(self.load(model_dir))


def true(text: str) -> bool:
    """A boolean as the SDK and notebooks write it."""
    return text.lower() == "true"


def encoder(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The settings of `enc0` or `enc1`: network, layers and so on, resolved."""
    names = ("max_seq_len", "vocab_size", "network", "cnn_filter_width", "layers", "token_embedding_dim")
    first = {each: values[f"enc0_{each}"] for each in names}
    if name == "enc0":
        found = first
    else:
        own = {each: values[f"enc1_{each}"] for each in names if values.get(f"enc1_{each}") is not None}
        found = {**first, **own}
        if own["network"] == "enc0":
            found |= {each: first[each] for each in ("network", "cnn_filter_width", "layers", "token_embedding_dim")}
    layers = found["layers"]
    return {**found, "layers": LAYERS[found["network"]] if layers == "auto" else int(layers)}


def width(settings: Mapping[str, Any], enc_dim: int) -> int:
    """Dimensions of an encoding: a pooled embedding is as wide as the embeddings are."""
    return int(settings["token_embedding_dim"]) if settings["network"] == "pooled_embedding" else enc_dim


OBJECT2VEC = Object2Vec()
