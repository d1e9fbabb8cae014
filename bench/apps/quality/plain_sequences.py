"""Sentences to sentences as a script would do it: an LSTM that reads, one that writes, and dot attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

_BEGIN, _END = 2, 3
_LONGEST = 12


class Network(nn.Module):
    """Sizes are those of the comparison."""

    def __init__(self, words: int, width: int = 32, hidden: int = 64) -> None:
        super().__init__()
        self.sources, self.targets = nn.Embedding(words, width, 0), nn.Embedding(words, width, 0)
        self.reader = nn.LSTM(width, hidden // 2, batch_first=True, bidirectional=True)
        self.writer = nn.LSTM(width, hidden, batch_first=True)
        self.mixed, self.said = nn.Linear(2 * hidden, hidden), nn.Linear(hidden, words)

    def read(self, sentences: Any) -> tuple[Any, Any]:
        """What was read at each word, and the state that the writer begins with."""
        lengths = (sentences > 0).sum(dim=1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.sources(sentences), lengths, batch_first=True, enforce_sorted=False
        )
        states, last = self.reader(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
        return memory, tuple(torch.cat([each[0], each[1]], dim=1)[None] for each in last)

    def write(self, words: Any, state: Any, memory: Any, there: Any) -> tuple[Any, Any]:
        """Scores of the next words, and the state after them."""
        states, state = self.writer(self.targets(words), state)
        looks = (states @ memory.transpose(1, 2)).masked_fill(~there[:, None], -1e9).softmax(dim=2)
        return self.said(torch.tanh(self.mixed(torch.cat([states, looks @ memory], dim=2)))), state


def translated(
    train: Sequence[Sequence[int]], test: Sequence[Sequence[int]], words: int, *, epochs: int, rate: float
) -> list[list[int]]:
    """Train on sentences to be turned round; greedy answers of those to test."""
    torch.manual_seed(0)
    network = Network(words)
    steps = torch.optim.Adam(network.parameters(), rate)
    for _ in range(epochs):
        for part in torch.randperm(len(train)).split(32):
            sentences = [list(train[int(number)]) for number in part]
            source = _padded(sentences)
            target = _padded([[_BEGIN, *each[::-1], _END] for each in sentences])
            memory, state = network.read(source)
            scores, _ = network.write(target[:, :-1], state, memory, source > 0)
            loss = nn.functional.cross_entropy(scores.flatten(0, 1), target[:, 1:].flatten(), ignore_index=0)
            steps.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            steps.step()
    network.eval()
    with torch.inference_mode():
        source = _padded([list(each) for each in test])
        memory, state = network.read(source)
        word = torch.full((len(test), 1), _BEGIN)
        answers = []
        for _ in range(_LONGEST):
            scores, state = network.write(word, state, memory, source > 0)
            word = scores.argmax(dim=2)
            answers.append(word[:, 0].tolist())
    return [_until_end(each) for each in zip(*answers, strict=True)]


def _until_end(words: Sequence[int]) -> list[int]:
    return list(words[: words.index(_END)] if _END in words else words)


def _padded(sentences: Sequence[Sequence[int]]) -> Any:
    return nn.utils.rnn.pad_sequence([torch.tensor(each) for each in sentences], batch_first=True)
