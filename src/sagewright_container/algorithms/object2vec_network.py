"""Object2Vec's network on PyTorch, how it is saved and loaded, and what it answers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import safetensors.torch
import torch
from torch import nn

from sagewright_container.algorithms import object2vec
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.object2vec_pairs import Sequences, tokens

WEIGHTS, ABOUT = "model.safetensors", "object2vec.json"
_LONGEST = 5000
_ROWS = 1024  # encoded at a time
_BEGIN = 0.07  # the largest number of an embedding that knows nothing yet
_ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "linear": nn.Identity}


class Encoder(nn.Module):  # type: ignore[misc]
    """Tokens, rows by steps, to encodings, rows by dimensions. The number after the last token fills rows up."""

    def __init__(self, settings: Mapping[str, Any], dimensions: int, embedding: Any, dropout: float) -> None:
        super().__init__()
        self.embedding = embedding
        self._pad = settings["vocab_size"]
        self._network = settings["network"]
        self._dropout = nn.Dropout(dropout)
        size, layers = settings["token_embedding_dim"], settings["layers"]
        if self._network == "hcnn":
            inputs = [size, *[dimensions] * (layers - 1)]
            self.layers = nn.ModuleList(
                nn.Conv1d(each, dimensions, settings["cnn_filter_width"], padding="same") for each in inputs
            )
            self.last = nn.Linear(layers * dimensions, dimensions)
        elif self._network == "bilstm":
            half = (dimensions + 1) // 2
            self.layers = nn.LSTM(size, half, layers, batch_first=True, bidirectional=True)
            self.last = nn.Linear(2 * half, dimensions)

    def forward(self, rows: Any) -> Any:
        """Encode."""
        inside = rows != self._pad
        embedded = self._dropout(self.embedding(rows))
        if not inside.all():
            embedded = embedded * inside.unsqueeze(-1)
        if self._network == "pooled_embedding":
            return embedded.sum(1) / inside.sum(1, keepdim=True).clamp(min=1)
        if self._network == "bilstm":
            lengths = inside.sum(1).clamp(min=1).cpu()
            packed = nn.utils.rnn.pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
            steps, _ = nn.utils.rnn.pad_packed_sequence(self.layers(packed)[0], batch_first=True)
            return self.last(_highest(steps, inside[:, : steps.shape[1]]))
        levels, found = embedded, []
        for layer in self.layers:
            levels = torch.relu(layer(levels.transpose(1, 2))).transpose(1, 2) * inside.unsqueeze(-1)
            found.append(_highest(levels, inside))
        return self.last(torch.cat(found, 1))


class Network(nn.Module):  # type: ignore[misc]
    """Both encoders, what compares their encodings, and what is made of it: scores, rows by classes or one."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__()
        sides = [object2vec.encoder(values, name) for name in ("enc0", "enc1")]
        sparse = values["token_embedding_storage_type"] == object2vec.ROW_SPARSE
        embeddings = [
            nn.Embedding(each["vocab_size"] + 1, each["token_embedding_dim"], sparse=sparse) for each in sides
        ]
        if object2vec.true(values["tied_token_embedding_weight"]):
            embeddings[1] = embeddings[0]
        for embedding in embeddings:  # small, as AWS begins: what is seen a few times only must not be noise
            nn.init.uniform_(embedding.weight, -_BEGIN, _BEGIN)
        wide = object2vec.width(sides[0], values["enc_dim"])
        self.encoders = nn.ModuleList(
            Encoder(side, wide, embedding, values["dropout"]) for side, embedding in zip(sides, embeddings, strict=True)
        )
        self._comparators = values["comparator_list"]
        size = sum(2 * wide if each == "concat" else wide for each in self._comparators)
        layers: list[Any] = []
        for _ in range(values["mlp_layers"]):
            layers += [nn.Linear(size, values["mlp_dim"]), _ACTIVATIONS[values["mlp_activation"]]()]
            layers.append(nn.Dropout(values["dropout"]))
            size = values["mlp_dim"]
        self.classifies = values["output_layer"] == "softmax"
        self.mlp = nn.Sequential(*layers, nn.Linear(size, values["num_classes"] if self.classifies else 1))

    def forward(self, first: Any, second: Any) -> Any:
        """Scores before the softmax."""
        one, other = self.encoders[0](first), self.encoders[1](second)
        found = {"hadamard": one * other, "concat": torch.cat((one, other), 1), "abs_diff": (one - other).abs()}
        return self.mlp(torch.cat([found[each] for each in self._comparators], 1))


