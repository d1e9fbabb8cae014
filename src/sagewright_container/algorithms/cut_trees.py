"""A forest of random cut trees, grown as arrays, all trees at once (and asked so: `cut_scores.py`).

The trees are those of "Robust Random Cut Forest Based Anomaly Detection on Streams" (Guha et al., 2016): a node's cut
is in a dimension drawn in proportion to the extent of the node's rows in it, and at a place drawn evenly within that
extent. A row's score in a tree is what its insertion is expected to cost: with the probability that a new cut parts it
from a node's box, 1 / (depth + 1); where it reaches a leaf of the same value, 1 / (depth + log2(rows there + 1)). Times
log2(rows of the tree + 1) it is about 1 for usual rows. The forest's score is the mean of its trees'.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from sagewright_container.algorithms.cut_scores import Scores

_GROWN_AT_ONCE = 1 << 25  # numbers of drawn rows: 128 MB


class Forest:
    """Nodes of all trees, one after the other. `left` of a leaf is -1. Boxes are float32, nodes by features."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self._arrays = arrays  # `roots` are each tree's first node

    @property
    def width(self) -> int:
        """Features of a row."""
        return int(self._arrays["low"].shape[1])

    def save(self, path: str) -> None:
        """Write a .npz file."""
        np.savez(path, **self._arrays)

    def scores(self, rows: Any) -> Any:
        """The score of each row, float64."""
        return self._scores.of(rows)

    @functools.cached_property
    def _scores(self) -> Scores:
        return Scores(self._arrays)


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
