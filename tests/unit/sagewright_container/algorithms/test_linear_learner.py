"""Linear Learner's declarations and the rules between its hyperparameters."""

from __future__ import annotations

import re

import pytest

from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.algorithms.linear_learner import LINEAR_LEARNER

REGRESSOR = {"predictor_type": "regressor"}


def test_what_is_not_said_is_left_to_the_algorithm() -> None:
    values = validate(LINEAR_LEARNER.hyperparameters, {**REGRESSOR, "optimizer": "adam", "learning_rate": "auto"})
    LINEAR_LEARNER.check(values)
    assert (values["wd"], values["num_models"], values["loss"], values["epochs"]) == ("auto", "auto", "auto", 15)
    assert "optimizer" not in values
    assert "learning_rate" not in values


def test_a_number_in_the_place_of_a_word() -> None:
    given = {"predictor_type": "binary_classifier", "positive_example_weight_mult": "balanced", "wd": "0.5"}
    values = validate(LINEAR_LEARNER.hyperparameters, given)
    assert (values["positive_example_weight_mult"], values["wd"]) == ("balanced", 0.5)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "predictor_type is required"),
        ({"predictor_type": "ranker"}, "predictor_type: ranker is not one of"),
        ({**REGRESSOR, "wd": "some"}, "wd: 'some' is not a number or auto"),
        ({**REGRESSOR, "l1": "-1"}, "l1: -1 is not in"),
        ({**REGRESSOR, "loss": "hinge_loss"}, "hinge_loss is not one of a regressor's: squared_loss"),
        ({"predictor_type": "multiclass_classifier"}, "num_classes must be 3 or more"),
        ({"predictor_type": "multiclass_classifier", "num_classes": "2"}, "num_classes must be 3 or more"),
    ],
)
def test_what_does_not_go_together(given: dict[str, str], told: str) -> None:
    with pytest.raises(ClientError, match=re.escape(told)):
        LINEAR_LEARNER.check(validate(LINEAR_LEARNER.hyperparameters, given))


def test_the_published_expressions_find_what_is_printed() -> None:
    found = {each.name: each.regex for each in LINEAR_LEARNER.metrics}
    line = "#quality_metric: host=algo-1, validation binary_f_beta <score>=0.98"
    assert re.search(found["validation:binary_f_beta"], line)
    assert re.search(
        found["train:objective_loss"], "#quality_metric: host=algo-1, epoch=3, train objective_loss <loss>=1e-05"
    )
