"""Models of scikit-learn, as its users keep them: joblib's file, which loads wherever scikit-learn is."""

from __future__ import annotations

import importlib
import os
from typing import Any

from sagewright_container import alone

FILE = "model.joblib"


def module(name: str) -> Any:
    """A module of scikit-learn, which asks for pandas only to know it when it sees it."""
    return alone.import_alone(f"sklearn.{name}", "pandas")


def save(fitted: Any, model_dir: str) -> None:
    """Leave a fitted estimator in the model's folder."""
    importlib.import_module("joblib").dump(fitted, os.path.join(model_dir, FILE))


def load(model_dir: str) -> Any:
    """The estimator that `save` left."""
    return importlib.import_module("joblib").load(os.path.join(model_dir, FILE))


class Fitted:
    """What such a model's answers are made with."""

    title = "predictions"

    def __init__(self, fitted: Any) -> None:
        self._fitted = fitted

    @property
    def width(self) -> int:
        """Features of a row."""
        return int(self._fitted.n_features_in_)
