"""XGBoost without scikit-learn, which it would load for estimators that the built-in algorithm has none of: most of a
cold start's time."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

PICKLE = b"\x80"  # the first byte of a pickle


def import_alone(model_dir: str) -> None:
    """Import XGBoost before anybody else does, alone unless a model is a pickle: that may be of an estimator."""
    if {"xgboost", "sklearn"} & sys.modules.keys() or any(map(_is_pickle, _files(model_dir))):
        return
    modules: dict[str, Any] = sys.modules
    modules["sklearn"] = None  # as if it were not installed
    try:
        importlib.import_module("xgboost")
    finally:
        del modules["sklearn"]


def _files(folder: str) -> list[str]:
    return [entry.path for entry in os.scandir(folder) if entry.is_file()] if os.path.isdir(folder) else []


def _is_pickle(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(1) == PICKLE
