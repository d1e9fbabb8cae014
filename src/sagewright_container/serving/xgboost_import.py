"""XGBoost without scikit-learn, which it would load for estimators that the built-in algorithm has none of: most of a
cold start's time."""

from __future__ import annotations

import os

from sagewright_container import alone

PICKLE = b"\x80"  # the first byte of a pickle


def import_alone(model_dir: str) -> None:
    """Import XGBoost before anybody else does, alone unless a model is a pickle: that may be of an estimator."""
    if not any(map(_is_pickle, _files(model_dir))):
        alone.import_alone("xgboost", "sklearn")


def _files(folder: str) -> list[str]:
    return [entry.path for entry in os.scandir(folder) if entry.is_file()] if os.path.isdir(folder) else []


def _is_pickle(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(1) == PICKLE
