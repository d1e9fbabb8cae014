"""What SAGEMAKER_INFERENCE_OUTPUT selects. The cases are those that AWS's image is tested with."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sagewright_container.serving.xgboost_output import selected


class Predictions:
    """As much of an array as is needed."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def tolist(self) -> list[Any]:
        """The values."""
        return self.values


@pytest.mark.parametrize(
    ("objective", "value", "name", "expected"),
    [
        ("binary:logistic", 0.75, "predicted_label", 1),
        ("binary:logistic", 0.25, "predicted_label", 0),
        ("binary:logistic", 0.75, "labels", [0, 1]),
        ("binary:logistic", 0.75, "probability", 0.75),
        ("binary:logistic", 0.75, "probabilities", [0.25, 0.75]),
        ("binary:logitraw", -7.5, "predicted_label", 0),
        ("binary:logitraw", -7.5, "raw_score", -7.5),
        ("binary:hinge", 1.0, "predicted_label", 1.0),
        ("binary:hinge", 1.0, "raw_scores", [0.0, 1.0]),
        ("multi:softmax", 2.0, "predicted_label", 2.0),
        ("multi:softprob", [0.1, 0.5, 0.4], "predicted_label", 1),
        ("multi:softprob", [0.1, 0.5, 0.4], "labels", [0, 1, 2]),
        ("multi:softprob", [0.1, 0.5, 0.4], "probability", 0.5),
        ("multi:softprob", [0.1, 0.5, 0.4], "probabilities", [0.1, 0.5, 0.4]),
        ("reg:squarederror", 24.5, "predicted_score", 24.5),
    ],
)
def test_selection(objective: str, value: Any, name: str, expected: Any) -> None:
    assert selected(Predictions([value]), [name], objective, 3) == [{name: expected}]


@pytest.mark.parametrize(
    ("objective", "name"), [("reg:gamma", "predicted_label"), ("binary:hinge", "probability"), ("reg:gamma", "foo")]
)
def test_what_an_objective_does_not_have_is_nan(objective: str, name: str) -> None:
    assert math.isnan(selected(Predictions([1.0]), [name], objective, 0)[0][name])
