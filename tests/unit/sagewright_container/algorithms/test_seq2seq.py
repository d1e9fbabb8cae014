"""Sequence-to-Sequence's declarations, records and vocabularies: nothing of PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sagewright_container import recordio
from sagewright_container.algorithms import seq2seq_text
from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.algorithms.seq2seq import SEQ2SEQ

WORDS = {word: number for number, word in enumerate([*seq2seq_text.SPECIAL, "one", "two"])}


def given(**more: str) -> dict[str, Any]:
    values = validate(SEQ2SEQ.hyperparameters, more)
    SEQ2SEQ.check(values)
    return values


@pytest.mark.parametrize("more", [{"encoder_type": "cnn"}, {"decoder_type": "cnn"}, {"momentum": "0.5"}])
def test_what_is_not_built_is_refused(more: dict[str, str]) -> None:
    with pytest.raises(ClientError, match=f"Hyperparameter {next(iter(more))}"):
        given(**more)


def test_pairs_are_read_and_cut(tmp_path: Path) -> None:
    (tmp_path / "train.rec").write_bytes(recordio.write_integers([{"source": [4, 5, 1], "target": [2, 5, 3]}]))
    source = Input("train", "recordio-protobuf", str(tmp_path))
    (pair,) = seq2seq_text.read(source, given(max_seq_len_source="2"), (WORDS, WORDS))
    assert pair == ([4, 5], [5])  # without the marks of beginning and end


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "Channel train holds no data"),
        (b"record io", "train.rec in channel train"),
        (recordio.write_integers([{"source": [4]}]), "Record 1 of train.rec in channel train has no target"),
        (recordio.write_integers([{"source": [6], "target": [4]}]), "source holds a number that is not in its voc"),
    ],
)
def test_wrong_records_are_named(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "train.rec").write_bytes(data)
    with pytest.raises(ClientError, match=reason):
        seq2seq_text.read(Input("train", "recordio-protobuf", str(tmp_path)), given(), (WORDS, WORDS))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ('{"a": 5}', "without gaps"),
        ('{"a": 0}', "does not begin with <pad>"),
        (None, "holds no voc"),
    ],
)
def test_wrong_vocabularies_are_named(tmp_path: Path, text: str | None, reason: str) -> None:
    (tmp_path / "vocab.src.json").write_text(json.dumps(WORDS))
    if text is not None:
        (tmp_path / "vocab.trg.json").write_text(text)
    with pytest.raises(ClientError, match=reason):
        seq2seq_text.vocabularies(Input("vocab", "json", str(tmp_path)))


def test_bleu_is_one_of_what_is_right_and_less_of_what_is_not() -> None:
    sentences = [[4, 5, 6, 7, 8], [5, 5, 6, 4]]
    assert seq2seq_text.bleu(sentences, sentences) == pytest.approx(1)
    assert 0 < seq2seq_text.bleu([[4, 5, 6], [5]], sentences) < 0.6
    assert seq2seq_text.bleu([[9], [9]], sentences) == 0
