"""Object2Vec's declarations, and the reading of pairs: nothing of PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sagewright_container.algorithms import object2vec, object2vec_pairs
from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.algorithms.object2vec import OBJECT2VEC
from sagewright_container.algorithms.object2vec_pairs import Pairs, Sequences

REQUIRED = {"enc0_max_seq_len": "3", "enc0_vocab_size": "10"}


def given(**more: str) -> dict[str, Any]:
    """Hyperparameters, checked."""
    values = validate(OBJECT2VEC.hyperparameters, {**REQUIRED, **more})
    OBJECT2VEC.check(values)
    return values


def test_the_second_encoder_is_as_the_first_where_nothing_is_said() -> None:
    values = given(enc0_network="bilstm", enc1_vocab_size="20")
    first, second = (object2vec.encoder(values, name) for name in ("enc0", "enc1"))
    assert (first["network"], first["layers"], first["token_embedding_dim"]) == ("bilstm", 1, 300)
    assert second == {**first, "vocab_size": 20}


def test_the_second_encoder_is_another() -> None:
    values = given(enc1_network="bilstm", enc1_layers="2", enc1_max_seq_len="7")
    second = object2vec.encoder(values, "enc1")
    assert (second["network"], second["layers"], second["max_seq_len"]) == ("bilstm", 2, 7)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"comparator_list": "hadamard, minus"}, "Hyperparameter comparator_list"),
        ({"enc1_network": "pooled_embedding"}, "encodings of enc0 have 4096 dimensions, those of enc1 300"),
        ({"tied_token_embedding_weight": "True", "enc1_vocab_size": "11"}, "enc0_vocab_size and enc1_vocab_size equal"),
        ({"token_embedding_storage_type": "row_sparse", "optimizer": "rmsprop"}, "row_sparse works with"),
        ({"enc0_vocab_file": "words.json"}, "enc0_pretrained_embedding_file and enc0_vocab_file go together"),
    ],
)
def test_rules_between_hyperparameters(more: dict[str, str], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        given(**more)


def test_a_batch_is_as_wide_as_its_longest() -> None:
    some = Sequences([[1, 2, 3, 4], [5], [6, 7]], longest=3, pad=9)
    np.testing.assert_array_equal(some.batch([2, 1]), [[6, 7], [5, 9]])
    np.testing.assert_array_equal(some.batch([0]), [[1, 2, 3]])


def test_pairs_that_nobody_has_seen_are_labelled_so() -> None:
    pairs = Pairs(Sequences([[1], [2]], 1, 9), Sequences([[3], [4]], 1, 9), np.array([1, 1]))
    (batch,) = pairs.batches(2, np.random.default_rng(0), negatives=2)
    assert batch.labels.tolist() == [1, 1, 0, 0, 0, 0]
    assert batch.first.shape == batch.second.shape == (6, 1)


def read(folder: Path, *lines: str, **more: str) -> Pairs:
    (folder / "pairs.jsonl").write_text("\n".join(lines))
    return object2vec_pairs.read(Input("train", "jsonlines", str(folder)), given(**more))


def test_pairs_are_read(tmp_path: Path) -> None:
    pairs = read(tmp_path, '{"label": 1, "in0": [1, 2], "in1": [3]}', "", '{"label": 0.0, "in0": [1], "in1": [3]}')
    assert pairs.labels.tolist() == [1, 0]
    ratings = read(tmp_path, '{"label": 3.5, "in0": [1], "in1": [3]}', output_layer="mean_squared_error")
    assert ratings.labels.tolist() == [3.5]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "pairs.jsonl, line 2 in channel train: it is not JSON"),
        ("[]", "it is no pair"),
        ('{"in0": [1], "in1": [1]}', "it has no label that is a number"),
        ('{"label": 2, "in0": [1], "in1": [1]}', "labels are 0 to 1"),
        ('{"label": 1, "in0": [], "in1": [1]}', "in0 is no list of tokens"),
        ('{"label": 1, "in0": [1]}', "in1 is no list of tokens"),
        ('{"label": 1, "in0": [10], "in1": [1]}', "in0 holds 10: tokens are whole numbers from 0 to 9"),
        ('{"label": 1, "in0": ["a"], "in1": [1]}', "in0 holds 'a'"),
    ],
)
def test_wrong_pairs_are_named(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        read(tmp_path, '{"label": 1, "in0": [1], "in1": [1]}', line)


def test_no_pairs(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="Channel train holds no data"):
        read(tmp_path, "")
