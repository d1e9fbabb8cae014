"""The network of Sequence-to-Sequence on PyTorch, how it is saved and loaded, and what it answers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import nn

from sagewright_container.algorithms import seq2seq_text
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.seq2seq_search import Translation, translations
from sagewright_container.algorithms.seq2seq_text import PAD, Vocabulary

WEIGHTS, ABOUT = "model.safetensors", "seq2seq.json"


class Attention(nn.Module):  # type: ignore[misc]
    """What of the source the decoder looks at: rows by steps, each row adding up to one."""

    def __init__(self, kind: str, size: int, hidden: int) -> None:
        super().__init__()
        self._kind = kind
        if kind == "mlp":
            self.memory, self.query = nn.Linear(size, hidden, bias=False), nn.Linear(size, hidden)
            self.score = nn.Linear(hidden, 1, bias=False)
        elif kind == "bilinear":
            self.query = nn.Linear(size, size, bias=False)

    def forward(self, state: Any, memory: Any, inside: Any) -> Any:
        """Weights of `memory` (rows, steps, size) for `state` (rows, size)."""
        if self._kind == "mlp":
            scores = self.score(torch.tanh(self.memory(memory) + self.query(state).unsqueeze(1))).squeeze(-1)
        elif self._kind == "fixed":  # the last step alone
            last = inside.sum(1, keepdim=True) - 1
            return torch.zeros_like(inside, dtype=memory.dtype).scatter(1, last, 1.0)
        else:
            query = self.query(state) if self._kind == "bilinear" else state
            scores = (memory @ query.unsqueeze(-1)).squeeze(-1)
        return scores.masked_fill(~inside, torch.finfo(scores.dtype).min).softmax(1)


class State(NamedTuple):
    """Where the decoder is: its cells (layers, rows, size), and what it has last made (rows, size)."""

    cells: tuple[Any, ...]
    made: Any


class Network(nn.Module):  # type: ignore[misc]
    """Encoder and decoder."""

    def __init__(self, values: Mapping[str, Any], sources: int, targets: int) -> None:
        super().__init__()
        size, lstm = values["rnn_num_hidden"], values["rnn_cell_type"] == "lstm"
        cell = nn.LSTM if lstm else nn.GRU
        half = (size + 1) // 2
        self._parts, self._start, self._layers = (
            1 + lstm,
            values["rnn_decoder_state_init"],
            values["num_layers_decoder"],
        )
        self.source = nn.Embedding(sources, values["num_embed_source"], PAD)
        self.target = nn.Embedding(targets, values["num_embed_target"], PAD)
        self.encoder = cell(
            values["num_embed_source"], half, values["num_layers_encoder"], batch_first=True, bidirectional=True
        )
        self.memory = nn.Linear(2 * half, size)
        self.begin = nn.ModuleList(nn.Linear(size, size) for _ in range(self._parts))
        self.decoder = cell(values["num_embed_target"] + size, size, self._layers, batch_first=True)
        self.attention = Attention(values["rnn_attention_type"], size, values.get("rnn_attention_num_hidden") or size)
        self.combine = nn.Linear(2 * size, size)
        self.words = nn.Linear(size, targets)
        self.drop_source = nn.Dropout(values["embed_dropout_source"])
        self.drop_target = nn.Dropout(values["embed_dropout_target"])
        self.drop_made = nn.Dropout(values["rnn_decoder_hidden_dropout"])

    def forward(self, sources: Any, targets: Any) -> Any:
        """Scores of each next word: rows, steps, words. `targets` begin with BEGIN."""
        memory, inside, state = self.encode(sources)
        embedded = self.drop_target(self.target(targets))
        made = []
        for step in range(targets.shape[1]):
            state, _ = self._advance(embedded[:, step], memory, inside, state)
            made.append(state.made)
        return self.words(torch.stack(made, 1))

    def encode(self, sources: Any) -> tuple[Any, Any, State]:
        """What the decoder looks at, which steps of it are no filling, and where it begins."""
        inside = sources != PAD
        lengths = inside.sum(1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(
            self.drop_source(self.source(sources)), lengths, batch_first=True, enforce_sorted=False
        )
        steps, _ = nn.utils.rnn.pad_packed_sequence(self.encoder(packed)[0], batch_first=True)
        memory = self.memory(steps) * inside.unsqueeze(-1)
        rows, _, size = memory.shape
        if self._start == "zero":
            summary = memory.new_zeros(rows, size)
        elif self._start == "avg":
            summary = memory.sum(1) / inside.sum(1, keepdim=True)
        else:
            summary = memory[torch.arange(rows), inside.sum(1) - 1]
        cells = tuple(torch.tanh(each(summary)).expand(self._layers, rows, size).contiguous() for each in self.begin)
        return memory, inside, State(cells, memory.new_zeros(rows, size))

    def step(self, words: Any, memory: Any, inside: Any, state: State) -> tuple[Any, State, Any]:
        """Logarithms of the next words' probabilities, the state after `words`, and where it has looked."""
        state, looked = self._advance(self.target(words), memory, inside, state)
        return self.words(state.made).log_softmax(-1), state, looked

    def _advance(self, embedded: Any, memory: Any, inside: Any, state: State) -> tuple[State, Any]:
        given = torch.cat((embedded, state.made), 1).unsqueeze(1)
        out, cells = self.decoder(given, state.cells if self._parts > 1 else state.cells[0])
        top = out.squeeze(1)
        looked = self.attention(top, memory, inside)
        context = (looked.unsqueeze(1) @ memory).squeeze(1)
        made = self.drop_made(torch.tanh(self.combine(torch.cat((top, context), 1))))
        return State(cells if self._parts > 1 else (cells,), made), looked


