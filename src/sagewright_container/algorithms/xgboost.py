"""XGBoost as a built-in algorithm: gradient boosted trees on tables.

Hyperparameters, ranges and channels are those of AWS's developer guide ("XGBoost hyperparameters"); what AWS
documents as a default is XGBoost's own, so it is left to the library.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from sagewright_container import alone
from sagewright_container.algorithms import content_types
from sagewright_container.algorithms.base import Channel, Job, Metric, Model
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter, Range, choice, integer, number

MODEL_FILE = "xgboost-model"
NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"

MAXIMIZED = (
    *("accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "map", "ndcg"),
    *("precision", "precision_macro", "precision_micro", "r2", "recall", "recall_macro", "recall_micro"),
)
MINIMIZED = (
    *("aft-nloglik", "cox-nloglik", "error", "gamma-deviance", "gamma-nloglik"),
    *("interval-regression-accuracy", "logloss", "mae", "mape", "merror", "mlogloss", "mphe", "mse"),
    *("poisson-nloglik", "rmse", "rmsle", "tweedie-nloglik"),
)
THRESHOLD_METRICS = ("error", "ndcg", "map")  # may carry a threshold: error@0.7

OBJECTIVES = (
    *("binary:logistic", "binary:logitraw", "binary:hinge", "count:poisson"),
    *("multi:softmax", "multi:softprob", "rank:pairwise", "rank:ndcg", "rank:map"),
    *("reg:linear", "reg:squarederror", "reg:logistic", "reg:gamma", "reg:tweedie"),
    *("reg:pseudohubererror", "reg:squaredlogerror", "reg:absoluteerror"),
    *("survival:aft", "survival:cox"),
)

UPDATERS = (
    *("grow_colmaker", "distcol", "grow_histmaker", "grow_local_histmaker", "grow_skmaker"),
    *("grow_quantile_histmaker", "sync", "refresh", "prune", "shotgun", "coord_descent"),
)

UNIT = Range(0, 1)
SHARE = Range(0, 1, low_open=True)
POSITIVE = Range(0, None)

HYPERPARAMETERS: tuple[Hyperparameter, ...] = (
    integer("num_round", 1, required=True, tunable=Range(1, 4000)),
    integer("csv_weights", 0, 1),
    integer("early_stopping_rounds", 1),
    choice("booster", "gbtree", "gblinear", "dart"),
    integer("verbosity", 0, 3),
    integer("nthread", 1),
    number("eta", UNIT, tunable=Range(0.1, 0.5), aliases=("learning_rate",)),
    number("gamma", POSITIVE, tunable=Range(0, 5), aliases=("min_split_loss",)),
    integer("max_depth", 0, tunable=Range(0, 10)),
    number("min_child_weight", POSITIVE, tunable=Range(0, 120)),
    number("max_delta_step", POSITIVE, tunable=Range(0, 10)),
    number("subsample", SHARE, tunable=Range(0.5, 1)),
    number("colsample_bytree", SHARE, tunable=Range(0.5, 1)),
    number("colsample_bylevel", SHARE, tunable=Range(0.1, 1)),
    number("colsample_bynode", SHARE, tunable=Range(0.1, 1)),
    number("lambda", POSITIVE, tunable=Range(0, 1000), aliases=("reg_lambda",)),
    number("alpha", POSITIVE, tunable=Range(0, 1000), aliases=("reg_alpha",)),
    choice("tree_method", "auto", "exact", "approx", "hist", "gpu_hist"),
    choice("sampling_method", "uniform", "gradient_based"),
    number("scale_pos_weight", Range(0, None, low_open=True)),
    Hyperparameter(name="updater", kind="List", choices=UPDATERS),
    integer("refresh_leaf", 0, 1),
    choice("process_type", "default", "update"),
    choice("grow_policy", "depthwise", "lossguide"),
    integer("max_leaves", 0),
    integer("max_bin", 0),
    Hyperparameter(name="monotone_constraints", kind="Tuple", choices=(-1, 0, 1)),
    Hyperparameter(name="interaction_constraints", kind="NestedList", range=Range(0, None)),
    choice("sample_type", "uniform", "weighted"),
    choice("normalize_type", "tree", "forest"),
    number("rate_drop", UNIT),
    integer("one_drop", 0, 1),
    number("skip_drop", UNIT),
    number("tweedie_variance_power", Range(1, 2, low_open=True, high_open=True)),
    choice("objective", *OBJECTIVES),
    integer("num_class", 2),
    number("base_score", POSITIVE),
    Hyperparameter(name="eval_metric", kind="List"),
    Hyperparameter(name="_tuning_objective_metric", kind="FreeText"),
    integer("seed", -(2**31), 2**31 - 1),
    integer("num_parallel_tree", 1),
    choice("aft_loss_distribution", "normal", "logistic", "extreme"),
    number("aft_loss_distribution_scale", POSITIVE),
    # A stopped job always saves what it has, so there is nothing to ask for.
    choice("save_model_on_termination", "true", "false", ignored=True),
    # XGBoost no longer knows these; jobs written for older images still send them.
    integer("silent", 0, 1, ignored=True),
    choice("predictor", "auto", "cpu_predictor", "gpu_predictor", ignored=True),
    choice("dsplit", "row", "col", ignored=True),
    number("sketch_eps", Range(0, 1, low_open=True, high_open=True), ignored=True),
    number("lambda_bias", UNIT, ignored=True),
    choice("single_precision_histogram", "true", "false", ignored=True),
    choice("deterministic_histogram", "true", "false", ignored=True),
    integer("prob_buffer_row", 1, ignored=True),
    integer("use_dask_gpu_training", ignored=True),
)


class XGBoost:
    """See the module."""

    name = "xgboost"
    environment = "xgboost"
    repositories = ("xgboost", "sagemaker-xgboost")
    parallel = True
    hyperparameters: Sequence[Hyperparameter] = HYPERPARAMETERS
    channels: Sequence[Channel] = (
        Channel("train", content_types.TABLES, "text/libsvm", required=True, pipe=content_types.PIPE),
        Channel("validation", content_types.TABLES, "text/libsvm", pipe=content_types.PIPE),
        Channel("code", {"text/python": "python"}, "text/python"),
    )
    # `#011` is how the log agent writes the tab that stands between the columns.
    metrics: Sequence[Metric] = tuple(
        Metric(f"{data}:{name}", rf".*\[[0-9]+\].*#011{data}-{name}:{NUMBER}.*", name in MAXIMIZED)
        for data in ("train", "validation")
        for name in (*MAXIMIZED, *MINIMIZED)
    )

    def check(self, values: Mapping[str, Any]) -> None:
        """The rules between hyperparameters."""
        objective = values.get("objective", "reg:squarederror")
        if objective.startswith("multi:") and "num_class" not in values:
            raise ClientError(f"Hyperparameter num_class is required with objective {objective}.")
        if "num_class" in values and not objective.startswith("multi:"):
            raise ClientError("Hyperparameter num_class is for objectives multi:softmax and multi:softprob only.")
        for metric in values.get("eval_metric", []):
            _check_metric(metric, objective)
        tree_method = values.get("tree_method", "auto")
        if "monotone_constraints" in values and tree_method not in ("exact", "hist"):
            raise ClientError("Hyperparameter monotone_constraints needs tree_method exact or hist.")
        if "interaction_constraints" in values and tree_method not in ("exact", "hist", "approx"):
            raise ClientError("Hyperparameter interaction_constraints needs tree_method exact, approx or hist.")
        _check_updaters(values)

    def train(self, job: Job) -> None:
        """Train on the channel `train`, watch `validation`, save `xgboost-model` (UBJSON)."""
        alone.import_alone("xgboost", "sklearn")
        boosting = importlib.import_module("sagewright_container.algorithms.xgboost_boosting")
        raw: bytes = boosting.train(job)
        with open(os.path.join(job.model_dir, MODEL_FILE), "wb") as file:
            file.write(raw)

    def load(self, model_dir: str) -> Model:
        """Not this way: its image has answers of its own (`serving/xgboost_algorithm.py`)."""
        raise NotImplementedError("XGBoost's models are served by serving/xgboost_algorithm.py.")


def _check_metric(metric: str, objective: str) -> None:
    name, mark, threshold = metric.partition("@")
    if mark:
        if name not in THRESHOLD_METRICS:
            raise ClientError(f"Hyperparameter eval_metric: {name} takes no threshold.")
        try:
            float(threshold.rstrip("-"))
        except ValueError:
            raise ClientError(f"Hyperparameter eval_metric: {metric!r} has no number after the @.") from None
    elif name not in MAXIMIZED and name not in MINIMIZED:
        known = ", ".join(sorted((*MAXIMIZED, *MINIMIZED)))
        raise ClientError(f"Hyperparameter eval_metric: {metric} is not one of: {known}.")
    if name == "aft-nloglik" and objective != "survival:aft":
        raise ClientError("Hyperparameter eval_metric: aft-nloglik goes with objective survival:aft only.")


def _check_updaters(values: Mapping[str, Any]) -> None:
    updaters = values.get("updater", [])
    growing = [name for name in updaters if name.startswith("grow_") or name == "distcol"]
    linear = [name for name in updaters if name in ("shotgun", "coord_descent")]
    if values.get("booster") == "gblinear":
        if updaters and (len(updaters) != 1 or not linear):
            raise ClientError("Hyperparameter updater: booster gblinear takes one of shotgun, coord_descent.")
    elif linear:
        raise ClientError(f"Hyperparameter updater: {linear[0]} goes with booster gblinear only.")
    elif values.get("process_type") == "update" and growing:
        raise ClientError("Hyperparameter updater: process_type update takes refresh and prune only.")
    elif len(growing) > 1:
        raise ClientError("Hyperparameter updater: only one of the updaters may grow trees.")


XGBOOST = XGBoost()
