"""What the CatBoost algorithms declare, and the rules between their hyperparameters."""

from __future__ import annotations

import pytest

from sagewright_container.algorithms.catboost import CLASSIFICATION, REGRESSION
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate


def test_defaults_are_those_of_the_developer_guide() -> None:
    values = validate(CLASSIFICATION.hyperparameters, {"random_seed": "1.0"})
    assert (values["iterations"], values["learning_rate"], values["depth"]) == (500, 0.009, 6)
    assert values["random_seed"] == 1
    CLASSIFICATION.check(values)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"max_bin": "0"}, "max_bin: '0' is neither Auto nor from 1 to 65535"),
        ({"boosting_type": "Ordered", "grow_policy": "Lossguide"}, "Ordered goes with grow_policy SymmetricTree"),
        ({"depth": "17"}, "depth: 17 is not in [1, 16]"),
    ],
)
def test_wrong_values_are_named(given: dict[str, str], words: str) -> None:
    with pytest.raises(ClientError) as error:
        REGRESSION.check(validate(REGRESSION.hyperparameters, given))
    assert words in str(error.value)


def test_the_published_expression_is_the_same_for_all_metrics() -> None:
    assert {each.regex for each in REGRESSION.metrics} == {r"bestTest = ([0-9\.]+)"}
