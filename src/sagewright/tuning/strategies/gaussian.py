"""A Gaussian process over the unit cube, and where it expects the most: for searches of some dozens of jobs.

Matérn 5/2 with a length for each range; lengths and noise are those that the losses and a prior make likeliest. Running
jobs are believed to end as expected, so that parallel candidates keep apart. Loaded by the first Bayesian search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from sagewright.tuning.ranges import Categorical, Space

Array = Any
"""numpy's, of doubles."""

_ATTEMPTS: Final = 40
"""Sets of lengths and noise that are compared."""
_ANYWHERE: Final = 800
_NEARBY: Final = 240
_CLOSER: Final = 48
"""Candidates: all over the space; at each of three distances from the best jobs; and around the best of those."""
_KEPT: Final = 100
"""How many of them are told."""
_AT_ONCE: Final = 48
"""How many are judged at once: few enough that the linear algebra stays on one core, which others need too."""
_BEST: Final = 5
_DISTANCES: Final = (0.2, 0.05, 0.01)
_JITTER: Final = 1e-8
_LENGTH: Final = (0.5, 1.0)
"""The prior of lengths: the median for one range (with more of them it grows), and the deviation of the logarithm."""
_NOISE: Final = (-7.0, 2.0)
"""The prior of the noise's logarithm: the middle, and the deviation."""
_OUTLIER: Final = 3.0
"""Losses that lie above the upper quartile by more than so many distances of the quartiles are all as bad."""
_LARGEST: Final = 1e100
_ROOT: Final = math.sqrt(2)


@dataclass(frozen=True, slots=True)
class _Model:
    lengths: Array
    noise: float
    whitening: Array
    """The inverse of the covariance's root (Cholesky), in units of `variance`."""
    variance: float


def candidates(
    space: Space,
    points: Sequence[Sequence[float]],
    losses: Sequence[float],
    pending: Sequence[Sequence[float]],
    seed: int,
) -> list[list[float]]:
    """Positions to try, the most promising first, from those that were tried and their losses, and those that run."""
    chance = np.random.default_rng(seed)
    tried, targets = np.array(points, dtype=float), _standardised(np.array(losses, dtype=float))
    seen = _features(space, tried)
    model = _fitted(seen, targets, chance)
    best = float(targets.min())
    if pending:
        waiting = _features(space, np.array(pending, dtype=float))
        expected = _covariance(waiting, seen, model.lengths) @ _solved(model.whitening, targets)
        seen, targets = np.vstack([seen, waiting]), np.concatenate([targets, expected])
        whitening = _whitening(_covariance(seen, seen, model.lengths), model.noise)
        model = _Model(model.lengths, model.noise, whitening, model.variance)
    weights = _solved(model.whitening, targets)

    def promise(positions: Array) -> Array:
        asked = _features(space, positions)
        parts = [asked[begin : begin + _AT_ONCE] for begin in range(0, len(asked), _AT_ONCE)]
        return np.concatenate([_improvement(model, weights, seen, part, best) for part in parts])

    top = tried[np.argsort(targets[: len(tried)])[:_BEST]]
    found = [chance.random((_ANYWHERE, len(space.ranges)))]
    found += [_around(top[chance.integers(len(top), size=_NEARBY)], distance, chance) for distance in _DISTANCES]
    pool = np.vstack(found)
    promises = promise(pool)
    for distance in (*_DISTANCES[1:], _DISTANCES[-1] / 2):
        centre = pool[np.argmax(promises)]
        closer = _around(np.tile(centre, (_CLOSER, 1)), distance, chance)
        pool, promises = np.vstack([pool, closer]), np.concatenate([promises, promise(closer)])
    ranked: list[list[float]] = pool[np.argsort(-promises, kind="stable")[:_KEPT]].tolist()
    return ranked


def _standardised(losses: Array) -> Array:
    losses = np.clip(losses, -_LARGEST, _LARGEST)
    low, high = np.quantile(losses, [0.25, 0.75])
    losses = np.minimum(losses, high + _OUTLIER * max(high - low, 0.0)) if high > low else losses
    spread = float(losses.std())
    return (losses - losses.mean()) / (spread or 1.0)


