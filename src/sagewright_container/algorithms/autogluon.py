"""AutoGluon-Tabular as a built-in algorithm, for classes and for numbers, on AutoGluon (`autogluon_training.py`).

Hyperparameters and their defaults follow AWS's developer guide ("AutoGluon-Tabular hyperparameters") and JumpStart's
description of the model ids; AWS publishes no metrics for it, and here they have AutoGluon's names. There it is a
script in the AutoGluon image, chosen by a model id; here an image is called by that id.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container.algorithms import tabular
from sagewright_container.algorithms.base import Channel, Job, Metric, Model
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, choice, integer

BAGGED = ("best_quality", "high_quality", "good_quality")
"""The presets that bag, and stack where the data are enough."""
_REFITTED = ("high_quality", "good_quality")
_EITHER = ("True", "False")

_OF_NUMBERS = (
    *("root_mean_squared_error", "mean_squared_error", "mean_absolute_error", "median_absolute_error", "r2"),
    *("mean_absolute_percentage_error", "symmetric_mean_absolute_percentage_error", "pearsonr", "spearmanr"),
)
_OF_TWO = ("roc_auc", "f1", "precision", "recall", "average_precision")
_OF_SEVERAL = (*("roc_auc_ovo", "roc_auc_ovo_weighted", "roc_auc_ovr", "roc_auc_ovr_micro", "roc_auc_ovr_weighted"),)
_OF_CLASSES = (
    *("accuracy", "balanced_accuracy", "mcc", "quadratic_kappa", "log_loss", "pac"),
    *(f"{name}_{mean}" for name in ("f1", "precision", "recall") for mean in ("macro", "micro", "weighted")),
)
_ALIASES = {
    "rmse": "root_mean_squared_error",
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "smape": "symmetric_mean_absolute_percentage_error",
    "acc": "accuracy",
    "nll": "log_loss",
    "pac_score": "pac",
    "roc_auc_ovo_macro": "roc_auc_ovo",
    "roc_auc_ovr_macro": "roc_auc_ovr",
}

_HYPERPARAMETERS: Sequence[Hyperparameter] = (
    Hyperparameter(name="eval_metric", kind="FreeText", default="auto"),
    choice("presets", *BAGGED, "medium_quality", "optimize_for_deployment", "interpretable", default="medium_quality"),
    choice("auto_stack", *_EITHER, default="False"),
    choice("num_bag_folds", "0", *(str(folds) for folds in range(2, 11)), default="0"),
    integer("num_bag_sets", 1, default=1),
    integer("num_stack_levels", 0, 3, default=0),
    choice("refit_full", *_EITHER, default="False"),
    choice("set_best_to_refit_full", *_EITHER, default="False"),
    choice("save_space", *_EITHER, default="False"),
    integer("verbosity", 0, 4, default=2),
)


class AutoGluon:
    """See the module. `classify`: classes are told apart; else a number is predicted."""

    environment = "autogluon"
    parallel = False
    hyperparameters = _HYPERPARAMETERS
    channels: Sequence[Channel] = tabular.CHANNELS

    def __init__(self, name: str, *, classify: bool) -> None:
        self.name = name
        self.repositories = (name,)
        self._classify = classify
        self._known = (*_OF_TWO, *_OF_SEVERAL, *_OF_CLASSES) if classify else _OF_NUMBERS
        self.metrics: Sequence[Metric] = tuple(
            Metric(each, rf"Validation {each}: ([0-9.e+-]+)", not each.endswith(("_error", "_loss")))
            for each in self._known
        )

    def check(self, values: Mapping[str, Any]) -> None:
        """The metric fits the task; levels of a stack need folds; the best is refitted where anything is."""
        if values["eval_metric"] != "auto" and _plain(values["eval_metric"]) not in self._known:
            known = ", ".join(self._known)
            raise ClientError(f"Hyperparameter eval_metric: {values['eval_metric']} is none for {self.name}: {known}.")
        if values["presets"] == "interpretable":
            raise ClientError(
                "Hyperparameter presets: interpretable needs the library imodels, which is not installed here. "
                "Take another preset, or a script in the image autogluon-training with imodels in its requirements.txt."
            )
        if values["num_stack_levels"] > 0 and not bagged(values):
            raise ClientError(
                "Hyperparameter num_stack_levels: levels of a stack need num_bag_folds from 2 on, or auto_stack True."
            )
        if values["set_best_to_refit_full"] == "True" and not (
            values["refit_full"] == "True" or values["presets"] in _REFITTED
        ):
            raise ClientError("Hyperparameter set_best_to_refit_full: True needs refit_full True.")

    def train(self, job: Job) -> None:
        """Fit models until the job is stopped, and an ensemble of them; leave AutoGluon's own folder."""
        data = tabular.read(job, classify=self._classify, hold_back=False)
        metric = self._metric(job.hyperparameters["eval_metric"], data.class_count)
        training = importlib.import_module("sagewright_container.algorithms.autogluon_training")
        training.fit(job, data, metric)
        data.encoding.save(job.model_dir)

    def _metric(self, given: str, classes: int) -> str:
        """AutoGluon's name of the metric. Raises ClientError where it is none for that many classes."""
        if given == "auto":
            return "root_mean_squared_error" if not self._classify else "roc_auc" if classes == 2 else "accuracy"
        metric = _plain(given)
        if metric in (_OF_SEVERAL if classes == 2 else _OF_TWO):
            raise ClientError(f"Hyperparameter eval_metric: {given} is none for the {classes} classes of the data.")
        return metric

    def load(self, model_dir: str) -> Model:
        """Not this way: see `handler`."""
        raise NotImplementedError("Its rows hold categories: see handler.")

    def handler(self, model_dir: str) -> Any:
        """Answers CSV rows."""
        serving = importlib.import_module("sagewright_container.serving.tabular_algorithm")
        training = importlib.import_module("sagewright_container.algorithms.autogluon_training")
        encoding = tabular.encoding(model_dir)
        return serving.TabularHandler(encoding, training.loaded(model_dir, encoding))


def bagged(values: Mapping[str, Any]) -> bool:
    """Whether models are fitted on folds of the data."""
    return values["num_bag_folds"] != "0" or values["auto_stack"] == "True" or values["presets"] in BAGGED


def _plain(metric: str) -> str:
    return _ALIASES.get(metric, metric)


CLASSIFICATION = AutoGluon("autogluon-classification-ensemble", classify=True)
REGRESSION = AutoGluon("autogluon-regression-ensemble", classify=False)
