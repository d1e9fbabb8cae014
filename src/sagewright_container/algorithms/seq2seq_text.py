"""Sentences as numbers: vocabularies, records of pairs, and how alike two sets of sentences are (BLEU).

Records and vocabularies are as AWS's example makes them: the features `source` and `target` are integers; a vocabulary
maps words to numbers, of which the first four are `<pad>`, `<unk>`, `<s>` and `</s>`.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sagewright_container import recordio
from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.errors import ClientError

PAD, UNKNOWN, BEGIN, END = range(4)
SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
SOURCE_FILE, TARGET_FILE = "vocab.src.json", "vocab.trg.json"
_ORDERS = 4  # of BLEU's n-grams

Vocabulary = Mapping[str, int]


class Pair(NamedTuple):
    """A sentence and what it becomes."""

    source: Sequence[int]
    target: Sequence[int]


def vocabularies(source: Input) -> tuple[Vocabulary, Vocabulary]:
    """Those of the channel `vocab`: of sources and of targets. Raises ClientError."""
    paths = {os.path.basename(path): path for path in source.files()}
    found = []
    for name in (SOURCE_FILE, TARGET_FILE):
        if name not in paths:
            raise ClientError(f"Channel {source.name} holds no {name}.")
        with open(paths[name], encoding="utf-8") as file:
            try:
                words = json.load(file)
            except ValueError as error:
                raise ClientError(f"{name} in channel {source.name} is not JSON: {error}") from error
        if not isinstance(words, dict) or sorted(words.values(), key=str) != sorted(range(len(words)), key=str):
            raise ClientError(f"{name} in channel {source.name} does not number its words from 0 without gaps.")
        if any(words.get(word) != number for number, word in enumerate(SPECIAL)):
            raise ClientError(f"{name} in channel {source.name} does not begin with {', '.join(SPECIAL)}.")
        found.append(words)
    return found[0], found[1]


def read(source: Input, values: Mapping[str, Any], words: tuple[Vocabulary, Vocabulary]) -> list[Pair]:
    """The pairs of a channel, cut to their longest. Raises ClientError with the file and the record of a wrong one."""
    pairs: list[Pair] = []
    for path in source.files():
        with open(path, "rb") as file:
            data = file.read()
        where = f"{os.path.basename(path)} in channel {source.name}"
        try:
            for number, record in enumerate(recordio.read(data), 1):
                pairs.append(_pair(record, values, words, f"Record {number} of {where}"))
        except recordio.FormatError as error:
            raise ClientError(f"{where}: {error}") from error
    if not pairs:
        raise source.nothing()
    return pairs


def numbers(sentence: str, words: Vocabulary) -> list[int]:
    """The words of a sentence."""
    return [words.get(word, UNKNOWN) for word in sentence.split()]


def sequence(record: recordio.Record, name: str, size: int, where: str) -> list[int]:
    """The integers of a record's tensor `name`. Raises ClientError."""
    tensor = record.features.get(name) or record.label.get(name)
    found = [int(each) for each in tensor.values] if tensor else []
    found = [each for each in found if each not in (PAD, BEGIN, END)]
    if not found:
        raise ClientError(f"{where} has no {name}: it is made with features of that name, as int32 tensors.")
    if not 0 <= min(found) <= max(found) < size:
        raise ClientError(f"{where}: {name} holds a number that is not in its vocabulary of {size} words.")
    return found


def bleu(candidates: Sequence[Sequence[int]], references: Sequence[Sequence[int]]) -> float:
    """BLEU of a corpus, 0 to 1, of n-grams up to four (Papineni et al., 2002), the longer ones smoothed by one."""
    logs = 0.0
    for order in range(1, _ORDERS + 1):
        right = total = int(order > 1)
        for candidate, reference in zip(candidates, references, strict=True):
            found, known = _grams(candidate, order), _grams(reference, order)
            right += sum((found & known).values())
            total += sum(found.values())
        if not right:
            return 0.0
        logs += math.log(right / total) / _ORDERS
    length, wanted = sum(map(len, candidates)), sum(map(len, references))
    return math.exp(logs + min(0.0, 1 - wanted / length))


def _grams(sentence: Sequence[int], order: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(sentence[start : start + order]) for start in range(len(sentence) - order + 1))


def _pair(record: recordio.Record, values: Mapping[str, Any], words: tuple[Vocabulary, Vocabulary], where: str) -> Pair:
    source = sequence(record, "source", len(words[0]), where)[: values["max_seq_len_source"]]
    return Pair(source, sequence(record, "target", len(words[1]), where)[: values["max_seq_len_target"]])
