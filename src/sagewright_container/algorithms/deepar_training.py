"""Train DeepAR with GluonTS on PyTorch, and measure its forecasts."""

from __future__ import annotations

import logging
import signal
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import torch
from gluonts.dataset.common import ListDataset
from gluonts.torch.distributions import BetaOutput, NegativeBinomialOutput, NormalOutput, StudentTOutput
from gluonts.torch.model.deepar import DeepAREstimator

from sagewright_container.algorithms import deepar, quality, time_series
from sagewright_container.algorithms.base import Input, Job
from sagewright_container.algorithms.deepar_forecasts import About, CertainOutput, Forecaster
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.time_series import Series

_OUTPUTS: Mapping[str, Callable[[], Any]] = {
    "gaussian": NormalOutput,
    "beta": BetaOutput,
    "negative-binomial": NegativeBinomialOutput,
    "student-T": StudentTOutput,
    "deterministic-L1": CertainOutput,
}


def train(job: Job, series: Sequence[Series]) -> None:
    """Train on the series, save, measure. Raises ClientError."""
    _quiet()
    values = job.hyperparameters
    about = _about(values, series)
    _check(values, series)
    entries = _entries(about, series, "train")
    tested = _tested(about, job.inputs["test"]) if "test" in job.inputs else []
    torch.manual_seed(0)
    np.random.seed(0)
    progress = Progress(job)
    with tempfile.TemporaryDirectory() as scratch:
        estimator = _estimator(values, about, sum(len(each.target) for each in series), progress, scratch)
        predictor = estimator.train(ListDataset(entries, freq=about.frequency))
    forecaster = Forecaster(predictor, about)
    forecaster.save(job.model_dir)
    quality.said(job.current_host, "train", "final_loss", progress.loss)
    if tested:
        _measure(job, forecaster, tested)


class Progress(lightning.Callback):  # type: ignore[misc]
    """Tells the loss of each epoch, and ends the training when the job is stopped or learns no more."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._patience = job.hyperparameters.get("early_stopping_patience")
        self._on_stop = signal.getsignal(signal.SIGTERM)
        self._best, self._since = float("inf"), 0
        self.loss = float("nan")

    def on_train_start(self, *_: Any) -> None:
        """Lightning has taken the signal, and would end the process: a job that is stopped saves what there is."""
        signal.signal(signal.SIGTERM, self._on_stop)

    def on_train_batch_start(self, *_: Any) -> int | None:
        """-1 leaves out the rest of the epoch."""
        return -1 if self._job.stopping else None

    def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
        """Print the loss."""
        if "train_loss" in trainer.callback_metrics:
            self.loss = float(trainer.callback_metrics["train_loss"])
            quality.said(self._job.current_host, "train", "loss", self.loss, epoch=trainer.current_epoch)
        self._since = 0 if self.loss < self._best else self._since + 1
        self._best = min(self._best, self.loss)
        if self._job.stopping or (self._patience and self._since >= self._patience):
            trainer.should_stop = True


def _estimator(values: Mapping[str, Any], about: About, observations: int, progress: Progress, scratch: str) -> Any:
    return DeepAREstimator(
        freq=about.frequency,
        prediction_length=about.prediction_length,
        context_length=values["context_length"],
        num_layers=values["num_layers"],
        hidden_size=values["num_cells"],
        lr=values["learning_rate"],
        dropout_rate=values["dropout_rate"],
        num_feat_dynamic_real=about.dynamic_features,
        num_feat_static_cat=len(about.cardinality),
        cardinality=about.cardinality or None,
        embedding_dimension=[values["embedding_dimension"]] * len(about.cardinality) or None,
        distr_output=_OUTPUTS[values["likelihood"]](),
        scaling=values["likelihood"] != "beta",  # which is of values between 0 and 1 as they are
        batch_size=values["mini_batch_size"],
        num_batches_per_epoch=deepar.epoch_batches(values, observations),
        trainer_kwargs={
            "max_epochs": values["epochs"],
            "callbacks": [progress],
            "default_root_dir": scratch,
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        },
    )


def _about(values: Mapping[str, Any], series: Sequence[Series]) -> About:
    """What the series are like, as far as the hyperparameters leave it to them."""
    told = deepar.cardinality(values)
    if isinstance(told, str):
        groups = {len(each.categories) for each in series}
        if len(groups) > 1:
            raise ClientError("Channel train: some series have more categories in cat than others.")
        told = [max(column) + 1 for column in zip(*(each.categories for each in series), strict=True)]
    features = deepar.dynamic_features(values)
    if isinstance(features, str):
        features = len(series[0].dynamic)
    frequency = values["time_freq"].replace("H", "h")  # as pandas calls an hour
    return About(frequency, values["prediction_length"], told, features)


def _check(values: Mapping[str, Any], series: Sequence[Series]) -> None:
    """There is something to learn, and the likelihood can be of it."""
    observed = np.concatenate([each.target[~np.isnan(each.target)] for each in series])
    if not observed.size:
        raise ClientError("Channel train: every value of every target is missing.")
    likelihood = values["likelihood"]
    if likelihood == "beta" and not ((observed > 0) & (observed < 1)).all():
        raise ClientError("Hyperparameter likelihood is beta, but a target of channel train is not between 0 and 1.")
    if likelihood == "negative-binomial" and not ((observed >= 0) & (observed == np.floor(observed))).all():
        raise ClientError("Hyperparameter likelihood is negative-binomial, but a target of channel train is no count.")


def _entries(about: About, series: Sequence[Series], channel: str) -> list[dict[str, Any]]:
    found = []
    for number, each in enumerate(series, 1):
        try:
            found.append(about.entry(each))
        except ClientError as error:
            raise ClientError(f"Series {number} of channel {channel}: {error}") from error
    return found


def _tested(about: About, source: Input) -> list[tuple[dict[str, Any], Any]]:
    """Series without their ends, and the ends."""
    series, length = time_series.read(source), about.prediction_length
    found = []
    for number, entry in enumerate(_entries(about, series, source.name), 1):
        target = entry["target"]
        if len(target) <= length:
            raise ClientError(f"Series {number} of channel {source.name} is not longer than prediction_length.")
        found.append(({**entry, "target": target[:-length]}, target[-length:]))
    return found


def _measure(job: Job, forecaster: Forecaster, tested: Sequence[tuple[dict[str, Any], Any]]) -> None:
    """Print the errors of the mean, and of the quantiles."""
    values, host = job.hyperparameters, job.current_host
    samples = forecaster.samples([entry for entry, _ in tested], values["num_eval_samples"])
    actual = np.stack([end for _, end in tested]).astype(np.float64)
    known = ~np.isnan(actual)
    if not known.any():
        raise ClientError("Channel test: the last values of every series are missing, so there is nothing to measure.")
    mean = np.stack([paths.mean(axis=0) for paths in samples])
    quality.said(host, "test", "RMSE", float(np.sqrt(np.mean((mean - actual)[known] ** 2))))
    losses = []
    for level in deepar.quantiles(values):
        forecast = np.stack([np.quantile(paths, level, axis=0) for paths in samples])
        over = (actual - forecast)[known]
        loss = 2 * np.maximum(level * over, (level - 1) * over).sum() / max(np.abs(actual[known]).sum(), 1e-12)
        losses.append(loss)
        quality.said(host, "test", f"wQuantileLoss[{level}]", float(loss))
    quality.said(host, "test", "mean_wQuantileLoss", float(np.mean(losses)))


def _quiet() -> None:
    """Libraries' advice about what is decided here."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=UserWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
