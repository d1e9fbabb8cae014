"""CatBoost as a built-in algorithm, for classes and for numbers, on CatBoost itself.

Hyperparameters, defaults, metrics and answers follow AWS's developer guide ("CatBoost hyperparameters", "Tune a
CatBoost model"). There it is a script in the PyTorch image, chosen by a model id; here an image is called by that id.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container import alone
from sagewright_container.algorithms import tabular
from sagewright_container.algorithms.base import Channel, Job, Metric, Model
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number

MODEL_FILE = "model.cbm"
_OF_NUMBERS = ("RMSE", "MAE", "MedianAbsoluteError", "R2")
_OF_CLASSES = (
    *("Logloss", "Precision", "Recall", "F1", "AUC", "MultiClass", "Accuracy", "BalancedAccuracy"),
    *("MCC", "TotalF1"),
)
_MINIMIZED = ("RMSE", "MAE", "MedianAbsoluteError", "Logloss", "MultiClass")
_SHARE = Range(0, 1, low_open=True)
_POSITIVE = Range(0, None)
_FEW = 1000  # rows up to which threads cost more than they give

_HYPERPARAMETERS: Sequence[Hyperparameter] = (
    integer("iterations", 1, default=500),
    integer("early_stopping_rounds", default=5),
    Hyperparameter(name="eval_metric", kind="FreeText", default="auto"),
    number("learning_rate", _SHARE, default=0.009, tunable=Range(0.001, 0.01)),
    integer("depth", 1, 16, default=6, tunable=Range(4, 10)),
    number("l2_leaf_reg", _POSITIVE, default=3.0, tunable=Range(2, 10)),
    number("random_strength", _POSITIVE, default=1.0, tunable=Range(0, 10)),
    integer("max_leaves", 2, 64, default=31),
    number("rsm", _SHARE, default=1.0),
    choice("sampling_frequency", "PerTreeLevel", "PerTree", default="PerTreeLevel"),
    integer("min_data_in_leaf", 1, default=1),
    number("bagging_temperature", _POSITIVE, default=1.0),
    choice("boosting_type", "Auto", "Ordered", "Plain", default="Auto"),
    number("scale_pos_weight", Range(0, None, low_open=True), default=1.0),
    Hyperparameter(name="max_bin", kind="FreeText", default="Auto"),
    choice("grow_policy", "SymmetricTree", "Depthwise", "Lossguide", default="SymmetricTree"),
    integer("random_seed", 0, default=1),
    integer("thread_count", -1, default=-1),
    integer("verbose", 0, default=1),
)


class CatBoost:
    """See the module. `classify`: classes are told apart; else a number is predicted."""

    environment = "catboost"
    parallel = False
    hyperparameters = _HYPERPARAMETERS
    channels: Sequence[Channel] = tabular.CHANNELS

    def __init__(self, name: str, *, classify: bool) -> None:
        self.name = name
        self.repositories = (name,)
        self._classify = classify
        known = _OF_CLASSES if classify else _OF_NUMBERS
        self.metrics: Sequence[Metric] = tuple(
            Metric(each, r"bestTest = ([0-9\.]+)", each not in _MINIMIZED) for each in known
        )

    def check(self, values: Mapping[str, Any]) -> None:
        """`max_bin` is a number or Auto; ordered boosting grows symmetric trees only."""
        bins = values["max_bin"]
        if bins != "Auto" and not (bins.isdigit() and 1 <= int(bins) <= 65535):
            raise ClientError(f"Hyperparameter max_bin: {bins!r} is neither Auto nor from 1 to 65535.")
        if values["boosting_type"] == "Ordered" and values["grow_policy"] != "SymmetricTree":
            raise ClientError("Hyperparameter boosting_type: Ordered goes with grow_policy SymmetricTree only.")

    def train(self, job: Job) -> None:
        """Boost until the validation data get no better; save CatBoost's own binary and the encoding as JSON."""
        data = tabular.read(job, classify=self._classify)
        library = _library(data.encoding)
        pools = [
            _pool(library, data.encoding, features, label)
            for features, label in (
                (data.features, data.label),
                (data.validation_features, data.validation_label),
            )
        ]
        patience = job.hyperparameters["early_stopping_rounds"]
        try:
            model = library.CatBoost(self._parameters(job.hyperparameters, data.class_count))
            model.fit(
                pools[0],
                eval_set=pools[1],
                early_stopping_rounds=patience if patience > 0 else None,
                callbacks=[Stopping(job)],
            )
        except library.CatBoostError as error:
            raise ClientError(f"CatBoost could not train: {error}") from error
        model.save_model(os.path.join(job.model_dir, MODEL_FILE))
        data.encoding.save(job.model_dir)

    def _parameters(self, values: Mapping[str, Any], classes: int) -> dict[str, Any]:
        own = {name: value for name, value in values.items() if name != "early_stopping_rounds"}
        if values["boosting_type"] == "Auto":
            del own["boosting_type"]
        if values["max_bin"] == "Auto":
            del own["max_bin"]
        # What belongs to other ways of growing trees CatBoost refuses.
        if values["grow_policy"] == "Lossguide":
            own["sampling_frequency"] = "PerTree"
        else:
            del own["max_leaves"]
        if values["grow_policy"] == "SymmetricTree":
            del own["min_data_in_leaf"]
        if classes != 2:
            del own["scale_pos_weight"]
        if values["eval_metric"] == "auto":
            own["eval_metric"] = "RMSE" if not self._classify else "AUC" if classes == 2 else "MultiClass"
        if classes > 2:
            own["classes_count"] = classes  # also those that only the validation data have
        loss = "RMSE" if not self._classify else "Logloss" if classes == 2 else "MultiClass"
        return {**own, "loss_function": loss, "bootstrap_type": "Bayesian", "allow_writing_files": False}

    def load(self, model_dir: str) -> Model:
        """Not this way: see `handler`."""
        raise NotImplementedError("Its rows hold categories: see handler.")

    def handler(self, model_dir: str) -> Any:
        """Answers CSV rows."""
        serving = importlib.import_module("sagewright_container.serving.tabular_algorithm")
        encoding = tabular.encoding(model_dir)
        library = _library(encoding)
        model = library.CatBoost().load_model(os.path.join(model_dir, MODEL_FILE))
        kind = "Probability" if self._classify else "RawFormulaVal"

        def predict(matrix: Any) -> Any:
            pool = _pool(library, encoding, matrix)
            return model.predict(pool, prediction_type=kind, thread_count=1 if len(matrix) < _FEW else -1)

        return serving.TabularHandler(encoding, predict)


class Stopping:
    """Ends the training when the job is stopped."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def after_iteration(self, info: Any) -> bool:
        """Whether to go on."""
        if self._job.stopping:
            print(f"Stopped after iteration {info.iteration}", flush=True)
        return not self._job.stopping


def _library(encoding: tabular.Encoding) -> Any:
    """CatBoost; without pandas, which takes as long, where it is given no frames."""
    if encoding.categories:
        return importlib.import_module("catboost")
    return alone.import_beside_empty("catboost", "pandas")


def _pool(library: Any, encoding: tabular.Encoding, matrix: Any, label: Any = None) -> Any:
    """CatBoost takes categories as whole numbers, -1 for what is missing or was never seen."""
    categories = sorted(encoding.categories)
    if not categories:
        return library.Pool(matrix, label)
    frame = importlib.import_module("pandas").DataFrame(matrix)
    for column in categories:
        frame[column] = frame[column].fillna(-1).astype("int32")
    return library.Pool(frame, label, cat_features=categories)


CLASSIFICATION = CatBoost("catboost-classification-model", classify=True)
REGRESSION = CatBoost("catboost-regression-model", classify=False)