def _features(space: Space, positions: Array) -> Array:
    """Columns for the process: a position is one; a category has one for each of its values, all equally far apart.

    (rows, ranges) → (rows, ranges, most values), padded with zeros.
    """
    widest = max((len(each.values) for each in space.ranges if isinstance(each, Categorical)), default=1)
    found = np.zeros((len(positions), len(space.ranges), widest))
    for place, each in enumerate(space.ranges):
        if isinstance(each, Categorical):
            chosen = np.minimum((positions[:, place] * len(each.values)).astype(int), len(each.values) - 1)
            found[np.arange(len(positions)), place, chosen] = 1 / _ROOT
        else:
            found[:, place, 0] = positions[:, place]
    return found


def _covariance(one: Array, other: Array, lengths: Array) -> Array:
    a = (one / lengths[:, None]).reshape(len(one), -1)
    b = (other / lengths[:, None]).reshape(len(other), -1)
    squares = np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T, 0.0)
    distance = np.sqrt(5 * squares)
    return (1 + distance + distance * distance / 3) * np.exp(-distance)


def _whitening(covariance: Array, noise: float) -> Array:
    covariance[np.diag_indices(len(covariance))] += noise + _JITTER
    return np.linalg.inv(np.linalg.cholesky(covariance))


def _solved(whitening: Array, targets: Array) -> Array:
    return whitening.T @ (whitening @ targets)


def _fitted(seen: Array, targets: Array, chance: np.random.Generator) -> _Model:
    """The likeliest lengths and noise of those that are tried: first drawn from the prior, then near the best."""
    ranges, count = seen.shape[1], len(seen)
    middle = np.append(np.full(ranges, math.log(_LENGTH[0]) + math.log(ranges) / 2), _NOISE[0])
    spread = np.append(np.full(ranges, _LENGTH[1]), _NOISE[1])

    bordered = np.empty((count + 1, count + 1))
    bordered[-1, :-1] = bordered[:-1, -1] = targets

    def judged(settings: Array) -> tuple[float, float]:
        """How likely settings are, and their variance."""
        noise = math.exp(settings[-1]) + _JITTER
        bordered[:-1, :-1] = _covariance(seen, seen, np.exp(settings[:-1]))
        bordered[np.arange(count), np.arange(count)] += noise
        bordered[-1, -1] = 2 * float(targets @ targets) / noise + 1  # enough for a root to exist
        try:
            root = np.linalg.cholesky(bordered)
        except np.linalg.LinAlgError:
            return -math.inf, 1.0
        half = root[-1, :-1]  # the targets, whitened
        variance = max(float(half @ half) / count, 1e-12)
        likelihood = -count / 2 * math.log(variance) - float(np.log(np.diag(root)[:-1]).sum())
        prior = -0.5 * float((((settings - middle) / spread) ** 2).sum())
        return likelihood + prior, variance

    best, (score, variance) = middle, judged(middle)
    for attempt in range(_ATTEMPTS):
        if attempt < _ATTEMPTS // 3:
            settings = middle + spread * chance.standard_normal(ranges + 1)
        else:
            changed = chance.random(ranges + 1) < max(0.3, 1 / (ranges + 1))
            settings = best + spread / 2 * chance.standard_normal(ranges + 1) * changed
        likelier, its_variance = judged(settings)
        if likelier > score:
            best, score, variance = settings, likelier, its_variance
    lengths, noise = np.exp(best[:-1]), math.exp(best[-1])
    return _Model(lengths, noise, _whitening(_covariance(seen, seen, lengths), noise), variance)


def _improvement(model: _Model, weights: Array, seen: Array, asked: Array, best: float) -> Array:
    """How much less than the best is expected, on average over what is possible."""
    covariance = _covariance(asked, seen, model.lengths)
    half = model.whitening @ covariance.T
    deviation = np.sqrt(np.maximum(1 - (half * half).sum(0), 1e-12) * model.variance)
    ahead = (best - covariance @ weights) / deviation
    density = np.exp(-ahead * ahead / 2) / math.sqrt(2 * math.pi)
    return deviation * (ahead * (1 + _erf(ahead / _ROOT)) / 2 + density)


def _erf(values: Array) -> Array:
    return np.array([math.erf(value) for value in values])


def _around(centres: Array, distance: float, chance: np.random.Generator) -> Array:
    """Some of the coordinates of each, moved."""
    moved = chance.random(centres.shape) < max(0.3, 2 / centres.shape[1])
    return np.clip(centres + distance * chance.standard_normal(centres.shape) * moved, 0.0, 1.0)
