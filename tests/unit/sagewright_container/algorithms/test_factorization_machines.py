"""Factorization machines' declarations and the rules between their hyperparameters."""

from __future__ import annotations

import re

import pytest

from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.factorization_machines import FACTORIZATION_MACHINES
from sagewright_container.algorithms.hyperparameters import validate

GIVEN = {"feature_dim": "8", "num_factors": "3", "predictor_type": "regressor"}


def test_defaults() -> None:
    values = validate(FACTORIZATION_MACHINES.hyperparameters, GIVEN)
    FACTORIZATION_MACHINES.check(values)
    assert (values["bias_lr"], values["linear_wd"], values["factors_init_sigma"]) == (0.1, 0.001, 0.001)
    assert (values["epochs"], values["mini_batch_size"]) == (1, 1000)
    assert "clip_gradient" not in values


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"predictor_type": "classifier"}, "predictor_type: classifier is not one of"),
        ({"num_factors": "0"}, "num_factors: 0 is not in"),
        ({"factors_lr": "-1"}, "factors_lr: -1 is not in"),
        ({"linear_init_method": "uniform"}, "needs the hyperparameter linear_init_scale"),
        ({"bias_init_method": "constant"}, "needs the hyperparameter bias_init_value"),
    ],
)
def test_what_does_not_go_together(given: dict[str, str], told: str) -> None:
    with pytest.raises(ClientError, match=re.escape(told)):
        FACTORIZATION_MACHINES.check(validate(FACTORIZATION_MACHINES.hyperparameters, {**GIVEN, **given}))
