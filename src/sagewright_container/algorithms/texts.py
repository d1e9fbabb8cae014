"""Channels of texts for BlazingText: checked and gathered into one file, and what is written and measured of vectors.

A text is a line of words with spaces between them; a labelled one begins with words such as `__label__good`. JSON lines
are `{"source": "the text", "label": "good"}` (or a list of labels); an augmented manifest in Pipe mode sends the same
two as RecordIO records, one after the other.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import operator
import os
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.errors import ClientError

LABEL = "__label__"
_MARK = LABEL.encode()
_PIECE = 1 << 20  # bytes that are checked at once


@contextlib.contextmanager
def scratch() -> Iterator[Callable[[str], str]]:
    """Gives names the paths of files that go in the end; makes a folder for them only when it is asked."""
    with contextlib.ExitStack() as stack:
        folders: list[str] = []

        def place(name: str) -> str:
            if not folders:
                made = importlib.import_module("tempfile").TemporaryDirectory()
                folders.append(stack.enter_context(made))
            return os.path.join(folders[0], name)

        yield place


def gathered(source: Input, place: Callable[[str], str], *, labelled: bool) -> str:
    """A file of all texts of a channel: its own where it has one and that is read as it is, else one that is written
    at the place of the channel's name. Raises ClientError."""
    names = source.files()
    own = len(names) == 1 and source.content_type == "text" and not source.pipe and _ends_its_last_line(names[0])
    path = names[0] if own else place(source.name)
    some = False
    with contextlib.nullcontext() if own else open(path, "wb") as out:
        for piece in _pieces(source, names, labelled):
            some = some or not piece.isspace()
            if out is not None:
                out.write(piece)
    if not some:
        raise source.nothing()
    return path


def _ends_its_last_line(path: str) -> bool:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        return size > 0 and os.pread(file.fileno(), 1, size - 1) == b"\n"


def _pieces(source: Input, names: list[str], labelled: bool) -> Iterator[bytes]:
    """All texts, checked: whole lines, some at once. Raises ClientError."""
    for name in names:
        with open(name, "rb") as file:
            lines = 0
            try:
                for text in _READERS[source.content_type](file, labelled):
                    piece = text if text.endswith(b"\n") else text + b"\n"
                    lines += _check(piece, lines, labelled)
                    yield piece
            except ClientError as error:
                raise ClientError(f"{os.path.basename(name)} in channel {source.name}: {error}") from error


def _check(text: bytes, before: int, labelled: bool) -> int:
    """How many lines there are, after `before` others. Raises ClientError for one that is not UTF-8 or lacks its
    label."""
    lines = text.count(b"\n")
    try:
        if not text.isascii():
            text.decode()
    except UnicodeDecodeError as error:
        line = before + text.count(b"\n", 0, error.start) + 1
        raise ClientError(f"Line {line} is not UTF-8.") from error
    # Most begin with theirs, which is quickly counted.
    if labelled and text.startswith(_MARK) + text.count(b"\n" + _MARK) < lines:
        for number, each in enumerate(text.split(b"\n"), before + 1):
            if _MARK not in each and each.strip():
                shown = each[:60].decode("utf-8", "replace")
                raise ClientError(f"Line {number} has no label: begin it with {LABEL} and the label's name: {shown!r}.")
    return lines


def _plain(file: IO[bytes], _labelled: bool) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece + file.readline()


def _json_lines(file: IO[bytes], labelled: bool) -> Iterator[bytes]:
    lines: list[str] = []
    for number, line in enumerate(file.read().splitlines(), 1):
        if line.strip():
            try:
                value = json.loads(line)
                lines.append(_line(value["source"], value["label"] if labelled else []))
            except (ValueError, KeyError, TypeError) as error:
                form = '{"source": "some words", "label": "a name"}'
                raise ClientError(f"Line {number} is not of the form {form}.") from error
    yield "\n".join(lines).encode()


def _records(file: IO[bytes], labelled: bool) -> Iterator[bytes]:
    recordio = importlib.import_module("sagewright_container.recordio")
    try:
        payloads = [bytes(payload).decode() for payload in recordio.frames(file.read())]
    except (recordio.FormatError, UnicodeDecodeError) as error:
        raise ClientError(f"These are not the records of an augmented manifest. {error}") from error
    if not labelled:
        yield "\n".join(_line(text, []) for text in payloads).encode()
        return
    if len(payloads) % 2:
        raise ClientError("A text lacks its label: AttributeNames of the channel must be source and label.")
    pairs = zip(payloads[::2], payloads[1::2], strict=True)
    yield "\n".join(_line(text, _value(label)) for text, label in pairs).encode()


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


def words(model: Any) -> list[str]:
    """Those that a model of fastText's knows, the most frequent one first."""
    known: list[str] = model.getVocab("replace")[0]
    return known


def vector(model: Any, word: str) -> list[float]:
    """A word's."""
    found = importlib.import_module("fasttext_pybind").Vector(model.getArgs().dim)
    model.getWordVector(found, word)
    numbers: Any = memoryview(found)
    return list(numbers)


def write_vectors(path: str, model: Any) -> None:
    """Words and their vectors as text: how many and how long, then a line for each, the most frequent word first."""
    known, dimension = words(model), model.getArgs().dim
    line = f"%s{' %.6g' * dimension}\n"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{len(known)} {dimension}\n")
        file.writelines(line % (word, *vector(model, word)) for word in known)


def likeness(source: Input, model: Any) -> tuple[float, int]:
    """Spearman's rank correlation of the vectors' cosines with people's scores, and of how many pairs.

    Pairs of which a word is unknown are left out. Raises ClientError.
    """
    known = set(words(model))
    theirs: list[float] = []
    ours: list[float] = []
    for one, other, score in _pairs(source):
        if one in known and other in known:
            theirs.append(score)
            ours.append(_cosine(vector(model, one), vector(model, other)))
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


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(map(operator.mul, one, other), 0.0) / max(math.hypot(*one) * math.hypot(*other), 1e-12)
