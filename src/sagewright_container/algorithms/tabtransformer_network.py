"""The network of TabTransformer (arXiv:2012.06678): categories go through a transformer, numbers beside it.

Every category column is an embedding of its words, of which a share is the column's own for all its words. The
transformer puts the columns of a row into context; what comes out of it and the normalized numbers go through a
perceptron of two hidden layers, four and two times as wide as what goes in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

_HEADS = 8
_WIDENINGS = (4, 2)
_WIDEST = 2048  # units of a hidden layer: many columns would make it larger than there are rows to learn from


@dataclass(frozen=True)
class Shape:
    """`words`: category column → how many words it has. `outputs`: classes, or 1 for a number."""

    width: int
    words: dict[int, int]
    outputs: int
    input_dim: int
    n_blocks: int
    attn_dropout: float
    mlp_dropout: float
    frac_shared_embed: float


class Embedding(nn.Module):  # type: ignore[misc]
    """One column: its words' vectors, behind a part that all its words share. Word 0 is what is missing."""

    def __init__(self, words: int, size: int, share: float) -> None:
        super().__init__()
        shared = int(size * share)
        self.own = nn.Embedding(words + 1, size - shared)
        self.shared = nn.Parameter(torch.empty(shared).uniform_(-1, 1))

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Rows of codes → rows by size."""
        return torch.cat([self.shared.expand(len(codes), -1), self.own(codes)], dim=1)


class TabTransformer(nn.Module):  # type: ignore[misc]
    """Takes the matrix of `tabular.Encoding`: rows by columns, NaN for what is missing."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.categories = sorted(shape.words)
        self.numbers = [column for column in range(shape.width) if column not in shape.words]
        size = shape.input_dim
        self.embeddings = nn.ModuleList(
            Embedding(shape.words[column], size, shape.frac_shared_embed) for column in self.categories
        )
        block = nn.TransformerEncoderLayer(
            size, _HEADS, 4 * size, shape.attn_dropout, nn.functional.gelu, batch_first=True, norm_first=False
        )
        self.blocks = nn.TransformerEncoder(block, shape.n_blocks, enable_nested_tensor=False)
        self.register_buffer("mean", torch.zeros(len(self.numbers)))
        self.register_buffer("deviation", torch.ones(len(self.numbers)))
        self.register_buffer("target", torch.tensor([0.0, 1.0]))  # mean and deviation of the numbers to predict
        self.head = nn.Sequential(*_layers(len(self.categories) * size + len(self.numbers), shape))

    def fit_scales(self, matrix: torch.Tensor, label: torch.Tensor | None) -> None:
        """Learn mean and deviation of the numbers, and of the label where it is a number."""
        for place, column in enumerate(self.numbers):
            values = matrix[:, column]
            there = values[~values.isnan()]
            if len(there) > 1:
                self.mean[place], self.deviation[place] = there.mean(), there.std().clamp_min(1e-6)
        if label is not None:
            self.target = torch.stack([label.mean(), label.std().clamp_min(1e-6)])

    def forward(self, matrix: torch.Tensor) -> torch.Tensor:
        """Logits of classes, or numbers on the scale of `target`; rows by outputs."""
        parts = [((matrix[:, self.numbers] - self.mean) / self.deviation).nan_to_num(0.0)]
        if self.categories:
            codes = (matrix[:, self.categories] + 1).nan_to_num(0.0).long()
            columns = [embed(codes[:, place]) for place, embed in enumerate(self.embeddings)]
            parts.append(self.blocks(torch.stack(columns, dim=1)).flatten(1))
        found: torch.Tensor = self.head(torch.cat(parts, dim=1))
        return found

    def predicted(self, matrix: Any) -> Any:
        """NumPy's matrix → probabilities, rows by classes, or a number for each row."""
        self.eval()
        with torch.inference_mode():
            outputs = self(torch.as_tensor(matrix, dtype=torch.float32))
        if self.shape.outputs == 1:
            return (outputs[:, 0] * self.target[1] + self.target[0]).double().numpy()
        return outputs.double().softmax(dim=1).numpy()

    def save(self, path: str) -> None:
        """Shape and weights, for `load`."""
        torch.save({"shape": asdict(self.shape), "weights": self.state_dict()}, path)


def load(path: str) -> TabTransformer:
    """What `save` wrote."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    network = TabTransformer(Shape(**saved["shape"]))
    network.load_state_dict(saved["weights"])
    return network


def _layers(width: int, shape: Shape) -> Sequence[nn.Module]:
    layers: list[nn.Module] = []
    before = width
    for times in _WIDENINGS:
        units = min(times * width, _WIDEST)
        layers += [nn.Linear(before, units), nn.ReLU(), nn.Dropout(shape.mlp_dropout)]
        before = units
    return [*layers, nn.Linear(before, shape.outputs)]
