"""What Random Cut Forest declares and checks."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.algorithms.randomcutforest import RANDOM_CUT_FOREST


def checked(**given: str) -> dict[str, Any]:
    values = validate(RANDOM_CUT_FOREST.hyperparameters, {"feature_dim": "2", **given})
    RANDOM_CUT_FOREST.check(values)
    return values


def test_the_defaults_are_aws_s() -> None:
    values = checked()
    assert (values["num_trees"], values["num_samples_per_tree"]) == (100, 256)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("feature_dim", "10001"),
        ("num_trees", "49"),
        ("num_trees", "1001"),
        ("num_samples_per_tree", "2049"),
        ("num_samples_per_tree", "0"),
        ("eval_metrics", '["auc"]'),
        ("eval_metrics", "[accuracy"),
        ("eval_metrics", "accuracy, auc"),
    ],
)
def test_a_wrong_value_is_named(name: str, text: str) -> None:
    with pytest.raises(ClientError, match=name):
        checked(**{name: text})


@pytest.mark.parametrize("text", ['["accuracy"]', "accuracy", "accuracy, precision_recall_fscore"])
def test_metrics_are_a_json_list_or_words(text: str) -> None:
    assert checked(eval_metrics=text)["eval_metrics"] == text
