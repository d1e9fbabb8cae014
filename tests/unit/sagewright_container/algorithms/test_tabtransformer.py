"""What the TabTransformer algorithms declare."""

from __future__ import annotations

import re

import pytest

from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.algorithms.tabtransformer import CLASSIFICATION, REGRESSION


def test_defaults_are_those_of_the_developer_guide() -> None:
    values = validate(REGRESSION.hyperparameters, {})
    assert values == {
        "n_epochs": 5,
        "patience": 10,
        "learning_rate": 0.001,
        "batch_size": 256,
        "input_dim": "32",
        "n_blocks": 4,
        "attn_dropout": 0.2,
        "mlp_dropout": 0.1,
        "frac_shared_embed": 0.25,
    }


@pytest.mark.parametrize("given", [{"input_dim": "20"}, {"n_blocks": "13"}, {"attn_dropout": "1.5"}])
def test_wrong_values_are_named(given: dict[str, str]) -> None:
    with pytest.raises(ClientError, match=next(iter(given))):
        validate(CLASSIFICATION.hyperparameters, given)


def test_metrics_are_found_in_the_line_of_an_epoch() -> None:
    line = "epoch 1/5 valid_loss=0.5 metrics={'r2': 0.75}"
    (r2,) = REGRESSION.metrics
    found = re.search(r2.regex, line)
    assert found is not None
    assert float(found[1]) == 0.75
    assert [each.name for each in CLASSIFICATION.metrics] == ["f1_score", "accuracy_score"]
