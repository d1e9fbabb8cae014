"""LightGBM as a built-in algorithm, for classes and for numbers, on LightGBM itself.

Hyperparameters, defaults, metrics and answers follow AWS's developer guide ("LightGBM hyperparameters", "Tune a
LightGBM model"). There it is a script in the PyTorch image, chosen by a model id; here an image is called by that id.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagewright_container import alone
from sagewright_container.algorithms import tabular
from sagewright_container.algorithms.base import Channel, Job, Metric, Model
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number

MODEL_FILE = "model.txt"
_OURS = ("num_boost_round", "early_stopping_rounds", "metric")  # what addresses the training and not the booster
_OF_NUMBERS = ("rmse", "l1", "l2", "huber", "fair")
_OF_TWO = ("binary_logloss", "binary_error", "auc", "average_precision", "cross_entropy")
_OF_SEVERAL = ("multi_logloss", "multi_error", "auc_mu")
_MAXIMIZED = ("auc", "average_precision", "auc_mu")
_SHARE = Range(0, 1, low_open=True)
_POSITIVE = Range(0, None)
_FEW = 1000  # rows up to which threads cost more than they give

_HYPERPARAMETERS: Sequence[Hyperparameter] = (
    integer("num_boost_round", 1, default=100),
    integer("early_stopping_rounds", default=10),
    choice("metric", "auto", *_OF_NUMBERS, *_OF_TWO, *_OF_SEVERAL, default="auto"),
    number("learning_rate", _SHARE, default=0.1, tunable=Range(0.001, 0.01)),
    integer("num_leaves", 2, 131072, default=64, tunable=Range(10, 100)),
    number("feature_fraction", _SHARE, default=0.9, tunable=Range(0.1, 1)),
    number("bagging_fraction", _SHARE, default=0.9, tunable=Range(0.1, 1)),
    integer("bagging_freq", 0, default=1, tunable=Range(0, 10)),
    integer("max_depth", default=6, tunable=Range(15, 100)),
    integer("min_data_in_leaf", 0, default=3, tunable=Range(10, 200)),
    number("max_delta_step", Range(), default=0.0),
    number("lambda_l1", _POSITIVE, default=0.0),
    number("lambda_l2", _POSITIVE, default=0.0),
    choice("boosting", "gbdt", "rf", "dart", "goss", default="gbdt"),
    number("min_gain_to_split", _POSITIVE, default=0.0),
    number("scale_pos_weight", Range(0, None, low_open=True), default=1.0),
    choice("tree_learner", "serial", "feature", "data", "voting", default="serial"),
    number("feature_fraction_bynode", _SHARE, default=1.0),
    choice("is_unbalance", "True", "False", default="False"),
    integer("max_bin", 2, default=255),
    number("tweedie_variance_power", Range(1, 2, high_open=True), default=1.5),
    integer("num_threads", 0, default=0),
    integer("verbosity", default=1),
    choice("use_dask", "True", "False", ignored=True),
)


class LightGBM:
    """See the module. `classify`: classes are told apart; else a number is predicted."""

    environment = "lightgbm"
    parallel = True
    hyperparameters = _HYPERPARAMETERS
    channels: Sequence[Channel] = tabular.CHANNELS

    def __init__(self, name: str, *, classify: bool) -> None:
        self.name = name
        self.repositories = (name,)
        self._classify = classify
        known = (*_OF_TWO, *_OF_SEVERAL) if classify else _OF_NUMBERS
        self.metrics: Sequence[Metric] = tuple(
            Metric(each, rf"{each}: ([0-9\.]+)", each in _MAXIMIZED) for each in known
        )

    def check(self, values: Mapping[str, Any]) -> None:
        """The metric fits the task; random forests need bags; one way only of weighing a rare class."""
        known = (*_OF_TWO, *_OF_SEVERAL) if self._classify else _OF_NUMBERS
        if values["metric"] not in ("auto", *known):
            raise ClientError(f"Hyperparameter metric: {values['metric']} is none for {self.name}: {', '.join(known)}.")
        if values["boosting"] == "rf" and not (values["bagging_freq"] > 0 and values["bagging_fraction"] < 1):
            raise ClientError(
                "Hyperparameter boosting: rf needs a bagging_freq above 0 and a bagging_fraction below 1."
            )
        if values["is_unbalance"] == "True" and values["scale_pos_weight"] != 1:
            raise ClientError("Hyperparameter scale_pos_weight: give either it or is_unbalance, not both.")

    def train(self, job: Job) -> None:
        """Boost until the validation data get no better; save the booster as text and the encoding as JSON."""
        data = tabular.read(job, classify=self._classify)
        library = _library()
        try:
            booster = self._boosted(job, data, library)
        except library.basic.LightGBMError as error:
            raise ClientError(f"LightGBM could not train: {error}") from error
        booster.save_model(os.path.join(job.model_dir, MODEL_FILE))
        data.encoding.save(job.model_dir)

    def _boosted(self, job: Job, data: tabular.Data, library: Any) -> Any:
        values = job.hyperparameters
        patience = values["early_stopping_rounds"]
        callbacks = [_teller(job, library)]
        if patience > 0:
            callbacks.append(library.early_stopping(patience))
        options = {"categorical_feature": sorted(data.encoding.categories), "free_raw_data": True}
        training = library.Dataset(data.features, data.label, **options)
        validation = training.create_valid(data.validation_features, data.validation_label)
        return library.train(
            self._parameters(values, data.class_count),
            training,
            values["num_boost_round"],
            valid_sets=[validation],
            valid_names=["validation"],
            callbacks=callbacks,
        )

    def _parameters(self, values: Mapping[str, Any], classes: int) -> dict[str, Any]:
        own = {name: value for name, value in values.items() if name not in _OURS}
        own["is_unbalance"] = values["is_unbalance"] == "True"
        if values["boosting"] == "goss":  # which draws rows in its own way
            own.update(bagging_freq=0, bagging_fraction=1.0)
        if not self._classify:
            return {**own, "objective": "regression", "metric": _chosen(values, "rmse")}
        if classes == 2:
            return {**own, "objective": "binary", "metric": _chosen(values, "binary_logloss")}
        several = {"objective": "multiclass", "num_class": classes, "metric": _chosen(values, "multi_logloss")}
        return {**own, **several}

    def load(self, model_dir: str) -> Model:
        """Not this way: see `handler`."""
        raise NotImplementedError("Its rows hold categories: see handler.")

    def handler(self, model_dir: str) -> Any:
        """Answers CSV rows."""
        serving = importlib.import_module("sagewright_container.serving.tabular_algorithm")
        booster = _library().Booster(model_file=os.path.join(model_dir, MODEL_FILE))
        numpy = importlib.import_module("numpy")

        def predict(matrix: Any) -> Any:
            answers = booster.predict(matrix, num_threads=1 if len(matrix) < _FEW else 0)
            both = self._classify and answers.ndim == 1
            return numpy.column_stack((1 - answers, answers)) if both else answers

        return serving.TabularHandler(tabular.encoding(model_dir), predict)


def _library() -> Any:
    """LightGBM, which is given NumPy's arrays only."""
    return alone.import_alone("lightgbm", "sklearn", "pandas", "pyarrow", "dask", "matplotlib")


def _chosen(values: Mapping[str, Any], usual: str) -> str:
    return usual if values["metric"] == "auto" else str(values["metric"])


def _teller(job: Job, library: Any) -> Callable[[Any], None]:
    """Tells each round's metrics, and ends the training when the job is stopped."""

    def tell(env: Any) -> None:
        cells = (f"{data}'s {name}: {value:.6f}" for data, name, value, *_ in env.evaluation_result_list)
        print(f"[{env.iteration + 1}]", *cells, sep="\t", flush=True)
        if job.stopping:
            print(f"Stopped after round {env.iteration + 1}", flush=True)
            raise library.callback.EarlyStopException(env.iteration, env.evaluation_result_list)

    return tell


CLASSIFICATION = LightGBM("lightgbm-classification-model", classify=True)
REGRESSION = LightGBM("lightgbm-regression-model", classify=False)
