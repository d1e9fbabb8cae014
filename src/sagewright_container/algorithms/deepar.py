"""DeepAR as a built-in algorithm, on GluonTS's.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("DeepAR Hyperparameters", "DeepAR
Inference Formats"). An epoch takes as many windows of the series as it needs to see each value about once.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container import alone
from sagewright_container.algorithms import quality, time_series
from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number

LIKELIHOODS = ("gaussian", "beta", "negative-binomial", "student-T", "deterministic-L1")
AUTO, IGNORE = "auto", ("ignore", "")
_FREQUENCY = re.compile(r"(?:[1-9][0-9]*)?(?:M|W|D|H|h|min)")
_CONFIGURATION = "DEEPAR_INFERENCE_CONFIG"


class DeepAR:
    """See the module."""

    name = "forecasting-deepar"
    environment = "deepar"
    repositories = ("forecasting-deepar",)
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = (
        integer("context_length", 1, required=True, tunable=Range(1, 200)),
        integer("epochs", 1, required=True, tunable=Range(1, 1000)),
        integer("prediction_length", 1, required=True),
        Hyperparameter(name="time_freq", kind="FreeText", required=True),
        Hyperparameter(name="cardinality", kind="FreeText", default=AUTO),
        number("dropout_rate", Range(0, 1, high_open=True), default=0.1, tunable=Range(0, 0.2)),
        integer("early_stopping_patience", 1),
        integer("embedding_dimension", 1, default=10, tunable=Range(1, 50)),
        number("learning_rate", Range(0, low_open=True), default=0.001, tunable=Range(1e-5, 0.1)),
        choice("likelihood", *LIKELIHOODS, default="student-T"),
        integer("mini_batch_size", 1, default=128, tunable=Range(32, 1028)),
        integer("num_cells", 1, default=40, tunable=Range(30, 200)),
        Hyperparameter(name="num_dynamic_feat", kind="FreeText", default=AUTO),
        integer("num_eval_samples", 1, default=100),
        integer("num_layers", 1, default=2, tunable=Range(1, 8)),
        Hyperparameter(name="test_quantiles", kind="FreeText", default="[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]"),
    )
    channels: Sequence[Channel] = tuple(
        Channel(name, time_series.CONTENT_TYPES, time_series.AUTO, required=name == "train")
        for name in ("train", "test")
    )
    metrics: Sequence[Metric] = (
        quality.metric("test", "RMSE", maximize=False),
        quality.metric("test", "mean_wQuantileLoss", maximize=False),
        quality.metric("train", "final_loss", maximize=False),
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """The texts among the hyperparameters mean something."""
        if not _FREQUENCY.fullmatch(values["time_freq"]):
            raise ClientError(
                f"Hyperparameter time_freq: {values['time_freq']!r} is not a number followed by M, W, D, H or min, "
                "such as 5min."
            )
        cardinality(values)
        dynamic_features(values)
        quantiles(values)

    def train(self, job: Job) -> None:
        """Train on the channel `train`, save, and measure the forecasts of the end of each series in `test`."""
        series = time_series.read(job.inputs["train"])
        length = job.hyperparameters["prediction_length"]
        if max(len(each.target) for each in series) <= length:
            raise ClientError(
                f"Channel train: no series is longer than prediction_length, {length}. Give longer ones, or lower it."
            )
        _module("deepar_training").train(job, series)

    def load(self, model_dir: str) -> Any:
        """What forecasts."""
        return _module("deepar_forecasts").Forecaster.load(model_dir)

    def handler(self, model_dir: str) -> Any:
        """Answers JSON. `DEEPAR_INFERENCE_CONFIG` says how, where a request does not."""
        serving = importlib.import_module("sagewright_container.serving.json_algorithm")
        forecasts = _module("deepar_forecasts")
        configuration = os.environ.get(_CONFIGURATION) or "{}"
        return serving.JsonHandler(forecasts.Answers(self.load(model_dir), _configured(configuration)))


def _module(name: str) -> Any:
    """One of ours that stands on GluonTS, and so on Lightning, which loads more than is used of it."""
    alone.import_alone("lightning.pytorch", "transformers", "scipy", "pandas", "PIL", "rich")
    return importlib.import_module(f"sagewright_container.algorithms.{name}")


def cardinality(values: Mapping[str, Any]) -> list[int] | str:
    """How many categories each of a series' groupings has; `auto`: as the data has it; empty: none is used."""
    text = values["cardinality"].strip()
    if text == AUTO:
        return AUTO
    if text in IGNORE:
        return []
    found = _list(text)
    if not found or not all(isinstance(each, int) and each > 0 for each in found):
        raise ClientError(
            f"Hyperparameter cardinality: {text!r} is neither auto, nor ignore, nor a list such as [2, 3]."
        )
    return found


def dynamic_features(values: Mapping[str, Any]) -> int | str:
    """How many lists `dynamic_feat` holds; `auto`: as the data has it; 0: none is used."""
    text = values["num_dynamic_feat"].strip()
    if text == AUTO:
        return AUTO
    if text in IGNORE:
        return 0
    if not text.isdigit() or not int(text):
        raise ClientError(f"Hyperparameter num_dynamic_feat: {text!r} is neither auto, nor ignore, nor above 0.")
    return int(text)


def quantiles(values: Mapping[str, Any]) -> list[float]:
    """Those that the test channel's losses are told of."""
    found = _list(values["test_quantiles"])
    if not found or not all(isinstance(each, int | float) and 0 < each < 1 for each in found):
        raise ClientError(
            f"Hyperparameter test_quantiles: {values['test_quantiles']!r} is no list of numbers between 0 and 1."
        )
    return found


def epoch_batches(values: Mapping[str, Any], observations: int) -> int:
    """Batches of an epoch: as many windows as it takes for each value to be forecast about once."""
    window, batch = int(values["prediction_length"]), int(values["mini_batch_size"])
    return max(1, math.ceil(observations / window / batch))


def _list(text: str) -> list[Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return []
    return value if isinstance(value, list) else []


def _configured(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ClientError(f"{_CONFIGURATION} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ClientError(f"{_CONFIGURATION} is no JSON object.")
    return value


DEEPAR = DeepAR()
