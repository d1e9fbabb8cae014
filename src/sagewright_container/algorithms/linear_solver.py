"""Find the weights of a linear model: by the normal equations where they do, by L-BFGS for all else.

What is minimised is the rows' weighted mean loss + wd/2 of the squared weights + l1 of the absolute ones.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sagewright_container.algorithms.linear_losses import Loss
from sagewright_container.algorithms.linear_model import Weights

STEPS = 10  # of L-BFGS, that count as an epoch: AWS's optimizer takes many steps in one too
_NARROW = 2000  # columns up to which the normal equations are the quicker way
_BLOCK = 1 << 16  # rows that are summed up in double precision at a time

Told = Callable[[int, Weights], bool]
"""Is told what an epoch (from 0) has found; answers whether that is enough."""


@dataclass(frozen=True)
class Problem:
    """`rows`: float32 array or CSR matrix; `labels`, `weights`: a float per row; `classes`: outputs.

    Without `biased` the bias stays as it is.
    """

    rows: Any
    labels: Any
    weights: Any
    classes: int = 1
    biased: bool = True

    def gradient(self, loss: Loss, weights: Weights) -> tuple[float, Any, Any]:
        """The mean loss, and its derivatives by the matrix and by the bias."""
        losses, slopes = loss(weights.outputs(self.rows), self.labels)
        share = self.weights / self.weights.sum()
        slopes = (slopes.reshape(len(share), -1) * share[:, None]).astype(np.float32)
        return float(losses @ share), np.asarray(self.rows.T @ slopes).T, slopes.sum(axis=0) * self.biased


class NormalEquations:
    """Of the squared loss, all rows weighing the same: gathered once, solved for each model's penalties."""

    def __init__(self, problem: Problem) -> None:
        self._count, self._width = problem.rows.shape
        size = self._width + 1
        self._square, self._right = np.zeros((size, size)), np.zeros(size)
        for start in range(0, self._count, _BLOCK):
            block = slice(start, start + _BLOCK)
            rows = np.full((len(problem.rows[block]), size), float(problem.biased))  # zeros get no bias
            rows[:, :-1] = problem.rows[block]
            self._square += rows.T @ rows
            self._right += rows.T @ problem.labels[block]

    def minimum(self, wd: float, bias_wd: float) -> Weights:
        """With these penalties and without l1."""
        penalty = np.append(np.full(self._width, wd), bias_wd) / 2
        found = np.linalg.lstsq(self._square / self._count + np.diag(penalty), self._right / self._count, rcond=None)[0]
        return Weights(found[None, :-1], found[-1:])


def normal_equations(problem: Problem) -> NormalEquations | None:
    """None where the rows are sparse or too wide."""
    sparse = hasattr(problem.rows, "tocsr")
    return None if sparse or problem.rows.shape[1] > _NARROW else NormalEquations(problem)


def minimise(
    problem: Problem, loss: Loss, start: Weights, *, wd: float, l1: float, bias_wd: float, epochs: int, told: Told
) -> Weights:
    """L-BFGS from `start` on, until it is there, `epochs` are over, or `told` says that it is enough."""
    shape, size = start.matrix.shape, start.matrix.size
    taken = 0

    def unpacked(point: Any) -> Weights:
        matrix = point[:size] - point[size : 2 * size] if l1 else point[:size]
        return Weights(matrix.reshape(shape), point[-shape[0] :])

    def value(point: Any) -> tuple[float, Any]:
        weights = unpacked(point)
        mean, by_matrix, by_bias = problem.gradient(loss, weights)
        flat = (by_matrix + wd * weights.matrix).ravel().astype(float)
        mean += wd / 2 * float((weights.matrix**2).sum()) + bias_wd / 2 * float((weights.bias**2).sum())
        by_bias = by_bias + bias_wd * weights.bias
        if not l1:
            return mean, np.concatenate([flat, by_bias])
        return mean + l1 * float(point[: 2 * size].sum()), np.concatenate([flat + l1, l1 - flat, by_bias])

    def step(point: Any) -> None:
        nonlocal taken
        taken += 1
        if taken % STEPS == 0 and told(taken // STEPS - 1, unpacked(point)):
            raise StopIteration

    flat = start.matrix.ravel()
    # With l1 the weights are differences of two numbers that are not negative: so the whole is smooth.
    point = np.concatenate([np.maximum(flat, 0), np.maximum(-flat, 0), start.bias] if l1 else [flat, start.bias])
    bounds = [(0, None)] * (2 * size) + [(None, None)] * shape[0] if l1 else None
    options = {"maxiter": epochs * STEPS, "maxfun": 4 * epochs * STEPS, "gtol": 1e-4, "ftol": 1e-12}
    optimize = importlib.import_module("scipy.optimize")  # half a second, which least squares do without
    found = optimize.minimize(
        value, point.astype(float), jac=True, method="L-BFGS-B", bounds=bounds, callback=step, options=options
    )
    weights = unpacked(found.x)
    if taken % STEPS:
        told(taken // STEPS, weights)
    return weights
