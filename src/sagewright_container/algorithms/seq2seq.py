"""Sequence-to-Sequence as a built-in algorithm: a recurrent encoder and decoder with attention, on PyTorch.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("Sequence-to-Sequence
Hyperparameters"). Batches hold sequences of alike lengths, so there are no buckets; layers begin as PyTorch's do.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sagewright_container import eager
from sagewright_container.algorithms import content_types, quality
from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number

RECORDS = {said: ours for said, ours in content_types.TABLES.items() if ours == content_types.RECORDIO}
VOCABULARIES = dict.fromkeys(("application/json", "text/plain", *RECORDS), "json")
_PROBABILITY = Range(0, 1)
_POSITIVE = Range(0, low_open=True)
_SIZES = ("128", "256", "512", "1024", "2048")
_BOOL = ("true", "false")
OPTIMIZERS = ("adam", "sgd", "rmsprop")
SCHEDULES = ("plateau_reduce", "fixed_rate_inv_t", "fixed_rate_inv_sqrt_t")


def _both(name: str, **more: Any) -> Iterator[Hyperparameter]:
    for side in ("source", "target"):
        yield number(f"{name}_{side}", _PROBABILITY, default=0.0, **more)


class Seq2Seq:
    """See the module."""

    name = "seq2seq"
    environment = "pytorch"
    repositories = ("seq2seq",)
    parallel = False
    hyperparameters: Sequence[Hyperparameter] = (
        integer("max_seq_len_source", 1, default=100),
        integer("max_seq_len_target", 1, default=100),
        choice("encoder_type", "rnn", "cnn", default="rnn"),
        choice("decoder_type", "rnn", "cnn", default="rnn"),
        integer("num_layers_encoder", 1, default=1, tunable=Range(1, 10)),
        integer("num_layers_decoder", 1, default=1, tunable=Range(1, 10)),
        integer("rnn_num_hidden", 1, default=1024, tunable=_SIZES),
        choice("rnn_cell_type", "lstm", "gru", default="lstm"),
        choice("rnn_decoder_state_init", "last", "avg", "zero", default="last"),
        integer("num_embed_source", 1, default=512, tunable=Range(256, 512)),
        integer("num_embed_target", 1, default=512, tunable=Range(256, 512)),
        *_both("embed_dropout", tunable=Range(0, 0.5)),
        choice("rnn_attention_type", "dot", "fixed", "mlp", "bilinear", default="mlp"),
        integer("rnn_attention_num_hidden", 1),
        number("rnn_decoder_hidden_dropout", _PROBABILITY, default=0.0, tunable=Range(0, 0.5)),
        integer("batch_size", 1, default=64, tunable=("16", "32", "64", *_SIZES)),
        choice("optimized_metric", "perplexity", "accuracy", "bleu", default="perplexity"),
        integer("bleu_sample_size", -1, default=0),
        integer("max_num_batches", -1, default=-1),
        integer("checkpoint_frequency_num_batches", 1, default=1000),
        integer("checkpoint_threshold", 1, default=3),
        integer("max_num_epochs", 1),
        choice("optimizer_type", *OPTIMIZERS, default="adam", tunable=OPTIMIZERS),
        number("learning_rate", _POSITIVE, default=0.0003, tunable=Range(0.00005, 0.2)),
        number("weight_decay", Range(0), default=0.0, tunable=Range(0, 0.1)),
        number("momentum", _PROBABILITY, tunable=Range(0.5, 0.9)),
        number("clip_gradient", Range(), default=1.0, tunable=Range(1, 5)),
        choice("lr_scheduler_type", *SCHEDULES, default="plateau_reduce", tunable=SCHEDULES),
        number("plateau_reduce_lr_factor", Range(0, 1, low_open=True), default=0.5, tunable=Range(0.1, 0.5)),
        integer("plateau_reduce_lr_threshold", 1, default=3, tunable=Range(1, 5)),
        integer("fixed_rate_lr_half_life", 1, default=10, tunable=Range(10, 30)),
        integer("beam_size", 1, default=5),
        choice("training_metric", "perplexity", "accuracy", ignored=True),
        choice("loss_type", "cross-entropy", ignored=True),
        choice("bucketing_enabled", *_BOOL, ignored=True),
        integer("bucket_width", 1, ignored=True),
        choice("weight_init_type", "uniform", "xavier", ignored=True, tunable=("xavier", "uniform")),
        number("weight_init_scale", Range(), ignored=True),
        choice("xavier_factor_type", "in", "out", "avg", ignored=True),
        choice("rnn_residual_connections", *_BOOL, ignored=True),
        integer("rnn_first_residual_layer", 1, ignored=True),
        choice("rnn_attention_in_upper_layers", *_BOOL, ignored=True),
        integer("cnn_kernel_width_encoder", 1, ignored=True),
        integer("cnn_kernel_width_decoder", 1, ignored=True),
        integer("cnn_num_hidden", 1, ignored=True, tunable=_SIZES),
        choice("cnn_activation_type", "glu", "relu", "softrelu", "sigmoid", "tanh", ignored=True),
        number("cnn_hidden_dropout", _PROBABILITY, ignored=True, tunable=Range(0, 0.5)),
    )
    channels: Sequence[Channel] = (
        Channel("train", RECORDS, content_types.DEFAULT, required=True),
        Channel("validation", RECORDS, content_types.DEFAULT, required=True),
        Channel("vocab", VOCABULARIES, "application/json", required=True),
    )
    metrics: Sequence[Metric] = (
        quality.metric("validation", "accuracy", maximize=True, what="score"),
        quality.metric("validation", "bleu", maximize=True, what="score"),
        quality.metric("validation", "perplexity", maximize=False),
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """What is not built, and what does not go together."""
        for side in ("encoder_type", "decoder_type"):
            if values[side] == "cnn":
                raise ClientError(f"Hyperparameter {side}: cnn is not built here. Use rnn.")
        if "momentum" in values and values["optimizer_type"] != "sgd":
            raise ClientError("Hyperparameter momentum is of the optimizer sgd only.")

    def train(self, job: Job) -> None:
        """Train on `train`, stop when `validation` gets no better, save with the vocabularies of `vocab`."""
        text = importlib.import_module("sagewright_container.algorithms.seq2seq_text")
        vocabularies = text.vocabularies(job.inputs["vocab"])
        read = {
            name: text.read(job.inputs[name], job.hyperparameters, vocabularies) for name in ("train", "validation")
        }
        eager.torch()
        importlib.import_module("sagewright_container.algorithms.seq2seq_training").train(job, read, vocabularies)

    def load(self, model_dir: str) -> Any:
        """What translates."""
        return importlib.import_module("sagewright_container.algorithms.seq2seq_network").Answers.load(model_dir)

    def handler(self, model_dir: str) -> Any:
        """Answers JSON, and records of numbers."""
        serving = importlib.import_module("sagewright_container.serving.sequence_algorithm")
        return serving.SequenceHandler(self.load(model_dir))


SEQ2SEQ = Seq2Seq()
