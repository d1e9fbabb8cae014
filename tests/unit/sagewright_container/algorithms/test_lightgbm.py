"""What the LightGBM algorithms declare, and the rules between their hyperparameters."""

from __future__ import annotations

import re

import pytest

from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.algorithms.lightgbm import CLASSIFICATION, REGRESSION, LightGBM


def test_defaults_are_those_of_the_developer_guide() -> None:
    values = validate(REGRESSION.hyperparameters, {"use_dask": "False"})
    assert (values["num_boost_round"], values["early_stopping_rounds"], values["num_leaves"]) == (100, 10, 64)
    assert "use_dask" not in values


@pytest.mark.parametrize(
    ("algorithm", "given", "words"),
    [
        (REGRESSION, {"metric": "auc"}, "metric: auc is none for lightgbm-regression-model: rmse"),
        (CLASSIFICATION, {"metric": "rmse"}, "metric: rmse is none for lightgbm-classification-model"),
        (REGRESSION, {"boosting": "rf", "bagging_freq": "0"}, "rf needs a bagging_freq above 0"),
        (CLASSIFICATION, {"is_unbalance": "True", "scale_pos_weight": "2"}, "either it or is_unbalance"),
        (CLASSIFICATION, {"learning_rate": "0"}, "learning_rate: 0 is not in (0, 1]"),
        (CLASSIFICATION, {"num_boost_rounds": "5"}, "Did you mean num_boost_round?"),
    ],
)
def test_wrong_values_are_named(algorithm: LightGBM, given: dict[str, str], words: str) -> None:
    with pytest.raises(ClientError) as error:
        algorithm.check(validate(algorithm.hyperparameters, given))
    assert words in str(error.value)


def test_metrics_are_found_in_the_line_of_a_round() -> None:
    line = "[3]\tvalidation's rmse: 2.500000"
    (rmse,) = (each for each in REGRESSION.metrics if each.name == "rmse")
    found = re.search(rmse.regex, line)
    assert found is not None
    assert found[1] == "2.500000"
    assert not rmse.maximize
