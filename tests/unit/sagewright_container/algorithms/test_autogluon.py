"""What the AutoGluon algorithms declare, and the rules between their hyperparameters."""

from __future__ import annotations

import re

import pytest

from sagewright_container.algorithms.autogluon import CLASSIFICATION, REGRESSION, AutoGluon, bagged
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate

# What the SDK's `hyperparameters.retrieve_default` gives for the model ids.
GIVEN = {
    "eval_metric": "auto",
    "presets": "medium_quality",
    "auto_stack": "False",
    "num_bag_folds": "0",
    "num_bag_sets": "1",
    "num_stack_levels": "0",
    "refit_full": "False",
    "set_best_to_refit_full": "False",
    "save_space": "False",
    "verbosity": "2",
}


def test_defaults_are_those_of_the_model_id() -> None:
    assert validate(REGRESSION.hyperparameters, {}) == validate(REGRESSION.hyperparameters, GIVEN)


@pytest.mark.parametrize(
    ("given", "folds"),
    [
        ({}, False),
        ({"num_bag_folds": "5"}, True),
        ({"auto_stack": "True"}, True),
        ({"presets": "best_quality"}, True),
    ],
)
def test_folds_are_asked_for_in_three_ways(given: dict[str, str], folds: bool) -> None:
    assert bagged(validate(CLASSIFICATION.hyperparameters, given)) == folds


@pytest.mark.parametrize(
    ("algorithm", "given", "words"),
    [
        (
            REGRESSION,
            {"eval_metric": "roc_auc"},
            "eval_metric: roc_auc is none for autogluon-regression-ensemble: root",
        ),
        (CLASSIFICATION, {"eval_metric": "rmse"}, "eval_metric: rmse is none for autogluon-classification-ensemble"),
        (CLASSIFICATION, {"presets": "interpretable"}, "interpretable needs the library imodels"),
        (CLASSIFICATION, {"num_stack_levels": "1"}, "num_bag_folds from 2 on, or auto_stack True"),
        (CLASSIFICATION, {"num_stack_levels": "4", "num_bag_folds": "2"}, "num_stack_levels: 4 is not in [0, 3]"),
        (CLASSIFICATION, {"num_bag_folds": "1"}, "num_bag_folds"),
        (REGRESSION, {"set_best_to_refit_full": "True"}, "True needs refit_full True"),
        (REGRESSION, {"time_limits": "60"}, "time_limits is not known"),
    ],
)
def test_wrong_values_are_named(algorithm: AutoGluon, given: dict[str, str], words: str) -> None:
    with pytest.raises(ClientError) as error:
        algorithm.check(validate(algorithm.hyperparameters, given))
    assert words in str(error.value)


@pytest.mark.parametrize(
    "given",
    [
        {"eval_metric": "rmse"},
        {"set_best_to_refit_full": "True", "presets": "high_quality"},
        {"num_stack_levels": "1", "num_bag_folds": "2"},
    ],
)
def test_what_goes_together(given: dict[str, str]) -> None:
    REGRESSION.check(validate(REGRESSION.hyperparameters, given))


def test_metrics_are_told_apart_in_the_line_of_a_model() -> None:
    line = "Validation average_precision: 0.925 (CatBoost)"
    found = {each.name: re.search(each.regex, line) for each in CLASSIFICATION.metrics}
    assert {name: match[1] for name, match in found.items() if match} == {"average_precision": "0.925"}
    directions = {each.name: each.maximize for each in (*CLASSIFICATION.metrics, *REGRESSION.metrics)}
    names = ("roc_auc", "r2", "log_loss", "root_mean_squared_error")
    assert [directions[name] for name in names] == [True, True, False, False]
