"""Linear Learner as a built-in algorithm: regression and classification by a linear function.

Hyperparameters, channels, metrics and answers are those of AWS's developer guide ("Linear Learner Hyperparameters",
"Tune a linear learner model"). AWS's image trains by stochastic gradient descent; here a solver goes for the minimum
itself (linear_solver.py), so what steers the descent has no effect: optimizer, learning rate and its schedule, batch
size, first weights.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container.algorithms import content_types, quality
from sagewright_container.algorithms.base import Channel, Job, Metric
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, flag, integer, number

MODEL_FILE = "model.npz"
TUNED = "_tuning_objective_metric"
"""Is given where a tuning job chooses among models: then one is trained."""
REGRESSOR, BINARY, MULTICLASS = "regressor", "binary_classifier", "multiclass_classifier"
LOSSES = {  # the first is what `auto` means
    REGRESSOR: (
        *("squared_loss", "absolute_loss", "eps_insensitive_squared_loss", "eps_insensitive_absolute_loss"),
        *("quantile_loss", "huber_loss"),
    ),
    BINARY: ("logistic", "hinge_loss"),
    MULTICLASS: ("softmax_loss",),
}
_CRITERIA = (
    *("accuracy", "f1", "f_beta", "precision_at_target_recall", "recall_at_target_precision"),
    *("cross_entropy_loss", "loss_function"),
)
_AUTO = ("auto",)
_POSITIVE, _NOT_NEGATIVE = Range(0, None, low_open=True), Range(0)
_SHARE = Range(0, 1, low_open=True, high_open=True)


def _auto(name: str, within: Range, **more: Any) -> Hyperparameter:
    return number(name, within, words=_AUTO, default="auto", **more)


_METRICS = {
    **dict.fromkeys(("mse", "rmse", "absolute_loss", "mae"), False),
    **dict.fromkeys(("r2", "binary_classification_accuracy", "precision", "recall", "binary_f_beta"), True),
    **dict.fromkeys(("roc_auc_score", "multiclass_accuracy", "multiclass_top_k_accuracy", "dcg"), True),
    **dict.fromkeys(("macro_precision", "macro_recall", "macro_f_beta"), True),
}
"""Name → whether more is better."""


class LinearLearner:
    """See the module."""

    name = "linear-learner"
    environment = "scikit-learn"
    repositories = ("linear-learner",)
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = (
        choice("predictor_type", REGRESSOR, BINARY, MULTICLASS, required=True),
        integer("num_classes", 1, 1_000_000),
        integer("feature_dim", 1, words=_AUTO, default="auto"),
        choice("loss", "auto", *(name for names in LOSSES.values() for name in names), default="auto"),
        _auto("wd", _NOT_NEGATIVE, tunable=Range(1e-7, 1)),
        _auto("l1", _NOT_NEGATIVE, tunable=Range(1e-7, 1)),
        _auto("bias_wd_mult", _NOT_NEGATIVE),
        integer("epochs", 1, default=15),
        integer("num_models", 1, words=_AUTO, default="auto"),
        Hyperparameter(name=TUNED, kind="FreeText"),
        integer("num_calibration_samples", 1, words=_AUTO, default="auto"),
        choice("binary_classifier_model_selection_criteria", *_CRITERIA, default="accuracy"),
        number("target_precision", _SHARE, default=0.8),
        number("target_recall", _SHARE, default=0.8),
        number("f_beta", _POSITIVE, default=1.0),
        number(
            "positive_example_weight_mult", _POSITIVE, words=("balanced", "auto"), default=1.0, tunable=Range(1e-5, 1e5)
        ),
        flag("balance_multiclass_weights", default="false"),
        integer("accuracy_top_k", 1, default=3),
        flag("use_bias", default="true", tunable=("true", "false")),
        choice("normalize_data", "auto", "true", "false", "True", "False", default="true"),
        choice("normalize_label", "auto", "true", "false", "True", "False", default="auto"),
        choice("unbias_data", "auto", "true", "false", "True", "False", default="auto"),
        choice("unbias_label", "auto", "true", "false", "True", "False", default="auto"),
        number("margin", _NOT_NEGATIVE, default=1.0),
        number("quantile", _SHARE, default=0.5),
        number("loss_insensitivity", _POSITIVE, default=0.01),
        number("huber_delta", _POSITIVE, default=1.0),
        integer("early_stopping_patience", 1, default=3),
        number("early_stopping_tolerance", _NOT_NEGATIVE, default=0.001),
        integer("mini_batch_size", 1, ignored=True, tunable=Range(100, 5000)),
        choice("optimizer", "auto", "sgd", "adam", "rmsprop", ignored=True),
        _auto("learning_rate", _POSITIVE, ignored=True, tunable=Range(1e-5, 1)),
        _auto("momentum", Range(0, 1, high_open=True), ignored=True),
        _auto("beta_1", Range(0, 1), ignored=True),
        _auto("beta_2", Range(0, 1), ignored=True),
        _auto("bias_lr_mult", _POSITIVE, ignored=True),
        flag("use_lr_scheduler", ignored=True),
        integer("lr_scheduler_step", 1, words=_AUTO, ignored=True),
        _auto("lr_scheduler_factor", _SHARE, ignored=True),
        _auto("lr_scheduler_minimum_lr", _POSITIVE, ignored=True),
        choice("init_method", "uniform", "normal", ignored=True),
        number("init_scale", _POSITIVE, ignored=True),
        number("init_sigma", _POSITIVE, ignored=True),
        number("init_bias", Range(), ignored=True),
        integer("num_point_for_scaler", 1, ignored=True),
    )
    channels: Sequence[Channel] = (
        Channel("train", content_types.RECORDS, content_types.DEFAULT, required=True, pipe=content_types.PIPE),
        Channel("validation", content_types.RECORDS, content_types.DEFAULT, pipe=content_types.PIPE),
        Channel("test", content_types.RECORDS, content_types.DEFAULT, pipe=content_types.PIPE),
    )
    metrics: Sequence[Metric] = (
        *(quality.metric(each, "objective_loss", maximize=False) for each in ("train", "validation", "test")),
        *(
            quality.metric(channel, name, maximize=more, what="score")
            for channel in ("validation", "test")
            for name, more in _METRICS.items()
        ),
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """The loss is one of the predictor's; several classes are counted."""
        kind, loss = values["predictor_type"], values["loss"]
        if loss not in ("auto", *LOSSES[kind]):
            raise ClientError(f"Hyperparameter loss: {loss} is not one of a {kind}'s: {', '.join(LOSSES[kind])}.")
        if kind == MULTICLASS and values.get("num_classes", 0) < 3:
            raise ClientError("Hyperparameter num_classes must be 3 or more for a multiclass_classifier.")

    def train(self, job: Job) -> None:
        """Train on the channel `train`, choose by `validation`, tell of it and of `test`, save the model."""
        training = importlib.import_module("sagewright_container.algorithms.linear_training")
        importlib.import_module("numpy").savez(os.path.join(job.model_dir, MODEL_FILE), **training.train(job))

    def load(self, model_dir: str) -> Linear:
        """The weights."""
        return Linear(dict(importlib.import_module("numpy").load(os.path.join(model_dir, MODEL_FILE))))


