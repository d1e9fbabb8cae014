"""The metric definitions that built-in algorithms bring, by the repository of their image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

_XGBOOST_METRICS: Final = (
    "mae", "rmse", "rmsle", "mape", "mphe", "logloss", "error", "merror", "mlogloss", "auc", "aucpr", "ndcg", "map",
    "accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "precision", "recall", "mse", "r2",
    "gamma-deviance", "gamma-nloglik", "poisson-nloglik", "tweedie-nloglik", "cox-nloglik",
)  # fmt: skip
_XGBOOST: Final = tuple(
    # TAB reaches the log as #011, as AWS's log agent spells it; the published patterns match that spelling.
    {"Name": f"{channel}:{metric}", "Regex": rf".*\[[0-9]+\].*#011{channel}-{metric}:([-+0-9.eE]+|nan|inf)"}
    for channel in ("train", "validation")
    for metric in _XGBOOST_METRICS
)
_BUILT_IN: Final[Mapping[str, Sequence[Mapping[str, str]]]] = {"xgboost": _XGBOOST}


def built_in(image: str, hyperparameters: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """What the algorithm in an image prints of itself; nothing in script mode, where scripts print what they like."""
    if "sagemaker_program" in hyperparameters:
        return ()
    name = image.rpartition("/")[2].partition(":")[0].partition("@")[0]
    return _BUILT_IN.get(name.removeprefix("sagemaker-"), ())
