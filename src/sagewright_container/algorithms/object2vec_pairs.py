"""Pairs of sequences of tokens, read from JSON lines and cut into batches with NumPy."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson

from sagewright_container.algorithms import object2vec
from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.errors import ClientError


class Sequences:
    """Many sequences one after the other. `pad` is the number that fills up shorter ones."""

    def __init__(self, sequences: Sequence[Sequence[int]], longest: int, pad: int) -> None:
        cut = [each[:longest] for each in sequences]
        self._lengths = np.array([len(each) for each in cut], np.int64)
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._tokens = np.fromiter(itertools.chain.from_iterable(cut), np.int64, int(self._lengths.sum()))
        self._pad = pad

    def batch(self, rows: Any) -> Any:
        """Those of the rows: int64, rows by the longest of them."""
        lengths = self._lengths[rows]
        steps = np.arange(lengths.max(initial=1))
        inside = steps < lengths[:, None]
        places = np.where(inside, self._starts[rows][:, None] + steps, 0)
        return np.where(inside, self._tokens[places], self._pad)


class Batch(NamedTuple):
    """Tokens of both sides, rows by steps, and a label for each row."""

    first: Any
    second: Any
    labels: Any


@dataclass
class Pairs:
    """The pairs of a channel."""

    first: Sequences
    second: Sequences
    labels: Any

    def batches(self, size: int, random: Any = None, negatives: int = 0) -> Any:
        """All pairs, in an order of `random`'s; `negatives` for each are a first with the second of another pair."""
        order = np.arange(len(self.labels)) if random is None else random.permutation(len(self.labels))
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            others = random.integers(len(order), size=len(rows) * negatives) if negatives else rows[:0]
            first, second = np.concatenate([rows, np.repeat(rows, negatives)]), np.concatenate([rows, others])
            labels = np.concatenate([self.labels[rows], np.zeros(len(others), self.labels.dtype)])
            yield Batch(self.first.batch(first), self.second.batch(second), labels)


def read(source: Input, values: Mapping[str, Any]) -> Pairs:
    """The pairs of a channel. Raises ClientError with the file and the line of a wrong one."""
    sides = [object2vec.encoder(values, name) for name in ("enc0", "enc1")]
    sizes = (sides[0]["vocab_size"], sides[1]["vocab_size"])
    classes = values["num_classes"] if values["output_layer"] == "softmax" else None
    pairs: list[tuple[list[int], list[int], float]] = []
    for path in source.files():
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        pairs.append(_pair(line, sizes, classes))
                    except ClientError as error:
                        where = f"{os.path.basename(path)}, line {number} in channel {source.name}"
                        raise ClientError(f"{where}: {error}") from error
    if not pairs:
        raise source.nothing()
    columns = tuple(zip(*pairs, strict=True))
    alone = classes is not None and not values["negative_sampling_rate"] and len(set(columns[2])) < 2
    if alone and source.name == "train":
        raise ClientError(
            f"Channel train: all pairs have the same label, {columns[2][0]}, so there is nothing to learn. Give "
            "pairs of another label too."
        )
    first, second = (
        Sequences(column, side["max_seq_len"], side["vocab_size"]) for column, side in zip(columns, sides, strict=False)
    )
    return Pairs(first, second, np.array(columns[2], np.float32 if classes is None else np.int64))


def tokens(value: Any, name: str, vocab_size: int) -> list[int]:
    """A sequence of a pair. Raises ClientError."""
    if not isinstance(value, list) or not value:
        raise ClientError(f"{name} is no list of tokens with one at the least.")
    for token in value:
        if type(token) is not int or not 0 <= token < vocab_size:
            raise ClientError(f"{name} holds {token!r}: tokens are whole numbers from 0 to {vocab_size - 1}.")
    return value


def _pair(line: bytes, sizes: tuple[int, int], classes: int | None) -> tuple[list[int], list[int], float]:
    try:
        pair = orjson.loads(line)
    except json.JSONDecodeError as error:
        raise ClientError(f"it is not JSON ({error}).") from error
    if not isinstance(pair, dict):
        raise ClientError('it is no pair: write {"label": 1, "in0": [1, 2], "in1": [3]}.')
    label = pair.get("label")
    if not isinstance(label, int | float):
        raise ClientError("it has no label that is a number.")
    if classes is not None and not (float(label).is_integer() and 0 <= label < classes):
        raise ClientError(f"its label is {label}: with num_classes {classes} labels are 0 to {classes - 1}.")
    return tokens(pair.get("in0"), "in0", sizes[0]), tokens(pair.get("in1"), "in1", sizes[1]), label
