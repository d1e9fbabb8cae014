"""What IP Insights declares and checks, and its pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sagewright_container.algorithms import ip_pairs
from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.algorithms.ipinsights import IP_INSIGHTS


def checked(**given: str) -> dict[str, Any]:
    values = validate(IP_INSIGHTS.hyperparameters, {"num_entity_vectors": "100", "vector_dim": "8", **given})
    IP_INSIGHTS.check(values)
    return values


def test_the_defaults_are_aws_s() -> None:
    values = checked()
    assert (values["epochs"], values["learning_rate"], values["mini_batch_size"]) == (10, 0.001, 10000)
    assert (values["num_ip_encoder_layers"], values["weight_decay"]) == (1, 0.00001)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"vector_dim": "3"}, "vector_dim"),
        ({"num_entity_vectors": "250000001"}, "num_entity_vectors"),
        ({"random_negative_sampling_rate": "0", "shuffled_negative_sampling_rate": "0"}, "their sum is 0"),
    ],
)
def test_a_wrong_value_is_named(given: dict[str, str], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        checked(**given)


def channel(folder: Path, text: str) -> Input:
    (folder / "part.csv").write_text(text)
    return Input("train", "csv", str(folder))


def test_pairs_become_numbers(tmp_path: Path) -> None:
    pairs = ip_pairs.read(channel(tmp_path, 'ann, 10.0.0.1\n\n"bo, b",0.0.1.0\nann,255.255.255.255\n'), 1000)
    assert pairs.addresses.tolist() == [(10 << 24) + 1, 256, (1 << 32) - 1]
    assert pairs.entities[0] == pairs.entities[2] != pairs.entities[1]
    assert pairs.entities.max() < 1000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Channel train holds no data"),
        ("user,ip\n", "'ip' is no IPv4 address. CSV data must have no header"),
        ("ann,10.0.0.1\nbo,10.0.0.256\n", "part.csv in channel train: Line 2"),
        ("ann,10.0.0.1\nbo\n", "Line 2 is not an entity and an address"),
        ("ann,::1\n", "no IPv4 address"),
        ("ann,10.0.0.1,1\n", "Line 1"),
    ],
)
def test_bad_pairs_are_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        ip_pairs.read(channel(tmp_path, text), 10)
