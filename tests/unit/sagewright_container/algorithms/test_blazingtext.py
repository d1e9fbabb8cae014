"""What BlazingText declares and checks, and its channels of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sagewright_container import recordio
from sagewright_container.algorithms import texts
from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.blazingtext import BLAZING_TEXT, threads
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate


def checked(**given: str) -> dict[str, Any]:
    values = validate(BLAZING_TEXT.hyperparameters, given)
    BLAZING_TEXT.check(values)
    return values


def frame(payload: bytes) -> bytes:
    return (
        recordio.MAGIC.to_bytes(4, "little") + len(payload).to_bytes(4, "little") + payload + bytes(-len(payload) % 4)
    )


def test_the_defaults_are_aws_s() -> None:
    values = checked(mode="supervised")
    assert (values["epochs"], values["min_count"], values["vector_dim"], values["word_ngrams"]) == (5, 5, 100, 2)
    assert (values["buckets"], values["patience"], values["sampling_threshold"]) == (2000000, 4, 0.0001)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "mode is required"),
        ({"mode": "glove"}, "mode"),
        ({"mode": "batch_skipgram", "subwords": "True"}, "subwords"),
        ({"mode": "cbow", "min_char": "7"}, "min_char"),
        ({"mode": "cbow", "learning_rate": "0"}, "learning_rate"),
        ({"mode": "cbow", "evaluation": "yes"}, "evaluation"),
    ],
)
def test_a_wrong_value_is_named(given: dict[str, str], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        checked(**given)


def channel(folder: Path, content_type: str, data: bytes) -> Input:
    (folder / "train").mkdir()
    (folder / "train/part").write_bytes(data)
    return Input("train", content_type, str(folder / "train"))


LABELLED = b"__label__good a fine day\n__label__1 __label__2 rain\n"


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("text", LABELLED),
        (
            "jsonlines",
            b'{"source": "a fine  day", "label": "good"}\n\n{"source": "rain", "label": [1, "__label__2"]}',
        ),
        ("recordio", frame(b"a fine day") + frame(b'"good"') + frame(b"rain") + frame(b"[1, 2]")),
    ],
)
def test_every_form_of_text_becomes_labelled_lines(tmp_path: Path, content_type: str, data: bytes) -> None:
    path = texts.gathered(channel(tmp_path, content_type, data), lambda _: str(tmp_path / "out"), labelled=True)
    assert Path(path).read_bytes() == LABELLED


@pytest.mark.parametrize(
    ("content_type", "data", "reason"),
    [
        ("text", b" \n", "Channel train holds no data"),
        ("text", b"__label__a b\n\nno label\n", "part in channel train: Line 3 has no label"),
        ("text", b"__label__a b\n\xff\n", "Line 2 is not UTF-8"),
        ("jsonlines", b'{"source": "a"}', "Line 1 is not of the form"),
        ("jsonlines", b"[]", "Line 1 is not of the form"),
        ("recordio", b"plain text", "records of an augmented manifest"),
        ("recordio", frame(b"alone"), "lacks its label"),
    ],
)
def test_bad_texts_are_named(tmp_path: Path, content_type: str, data: bytes, reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        texts.gathered(channel(tmp_path, content_type, data), lambda _: str(tmp_path / "out"), labelled=True)


def test_a_channel_s_own_file_is_read_where_nothing_has_to_be_changed(tmp_path: Path) -> None:
    source = channel(tmp_path, "text", LABELLED)
    with texts.scratch() as place:
        assert texts.gathered(source, place, labelled=True) == str(tmp_path / "train/part")
        Path(source.path, "second").write_bytes(b"__label__bad a grey day")
        path = Path(texts.gathered(source, place, labelled=True))
        assert path.read_bytes() == LABELLED + b"__label__bad a grey day\n"
    assert not path.parent.exists()


def test_a_line_far_down_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_PIECE", 16)
    source = channel(tmp_path, "text", b"__label__a one\n" * 9 + b"two __label__b\n\n" + b"three\n")
    with pytest.raises(ClientError, match=r"Line 12 has no label: .*'three'"):
        texts.gathered(source, lambda _: str(tmp_path / "out"), labelled=True)
    Path(source.path, "part").write_bytes(b"__label__a one\n" * 9 + b"__label__a \xff\n")
    with pytest.raises(ClientError, match="Line 10 is not UTF-8"):
        texts.gathered(source, lambda _: str(tmp_path / "out"), labelled=True)


@pytest.mark.parametrize(
    ("given", "size", "wanted"),
    [
        ({"mode": "skipgram"}, 50_000, 1),
        ({"mode": "skipgram"}, 10_000_000, 4),
        ({"mode": "skipgram", "subwords": "True"}, 100_000, 4),
        ({"mode": "supervised", "buckets": "100000"}, 100_000, 1),
        ({"mode": "supervised"}, 100_000, 4),
        ({"mode": "supervised", "buckets": "100000"}, 100_000_000, 4),
    ],
)
def test_so_many_threads_train_as_are_quickest(given: dict[str, str], size: int, wanted: int) -> None:
    assert threads(checked(**given), size, 4) == wanted