def save(network: Network, values: Mapping[str, Any], model_dir: str) -> None:
    """Weights as safetensors, and the hyperparameters beside them."""
    safetensors.torch.save_model(network, os.path.join(model_dir, WEIGHTS))
    with open(os.path.join(model_dir, ABOUT), "w", encoding="utf-8") as file:
        json.dump(values, file, indent=1)


def load(model_dir: str) -> tuple[Network, dict[str, Any]]:
    """What `save` has written: the network, and its hyperparameters."""
    with open(os.path.join(model_dir, ABOUT), encoding="utf-8") as file:
        values = json.load(file)
    network = Network(values).eval()
    safetensors.torch.load_model(network, os.path.join(model_dir, WEIGHTS))
    return network, values


class Answers:
    """Pairs get scores; where only one of the two is given, its encoding is answered."""

    def __init__(self, network: Network, values: Mapping[str, Any]) -> None:
        self._network = network
        self._sides = [object2vec.encoder(values, name) for name in ("enc0", "enc1")]

    def answer(self, instances: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`scores` or `embeddings` of each. Raises ClientError."""
        kinds = {tuple(name for name in ("in0", "in1") if each.get(name) is not None) for each in instances}
        if not kinds:
            return []
        if len(kinds) > 1 or () in kinds:
            raise ClientError(
                "every instance needs in0 and in1 to be scored, or all of them one and the same of the two."
            )
        (names,) = kinds
        longest = self._longest(options)
        with torch.inference_mode():
            found = [
                row
                for start in range(0, len(instances), _ROWS)
                for row in self._told(instances[start : start + _ROWS], start, names, longest)
            ]
        return [{"scores" if len(names) == 2 else "embeddings": row} for row in found]

    def _told(self, some: Sequence[Mapping[str, Any]], start: int, names: Sequence[str], longest: Sequence[int]) -> Any:
        batches = []
        for name in names:
            side = int(name[-1])
            size = self._sides[side]["vocab_size"]
            column = [self._tokens(each[name], name, size, number) for number, each in enumerate(some, start + 1)]
            rows = Sequences(column, longest[side], size).batch(range(len(column)))
            batches.append(torch.from_numpy(rows))
        if len(batches) == 1:
            return self._network.encoders[int(names[0][-1])](batches[0]).tolist()
        scores = self._network(*batches)
        return (scores.softmax(1) if self._network.classifies else scores).tolist()

    def _longest(self, options: Mapping[str, Any]) -> list[int]:
        text = options.get("infer_max_seqlens")
        if text is None:
            return [side["max_seq_len"] for side in self._sides]
        parts = str(text).split(",")
        if len(parts) != 2 or not all(each.strip().isdigit() and 1 <= int(each) <= _LONGEST for each in parts):
            raise ClientError(f"infer_max_seqlens is {text!r}: write two numbers from 1 to {_LONGEST}, such as 100,50.")
        return [int(each) for each in parts]

    @staticmethod
    def _tokens(value: Any, name: str, size: int, number: int) -> list[int]:
        try:
            return tokens(value, name, size)
        except ClientError as error:
            raise ClientError(f"Instance {number}: {error}") from error


def _highest(steps: Any, inside: Any) -> Any:
    """The highest of each dimension among the steps that are no filling."""
    return steps.masked_fill(~inside.unsqueeze(-1), torch.finfo(steps.dtype).min).amax(1)
