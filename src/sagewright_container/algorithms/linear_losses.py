"""The losses of a linear model: of each row, the loss and its slope along the row's output.

`outputs` is one float per row, or a row of floats per class; `labels` one float per row. Where a loss has a kink it is
rounded off over `ROUND`, so that a method for smooth functions finds its minimum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sagewright_container.algorithms.linear_model import softmax

ROUND = 1e-3

Loss = Callable[[Any, Any], tuple[Any, Any]]
"""(outputs, labels) → (a loss per row, its derivative by the outputs)."""


def of(name: str, values: Mapping[str, Any], *, unit: float = 1.0) -> Loss:
    """The loss that the hyperparameters tell; those given in units of the label are divided by `unit`."""
    if name == "huber_loss":
        return _huber(values["huber_delta"] / unit)
    if name == "hinge_loss":
        return _hinge(values["margin"])
    if name == "quantile_loss":
        return _quantile(values["quantile"])
    if name.startswith("eps_insensitive"):
        return _insensitive(values["loss_insensitivity"] / unit, squared=name.endswith("squared_loss"))
    return {
        "logistic": _logistic,
        "softmax_loss": _softmax,
        "squared_loss": _squared,
        "absolute_loss": _insensitive(0.0, squared=False),
    }[name]


def _logistic(outputs: Any, labels: Any) -> tuple[Any, Any]:
    small = np.exp(-np.abs(outputs))  # the one exponential that both need, and that never overflows
    probabilities = np.where(outputs >= 0, 1, small) / (1 + small)
    return np.log1p(small) + np.maximum(outputs, 0) - labels * outputs, probabilities - labels


def _softmax(outputs: Any, labels: Any) -> tuple[Any, Any]:
    slopes = softmax(outputs)
    rows, classes = np.arange(len(labels)), labels.astype(int)
    losses = -np.log(np.maximum(slopes[rows, classes], 1e-300))
    slopes[rows, classes] -= 1
    return losses, slopes


def _squared(outputs: Any, labels: Any) -> tuple[Any, Any]:
    errors = outputs - labels
    return errors**2, 2 * errors


def _ramp(excess: Any) -> tuple[Any, Any]:
    """max(0, excess), rounded off, and its slope."""
    slopes = np.clip(excess / ROUND, 0, 1)
    return slopes * (excess - slopes * ROUND / 2), slopes


def _hinge(margin: float) -> Loss:
    def loss(outputs: Any, labels: Any) -> tuple[Any, Any]:
        signs = 2 * labels - 1
        losses, slopes = _ramp(margin - signs * outputs)
        return losses, -signs * slopes

    return loss


def _huber(delta: float) -> Loss:
    def loss(outputs: Any, labels: Any) -> tuple[Any, Any]:
        errors = outputs - labels
        near = np.clip(errors, -delta, delta)
        return near * (errors - near / 2), near

    return loss


def _quantile(quantile: float) -> Loss:
    def loss(outputs: Any, labels: Any) -> tuple[Any, Any]:
        below, above = _ramp(labels - outputs), _ramp(outputs - labels)
        losses = quantile * below[0] + (1 - quantile) * above[0]
        return losses, (1 - quantile) * above[1] - quantile * below[1]

    return loss


def _insensitive(epsilon: float, *, squared: bool) -> Loss:
    def loss(outputs: Any, labels: Any) -> tuple[Any, Any]:
        errors = outputs - labels
        if squared:
            excess = np.maximum(np.abs(errors) - epsilon, 0)
            return excess**2, 2 * np.sign(errors) * excess
        losses, slopes = _ramp(np.abs(errors) - epsilon)
        return losses, np.sign(errors) * slopes

    return loss
