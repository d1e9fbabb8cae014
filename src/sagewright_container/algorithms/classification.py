"""Metrics of classification and regression that XGBoost itself lacks and SageMaker's image adds.

Each takes labels and predicted classes, or predicted values, one per row, and answers a float.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def classes(predictions: Any, objective: str) -> Any:
    """The class of each row: the likeliest of several, the one predicted, or whether class 1 is the likelier."""
    if predictions.ndim > 1:
        return predictions.argmax(axis=1)
    if objective == "multi:softmax":
        return predictions.astype(int)
    return (predictions > (0.0 if objective == "binary:logitraw" else 0.5)).astype(int)


def accuracy(labels: Any, predicted: Any) -> float:
    """The share of rows whose class is right."""
    return float(np.mean(labels == predicted))


def balanced_accuracy(labels: Any, predicted: Any) -> float:
    """Recall, averaged over the classes that occur."""
    return float(np.mean([np.mean(predicted[labels == each] == each) for each in np.unique(labels)]))


def _counts(labels: Any, predicted: Any) -> tuple[Any, Any, Any]:
    """Per class: right, predicted, there."""
    every = np.unique(np.concatenate([labels, predicted]))
    right = np.array([np.sum((labels == each) & (predicted == each)) for each in every], float)
    said = np.array([np.sum(predicted == each) for each in every], float)
    there = np.array([np.sum(labels == each) for each in every], float)
    return right, said, there


def _ratio(part: Any, whole: Any) -> Any:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def precision_macro(labels: Any, predicted: Any) -> float:
    """Precision, averaged over the classes."""
    right, said, _ = _counts(labels, predicted)
    return float(np.mean(_ratio(right, said)))


def recall_macro(labels: Any, predicted: Any) -> float:
    """Recall, averaged over the classes."""
    right, _, there = _counts(labels, predicted)
    return float(np.mean(_ratio(right, there)))


def f1_macro(labels: Any, predicted: Any) -> float:
    """F1, averaged over the classes."""
    right, said, there = _counts(labels, predicted)
    return float(np.mean(_ratio(2 * right, said + there)))


def _binary(labels: Any, predicted: Any) -> tuple[Any, Any, Any]:
    right = np.sum((labels == 1) & (predicted == 1), keepdims=True).astype(float)
    said = np.sum(predicted == 1, keepdims=True).astype(float)
    there = np.sum(labels == 1, keepdims=True).astype(float)
    return right, said, there


def precision_binary(labels: Any, predicted: Any) -> float:
    """Precision of class 1."""
    right, said, _ = _binary(labels, predicted)
    return float(_ratio(right, said)[0])


def recall_binary(labels: Any, predicted: Any) -> float:
    """Recall of class 1."""
    right, _, there = _binary(labels, predicted)
    return float(_ratio(right, there)[0])


def f1_binary(labels: Any, predicted: Any) -> float:
    """F1 of class 1."""
    right, said, there = _binary(labels, predicted)
    return float(_ratio(2 * right, said + there)[0])


def mse(labels: Any, values: Any) -> float:
    """Mean squared error."""
    return float(np.mean((labels - values) ** 2))


def r2(labels: Any, values: Any) -> float:
    """The coefficient of determination."""
    spread = float(np.sum((labels - np.mean(labels)) ** 2))
    return 1.0 - float(np.sum((labels - values) ** 2)) / spread if spread else 0.0


OF_CLASSES: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "f1": f1_macro,
    "f1_binary": f1_binary,
    "f1_macro": f1_macro,
    "precision": precision_binary,
    "precision_macro": precision_macro,
    "precision_micro": accuracy,  # over all classes of single-label data, these two are the accuracy
    "recall": recall_binary,
    "recall_macro": recall_macro,
    "recall_micro": accuracy,
}
OF_VALUES: dict[str, Callable[[Any, Any], float]] = {"mse": mse, "r2": r2}
