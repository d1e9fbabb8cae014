"""Channels of texts for BlazingText: checked and gathered into one file, and what is written and measured of vectors.

A text is a line of words with spaces between them; a labelled one begins with words such as `__label__good`. JSON lines
are `{"source": "the text", "label": "good"}` (or a list of labels); an augmented manifest in Pipe mode sends the same
two as RecordIO records, one after the other.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from sagewright_container import recordio
from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.errors import ClientError

LABEL = "__label__"


def gathered(source: Input, path: str, *, labelled: bool) -> str:
    """All texts of a channel in a file at `path`, which is answered. Raises ClientError."""
    some = False
    with open(path, "wb") as out:
        for name in source.files():
            with open(name, "rb") as file:
                data = file.read()
            try:
                text = _READERS[source.content_type](data, labelled)
                some = _check(text, labelled) or some
            except ClientError as error:
                raise ClientError(f"{os.path.basename(name)} in channel {source.name}: {error}") from error
            out.write(text if text.endswith(b"\n") else text + b"\n")
    if not some:
        raise source.nothing()
    return path


def _check(text: bytes, labelled: bool) -> bool:
    """Whether there is anything. Raises ClientError for a line that is not UTF-8 or lacks its label."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise ClientError(f"Line {line} is not UTF-8.") from error
    if labelled:
        mark = LABEL.encode()
        for number, each in enumerate(text.split(b"\n"), 1):
            if mark not in each and each.strip():
                shown = each[:60].decode("utf-8", "replace")
                raise ClientError(f"Line {number} has no label: begin it with {LABEL} and the label's name: {shown!r}.")
    return bool(text.strip())


def _plain(data: bytes, _labelled: bool) -> bytes:
    return data


def _json_lines(data: bytes, labelled: bool) -> bytes:
    lines: list[str] = []
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                value = json.loads(line)
                lines.append(_line(value["source"], value["label"] if labelled else []))
            except (ValueError, KeyError, TypeError) as error:
                form = '{"source": "some words", "label": "a name"}'
                raise ClientError(f"Line {number} is not of the form {form}.") from error
    return "\n".join(lines).encode()


def _records(data: bytes, labelled: bool) -> bytes:
    try:
        payloads = [bytes(payload).decode() for payload in recordio.frames(data)]
    except (recordio.FormatError, UnicodeDecodeError) as error:
        raise ClientError(f"These are not the records of an augmented manifest. {error}") from error
    if not labelled:
        return "\n".join(_line(text, []) for text in payloads).encode()
    if len(payloads) % 2:
        raise ClientError("A text lacks its label: AttributeNames of the channel must be source and label.")
    pairs = zip(payloads[::2], payloads[1::2], strict=True)
    return "\n".join(_line(text, _value(label)) for text, label in pairs).encode()


def _value(label: str) -> Any:
    try:
        return json.loads(label)
    except ValueError:
        return label


def _line(text: str, labels: Any) -> str:
    names = labels if isinstance(labels, list) else [labels]
    marks = [name if str(name).startswith(LABEL) else f"{LABEL}{name}" for name in names]
    return " ".join([*("_".join(str(mark).split()) for mark in marks), *text.split()])


_READERS = {"text": _plain, "jsonlines": _json_lines, "recordio": _records}


def write_vectors(path: str, model: Any) -> None:
    """Words and their vectors as text: how many and how long, then a line for each, the most frequent word first."""
    words = model.get_words()
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{len(words)} {model.get_dimension()}\n")
        for word in words:
            file.write(f"{word} {' '.join(f'{each:.6g}' for each in model.get_word_vector(word).tolist())}\n")


def likeness(source: Input, model: Any) -> tuple[float, int]:
    """Spearman's rank correlation of the vectors' cosines with people's scores, and of how many pairs.

    Pairs of which a word is unknown are left out. Raises ClientError.
    """
    known = set(model.get_words())
    theirs: list[float] = []
    ours: list[float] = []
    for one, other, score in _pairs(source):
        if one in known and other in known:
            theirs.append(score)
            ours.append(_cosine(model.get_word_vector(one), model.get_word_vector(other)))
    if len(set(theirs)) < 2:
        raise ClientError(f"Channel {source.name}: too few of its pairs are words of the channel train to compare.")
    return float(importlib.import_module("scipy.stats").spearmanr(theirs, ours).statistic), len(theirs)


def _pairs(source: Input) -> Iterator[tuple[str, str, float]]:
    for name in source.files():
        with open(name, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                cells = line.replace("\t", ",").strip().split(",")
                try:
                    one, other, score = cells[0].strip().lower(), cells[1].strip().lower(), float(cells[2])
                except (IndexError, ValueError) as error:
                    if number == 1 or not line.strip():  # a header
                        continue
                    place = f"{os.path.basename(name)} in channel {source.name}"
                    raise ClientError(f"{place}: line {number} is not word, word, score: {line[:60]!r}.") from error
                yield one, other, score


def _cosine(one: Any, other: Any) -> float:
    return float(one @ other / max(np.linalg.norm(one) * np.linalg.norm(other), 1e-12))