def save(network: Network, values: Mapping[str, Any], words: tuple[Vocabulary, Vocabulary], model_dir: str) -> None:
    """Weights as safetensors; hyperparameters and vocabularies as JSON."""
    safetensors.torch.save_model(network, os.path.join(model_dir, WEIGHTS))
    files = ((ABOUT, values), (seq2seq_text.SOURCE_FILE, words[0]), (seq2seq_text.TARGET_FILE, words[1]))
    for name, content in files:
        with open(os.path.join(model_dir, name), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False)


class Answers:
    """Sentences get sentences, numbers get numbers."""

    def __init__(self, network: Network, values: Mapping[str, Any], words: tuple[Vocabulary, Vocabulary]) -> None:
        self._network, self._values, self._sources = network, values, words[0]
        self._targets = {number: word for word, number in words[1].items()}
        self.sources = len(words[0])

    @classmethod
    def load(cls, model_dir: str) -> Answers:
        """What `save` has written."""
        read = []
        for name in (ABOUT, seq2seq_text.SOURCE_FILE, seq2seq_text.TARGET_FILE):
            with open(os.path.join(model_dir, name), encoding="utf-8") as file:
                read.append(json.load(file))
        values, *words = read
        network = Network(values, len(words[0]), len(words[1])).eval()
        safetensors.torch.load_model(network, os.path.join(model_dir, WEIGHTS))
        return cls(network, values, (words[0], words[1]))

    def answer(self, instances: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`target` of each `data`, and `matrix` where `attention_matrix` is asked for: target by source words."""
        sources: list[list[int]] = []
        for number, instance in enumerate(instances, 1):
            data = instance.get("data")
            if not isinstance(data, str) or not data.strip():
                raise ClientError(f'Instance {number} has no text: write {{"data": "words with spaces between"}}.')
            sources.append(seq2seq_text.numbers(data, self._sources))
        found = []
        for instance, translation in zip(instances, self._translated(sources), strict=True):
            own = instance.get("configuration")
            wanted = {**options, **(own if isinstance(own, dict) else {})}
            told: dict[str, Any] = {"target": " ".join(self._targets[word] for word in translation.words)}
            if str(wanted.get("attention_matrix", "")).lower() == "true":
                told["matrix"] = translation.looked
            found.append(told)
        return found

    def numbers(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        """The translations of words that are numbers already."""
        return [translation.words for translation in self._translated(sources)]

    def _translated(self, sources: Sequence[Sequence[int]]) -> Iterator[Translation]:
        cut = [source[: self._values["max_seq_len_source"]] for source in sources]
        return translations(self._network, cut, self._values["beam_size"], self._values["max_seq_len_target"])
