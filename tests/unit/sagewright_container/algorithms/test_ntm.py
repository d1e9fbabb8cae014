"""What the Neural Topic Model declares and checks."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.algorithms.ntm import NTM, layers


def checked(**given: str) -> dict[str, Any]:
    values = validate(NTM.hyperparameters, {"feature_dim": "10", "num_topics": "5", **given})
    NTM.check(values)
    return values


def test_the_defaults_are_aws_s() -> None:
    values = checked()
    assert (values["epochs"], values["optimizer"], values["mini_batch_size"]) == (50, "adadelta", 256)
    assert (values["tolerance"], values["num_patience_epochs"]) == (0.001, 3)
    assert "clip_gradient" not in values


@pytest.mark.parametrize(
    ("text", "sizes"), [("auto", [15, 10]), ("7", [7]), ("30, 20", [30, 20]), ("[30, 20]", [30, 20])]
)
def test_layers_of_the_encoder(text: str, sizes: list[int]) -> None:
    assert layers(checked(encoder_layers=text)) == sizes


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("num_topics", "1"),
        ("encoder_layers", "3,x"),
        ("encoder_layers", "0"),
        ("clip_gradient", "0.0001"),
        ("sub_sample", "0"),
        ("optimizer", "lamb"),
        ("batch_norm", "maybe"),
        ("tolerance", "1"),
    ],
)
def test_a_wrong_value_is_named(name: str, text: str) -> None:
    with pytest.raises(ClientError, match=name):
        checked(**{name: text})
