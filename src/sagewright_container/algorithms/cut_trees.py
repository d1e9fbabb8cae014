"""A forest of random cut trees, grown and asked as arrays, all trees at once.

The trees are those of "Robust Random Cut Forest Based Anomaly Detection on Streams" (Guha et al., 2016): a node's cut
is in a dimension drawn in proportion to the extent of the node's rows in it, and at a place drawn evenly within that
extent. A row's score in a tree is what its insertion is expected to cost: with the probability that a new cut parts it
from a node's box, 1 / (depth + 1); where it reaches a leaf of the same value, 1 / (depth + log2(rows there + 1)). Times
log2(rows of the tree + 1) it is about 1 for usual rows. The forest's score is the mean of its trees'.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_GROWN_AT_ONCE = 1 << 25  # numbers of drawn rows: 128 MB
_SCORED_AT_ONCE = 1 << 17  # numbers that a step works on: they stay in a processor's cache
_TINY = 1e-300


class Forest:
    """Nodes of all trees, one after the other. `left` of a leaf is -1. Boxes are float32, nodes by features."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self._arrays = arrays
        self._roots = arrays["roots"]  # each tree's first node
        self._dimension, self._cut = arrays["dimension"], arrays["cut"]
        self._left, self._right = arrays["left"], arrays["right"]
        low, high = arrays["low"], arrays["high"]
        self._bounds = np.concatenate((low, -high), axis=1)  # a row is beyond where bounds - (row, -row) is above 0
        self._ones = np.ones(self._bounds.shape[1], np.float32)
        self._extent = (high.astype(np.float64) - low).sum(axis=1)
        mass = arrays["mass"].astype(np.float64)
        self._unit = np.log2(mass[0] + 1)
        damped = 1 - mass / (2 * mass[0])  # where many rows are alike, one more of them is the less an anomaly
        self._known = np.where(self._left < 0, damped / (arrays["depth"] + np.log2(mass + 1)), 0)

    @property
    def width(self) -> int:
        """Features of a row."""
        return int(self._arrays["low"].shape[1])

    def save(self, path: str) -> None:
        """Write a .npz file."""
        np.savez(path, **self._arrays)

    def scores(self, rows: Any) -> Any:
        """The score of each row, float64."""
        step = max(1, _SCORED_AT_ONCE // (len(self._roots) * self.width))
        parts = [self._each(rows[start : start + step]) for start in range(0, len(rows), step)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _each(self, rows: Any) -> Any:
        """Walk down all trees with all rows, a level at a time; pairs that have arrived drop out."""
        both = np.concatenate((rows, -rows), axis=1)
        row, node = np.repeat(np.arange(len(rows)), len(self._roots)), np.tile(self._roots, len(rows))
        scores = np.zeros(len(rows))
        alive = np.ones(len(node))  # the probability that no cut so far has parted the row from the others
        depth = 0
        while len(node):
            beyond = np.maximum(self._bounds[node] - both[row], 0) @ self._ones
            parted = beyond / np.maximum(beyond + self._extent[node], _TINY)
            scores += np.bincount(row, alive * (parted / (depth + 1) + (1 - parted) * self._known[node]), len(rows))
            alive *= 1 - parted
            on = np.flatnonzero((self._left[node] >= 0) & (alive > 0))
            row, node, alive = row[on], node[on], alive[on]
            goes_left = both[row, self._dimension[node]] <= self._cut[node]
            node = np.where(goes_left, self._left[node], self._right[node])
            depth += 1
        return scores * self._unit / len(self._roots)


def load(path: str) -> Forest:
    """What `save` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return Forest({name: file[name] for name in file.files})


def grow(rows: Any, trees: int, samples: int, *, seed: int) -> Forest:
    """`trees` trees of `samples` rows each (or of all, if there are fewer), drawn without repetition in a tree.

    `rows` is a float32 array or a CSR matrix; only the drawn ones of a few trees at a time become dense.
    """
    random = np.random.default_rng(seed)
    samples = min(samples, rows.shape[0])
    step = max(1, _GROWN_AT_ONCE // (samples * rows.shape[1]))
    parts: list[dict[str, Any]] = []
    for start in range(0, trees, step):
        count = min(step, trees - start)
        drawn = np.concatenate([random.choice(rows.shape[0], samples, replace=False) for _ in range(count)])
        some = rows[drawn]
        parts.append(_grown(some.toarray() if hasattr(some, "toarray") else some, count, random))
    return Forest(_joined(parts))


def _grown(points: Any, trees: int, random: Any) -> dict[str, Any]:
    """Trees on as many equal shares of `points`, a level of all of them at a time."""
    order = np.arange(len(points))  # rows, so that those of a node of this level stand together
    starts = np.arange(trees) * (len(points) // trees)
    levels: list[dict[str, Any]] = []
    made = trees  # nodes named so far: names are given level by level
    while len(starts):
        ends = np.append(starts[1:], len(order))
        here = points[order]
        low, high = np.minimum.reduceat(here, starts), np.maximum.reduceat(here, starts)
        extents = (high.astype(np.float64) - low).cumsum(axis=1)
        split = np.flatnonzero(extents[:, -1] > 0)
        dimension, cut = _cuts(low[split], high[split], extents[split], random)
        level = {name: np.full(len(starts), -1, np.int32) for name in ("dimension", "left", "right")}
        level |= {"cut": np.zeros(len(starts), np.float32), "mass": (ends - starts).astype(np.int32)}
        level["depth"] = np.full(len(starts), len(levels), np.int32)
        level["dimension"][split], level["cut"][split] = dimension, cut
        level["left"][split] = made + 2 * np.arange(len(split))
        level["right"][split] = level["left"][split] + 1
        levels.append({**level, "low": low, "high": high})
        made += 2 * len(split)
        order, starts = _parted(points, order, starts, ends, split, dimension, cut)
    return {"roots": np.arange(trees, dtype=np.int32), **_stacked(levels)}


def _cuts(low: Any, high: Any, extents: Any, random: Any) -> tuple[Any, Any]:
    """A dimension and a place for each node. `extents` are summed up over the dimensions."""
    place = random.random(len(low)) * extents[:, -1]
    dimension = (extents <= place[:, None]).sum(axis=1)
    each = np.arange(len(low))
    bottom, top = low[each, dimension], high[each, dimension]
    cut = (bottom + random.random(len(low)) * (top.astype(np.float64) - bottom)).astype(np.float32)
    return dimension, np.where(cut >= top, bottom, cut)  # the top row goes right, whatever rounding does


def _parted(points: Any, order: Any, starts: Any, ends: Any, split: Any, dimension: Any, cut: Any) -> tuple[Any, Any]:
    """The rows of the next level's nodes, each left one before its right one, and where each begins."""
    sizes = (ends - starts)[split]
    of = np.repeat(np.arange(len(split)), sizes)  # each row's node
    inside = np.zeros(len(starts), bool)
    inside[split] = True
    rows = order[np.repeat(inside, ends - starts)]
    right = points[rows, dimension[of]] > cut[of]
    child = 2 * of + right
    counts = np.bincount(child, minlength=2 * len(split))
    return rows[np.argsort(child, kind="stable")], np.cumsum(counts) - counts


def _stacked(levels: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: np.concatenate([level[name] for level in levels]) for name in levels[0]}


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Groups of trees as one: names of nodes move behind those of the groups before."""
    moved: list[dict[str, Any]] = []
    before = 0
    for part in parts:
        shifted = {name: np.where(part[name] < 0, -1, part[name] + before) for name in ("left", "right")}
        moved.append({**part, **shifted, "roots": part["roots"] + before})
        before += len(part["left"])
    return {
        name: values.astype(np.int32) if name in ("left", "right", "roots") else values
        for name, values in _stacked(moved).items()
    }