class Linear:
    """Answers the score and, of a classifier, the class. `saved`: weights (outputs by columns), bias, threshold, loss.

    A score is the value of a regressor, the probability of class 1 (its margin, if the loss was hinge_loss), or the
    probabilities of all classes.
    """

    title = "predictions"

    def __init__(self, saved: Mapping[str, Any]) -> None:
        self._model = importlib.import_module("sagewright_container.algorithms.linear_model")
        self._weights = self._model.Weights(saved["weights"], saved["bias"])
        self._loss, self._threshold = str(saved["loss"]), float(saved["threshold"])

    @property
    def width(self) -> int:
        """Columns of the weights."""
        return int(self._weights.matrix.shape[1])

    def scores(self, rows: Any) -> Any:
        """Of each row."""
        outputs = self._weights.outputs(rows)
        if self._loss == "logistic":
            return self._model.sigmoid(outputs)
        return self._model.softmax(outputs) if self._loss == "softmax_loss" else outputs

    def predict(self, rows: Any) -> Mapping[str, Any]:
        """`score`, and `predicted_label` where there are classes."""
        scores = self.scores(rows)
        if self._loss in LOSSES[REGRESSOR]:
            return {"score": scores}
        if self._loss == "softmax_loss":
            return {"score": scores, "predicted_label": scores.argmax(axis=1)}
        return {"score": scores, "predicted_label": (scores >= self._threshold).astype(int)}


LINEAR_LEARNER = LinearLearner()
