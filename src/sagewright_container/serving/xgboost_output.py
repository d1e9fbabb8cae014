"""What SAGEMAKER_INFERENCE_OUTPUT can select for a prediction, by the model's objective."""

from __future__ import annotations

import math
from typing import Any

_SCORE = ("predicted_score",)
_CLASS = ("predicted_label", "labels", "raw_score", "raw_scores")
_PROBABLE = (*_CLASS, "probability", "probabilities")

SELECTABLE = {
    "reg:squarederror": _SCORE,
    "reg:logistic": _SCORE,
    "reg:gamma": _SCORE,
    "reg:tweedie": _SCORE,
    "reg:absoluteerror": _SCORE,
    "reg:squaredlogerror": _SCORE,
    "reg:pseudohubererror": _SCORE,
    "binary:logistic": _PROBABLE,
    "binary:logitraw": _CLASS,
    "binary:hinge": _CLASS,
    "multi:softmax": _CLASS,
    "multi:softprob": _PROBABLE,
}


def selected(predictions: Any, chosen: list[str], objective: str, num_class: int) -> list[dict[str, Any]]:
    """For each row the chosen values in their order; NaN for what the objective does not have."""
    known = SELECTABLE[objective]
    labels = list(range(num_class)) if objective.startswith("multi:") else [0, 1]
    rows: list[dict[str, Any]] = []
    for value in predictions.tolist():
        every = _values(value, objective, labels)
        rows.append({name: every[name] if name in known else math.nan for name in chosen})
    return rows


def _values(value: Any, objective: str, labels: list[int]) -> dict[str, Any]:
    """Everything that can be said of one row, whether the objective has it or not."""
    if isinstance(value, list):
        best = max(value)
        return {
            "predicted_label": value.index(best),
            "labels": labels,
            "probability": best,
            "probabilities": value,
            "raw_score": best,
            "raw_scores": value,
        }
    threshold = {"binary:logistic": 0.5, "binary:logitraw": 0.0}.get(objective)
    both = [1.0 - value, value]
    return {
        "predicted_score": value,
        "predicted_label": value if threshold is None else int(value > threshold),
        "labels": labels,
        "probability": value,
        "probabilities": both,
        "raw_score": value,
        "raw_scores": both,
    }
