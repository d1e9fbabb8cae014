"""A linear function of rows, and the probabilities that its outputs stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Weights:
    """`matrix`: outputs by columns; `bias`: one per output."""

    matrix: Any
    bias: Any

    def outputs(self, rows: Any) -> Any:
        """One float per row, or a row of floats where there are several outputs."""
        # In the rows' own precision: else they would be copied into the other one.
        found = np.asarray(rows @ self.matrix.T.astype(rows.dtype)) + self.bias.astype(rows.dtype)
        return found[:, 0] if len(self.bias) == 1 else found


def sigmoid(outputs: Any) -> Any:
    """The probability of each log odds."""
    return np.exp(-np.logaddexp(0, -outputs))


def softmax(outputs: Any) -> Any:
    """The probabilities of each row."""
    raised = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
