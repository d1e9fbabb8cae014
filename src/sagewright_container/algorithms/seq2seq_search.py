"""Beam search for the likeliest translations by a network of `seq2seq_network.py`, many sentences at a time.

What a step costs is hardly its sums but its calls, and so is the same for one sentence and for some.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch

from sagewright_container.algorithms.seq2seq_text import BEGIN, END, PAD

_AT_ONCE = 16  # sentences


class Translation(NamedTuple):
    """Words as numbers, and for each where in the source the decoder has looked."""

    words: list[int]
    looked: list[Any]


class _Beam(NamedTuple):
    """A part of a translation: the sum of its words' logarithms of probabilities."""

    score: float
    so_far: Translation


class _Sentence:
    """The search of one sentence: what is under way, and what has come to its end with its mean logarithm."""

    def __init__(self, length: int, beam: int) -> None:
        self._length, self._beam = length, beam
        self.alive = [_Beam(0.0, Translation([], []))]
        self._done: list[_Beam] = []

    def grow(self, scores: Sequence[Sequence[float]], words: Sequence[Sequence[int]], looked: Any) -> list[int]:
        """Go on with the best of each row's best words; answer the rows that those begin with."""
        found = [
            (score, row, word)
            for row, pair in enumerate(zip(scores, words, strict=True))
            for score, word in zip(*pair, strict=True)
        ]
        kept, rows = [], []
        for score, row, word in heapq.nlargest(self._beam, found, key=lambda each: each[0]):
            so_far = self.alive[row].so_far
            if word == END:
                self._done.append(_Beam(score / (len(so_far.words) + 1), so_far))
            else:
                grown = Translation([*so_far.words, word], [*so_far.looked, looked[row][: self._length]])
                kept.append(_Beam(score, grown))
                rows.append(row)
        self.alive = kept
        return rows

    @property
    def ended(self) -> bool:
        return len(self._done) >= self._beam or not self.alive

    def best(self) -> Translation:
        return max(self._done or self.alive, key=lambda each: each.score).so_far


def translations(network: Any, sources: Sequence[Sequence[int]], beam: int, longest: int) -> Iterator[Translation]:
    """The likeliest translation of each source that the search finds, by the mean logarithm of its words'
    probabilities; of `longest` words at the most."""
    for start in range(0, len(sources), _AT_ONCE):
        with torch.inference_mode():
            found = _translated(network, sources[start : start + _AT_ONCE], beam, longest)
        yield from found


def translate(network: Any, source: Sequence[int], beam: int, longest: int) -> Translation:
    """The translation of one."""
    return next(translations(network, [source], beam, longest))


def _translated(network: Any, sources: Sequence[Sequence[int]], beam: int, longest: int) -> list[Translation]:
    device = next(network.parameters()).device
    widest = max(map(len, sources))
    padded = [[*source, *[PAD] * (widest - len(source))] for source in sources]
    all_memory, all_inside, state = network.encode(torch.tensor(padded, device=device))
    sentences = [_Sentence(len(source), beam) for source in sources]
    owners, before = list(range(len(sources))), None  # the sentence of each row
    for _ in range(longest):
        if owners != before:
            memory, inside, before = all_memory[owners], all_inside[owners], owners
        parts = [part for owner in dict.fromkeys(owners) for part in sentences[owner].alive]
        last = torch.tensor([part.so_far.words[-1] if part.so_far.words else BEGIN for part in parts], device=device)
        logs, state, looked = network.step(last, memory, inside, state)
        logs[:, PAD] = logs[:, BEGIN] = -torch.inf
        scores = logs + torch.tensor([part.score for part in parts], device=device).unsqueeze(1)
        best = scores.topk(min(beam, scores.shape[1]))
        told = best.values.tolist(), best.indices.tolist(), looked.tolist()
        rows, owners = _grown(sentences, owners, *told)
        if not rows:
            break
        state = state._replace(cells=tuple(each[:, rows] for each in state.cells), made=state.made[rows])
    return [sentence.best() for sentence in sentences]


def _grown(
    sentences: Sequence[_Sentence], owners: Sequence[int], scores: Any, words: Any, looked: Any
) -> tuple[list[int], list[int]]:
    """Let each sentence under way grow by a word: the rows that go on, and their sentences."""
    rows: list[int] = []
    remaining: list[int] = []
    start = 0
    for owner in dict.fromkeys(owners):
        sentence = sentences[owner]
        span = slice(start, start + len(sentence.alive))
        kept = sentence.grow(scores[span], words[span], looked[span])
        if not sentence.ended:
            rows += [start + row for row in kept]
            remaining += [owner] * len(kept)
        start = span.stop
    return rows, remaining
