"""Declared hyperparameters against the strings of a request."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import (
    Hyperparameter,
    Range,
    choice,
    integer,
    number,
    validate,
)

DECLARED = [
    integer("rounds", 1, required=True),
    number("eta", Range(0, 1), default=0.3, aliases=("learning_rate",)),
    number("share", Range(0, 1, low_open=True)),
    choice("booster", "tree", "linear"),
    Hyperparameter(name="metrics", kind="List", choices=("a", "b")),
    Hyperparameter(name="signs", kind="Tuple", choices=(-1, 0, 1)),
    Hyperparameter(name="groups", kind="NestedList", range=Range(0)),
    choice("silent", "0", "1", ignored=True),
]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({}, {}),
        ({"eta": "1"}, {"eta": 1.0}),
        ({"learning_rate": "1e-3"}, {"eta": 0.001}),
        ({"rounds": "7.0"}, {"rounds": 7}),
        ({"booster": "linear"}, {"booster": "linear"}),
        ({"metrics": "a, b"}, {"metrics": ["a", "b"]}),
        ({"signs": "(1, -1, 0)"}, {"signs": (1, -1, 0)}),
        ({"groups": "[[0, 2], [1]]"}, {"groups": [[0, 2], [1]]}),
        ({"silent": "1"}, {}),
    ],
)
def test_what_is_taken(given: dict[str, str], values: dict[str, Any]) -> None:
    assert validate(DECLARED, {"rounds": "5", **given}) == {"rounds": 5, "eta": 0.3, **values}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"rounds": ""}, "Hyperparameter rounds: '' is not a whole number."),
        ({"rounds": "2.5"}, "Hyperparameter rounds: '2.5' is not a whole number."),
        ({"rounds": "0"}, r"Hyperparameter rounds: 0 is not in \[1, \+inf\)."),
        ({"eta": "1.1"}, r"Hyperparameter eta: 1.1 is not in \[0, 1\]."),
        ({"eta": "nan"}, r"Hyperparameter eta: nan is not in \[0, 1\]."),
        ({"share": "0"}, r"Hyperparameter share: 0 is not in \(0, 1\]."),
        ({"booster": "dart"}, "Hyperparameter booster: dart is not one of: tree, linear."),
        ({"metrics": "a,c"}, "Hyperparameter metrics: a,c is not one of: a, b."),
        ({"signs": "(2,)"}, r"Hyperparameter signs: \(2,\) is not one of: -1, 0, 1."),
        ({"signs": "import os"}, "Hyperparameter signs: 'import os' is not a tuple"),
        ({"groups": "[1]"}, r"Hyperparameter groups: '\[1\]' is not a list of lists"),
        ({"boster": "tree"}, "Hyperparameter boster is not known to this algorithm. Did you mean booster?"),
        ({"eta": "1", "learning_rate": "1"}, "Hyperparameter eta is given twice"),
    ],
)
def test_what_is_refused(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        validate(DECLARED, {"rounds": "5", **given})


def test_what_is_required() -> None:
    with pytest.raises(ClientError, match="Hyperparameter rounds is required"):
        validate(DECLARED, {})
