"""How a forest of random cut trees scores rows: many rows in many trees at once, on all cores, from the leaves up.

A row's score in a tree (see `cut_trees.py`) is made of the nodes on its way to a leaf. From the leaf up: at a node,
from whose box a cut parts the row with probability p, it is p / (depth + 1) + (1 - p) times what it is below. Each box
is within its parent's, so that nothing changes any more from the first one on that the row is in: half of the nodes are
not looked at.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from sagewright_container.contract import cpu_count

_AT_ONCE = 1 << 17  # numbers that a step works on: they stay in a processor's cache
_ROWS = 1000  # that go down a tree together, so that its boxes stay there too
_STILL = 0.8  # the share of pairs under way below which it pays to leave the others out


class Scores:
    """The nodes of a forest, those of a tree together, and one more above all roots, which every row is in."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        order, self._roots, self._parent = _by_tree(arrays)
        here = {name: arrays[name][order] for name in ("dimension", "cut", "left", "right", "depth", "mass")}
        place = np.argsort(order)
        self._leaf = here["left"] < 0
        itself = np.arange(len(order))
        children = [np.where(self._leaf, itself, place[here[side]]) for side in ("right", "left")]
        self._children = np.stack(children, axis=1).ravel()
        self._dimension, self._cut = np.maximum(here["dimension"], 0).astype(np.intp), here["cut"]
        low, high = arrays["low"][order], arrays["high"][order]
        endless = np.full((1, low.shape[1]), np.inf, np.float32)
        self._low, self._high = np.concatenate((low, -endless)), np.concatenate((high, endless))
        self._ones = np.ones(low.shape[1], np.float32)
        self._extent = np.append((high.astype(np.float64) - low).sum(axis=1), 1)
        self._parted = np.append(1 / (here["depth"] + 1.0), 0)
        mass = here["mass"].astype(np.float64)
        grown = mass[self._roots[0]]
        damped = 1 - mass / (2 * grown)  # where many rows are alike, one more of them is the less an anomaly
        self._known = damped / (here["depth"] + np.log2(mass + 1))
        self._unit = np.log2(grown + 1) / len(self._roots)
        self._marks = _marks(low)

    def of(self, rows: Any) -> Any:
        """The score of each row, float64. `rows` is a float32 array, of finite numbers."""
        found = np.zeros(len(rows))
        step = min(_ROWS, max(1, _AT_ONCE // rows.shape[1]))
        trees = max(1, _AT_ONCE // (min(step, max(1, len(rows))) * rows.shape[1]))
        groups = [self._roots[start : start + trees] for start in range(0, len(self._roots), trees)]
        with ThreadPoolExecutor(cpu_count()) as threads:
            for start in range(0, len(rows), step):
                some = np.ascontiguousarray(rows[start : start + step])
                told = map if len(groups) == 1 else threads.map
                found[start : start + step] = sum(told(functools.partial(self._in_trees, some), groups))
        return found * self._unit

    def _in_trees(self, rows: Any, roots: Any) -> Any:
        """The sum of each row's scores in some trees."""
        row = np.tile(np.arange(len(rows)), len(roots))
        leaf = self._leaves(rows, row, np.repeat(roots, len(rows)))
        scores = self._parted[leaf]
        alike = np.flatnonzero(self._marks[leaf] == _marks(rows)[row])
        alike = alike[(self._low[leaf[alike]] == rows[row[alike]]).all(axis=1)]
        scores[alike] = self._known[leaf[alike]]
        self._climb(rows.take(row, axis=0), self._parent[leaf], scores)
        return scores.reshape(len(roots), len(rows)).sum(axis=0)

    def _leaves(self, rows: Any, row: Any, node: Any) -> Any:
        """The leaf that each pair of a row and a node comes to."""
        values, begins = rows.ravel(), row * rows.shape[1]
        found, pair = node, np.arange(len(node))
        while len(pair):
            goes_left = values[begins + self._dimension[node]] <= self._cut[node]
            node = self._children[2 * node + goes_left]
            arrived = self._leaf[node]
            if np.count_nonzero(arrived) > (1 - _STILL) * len(node) or arrived.all():
                found[pair] = node
                on = np.flatnonzero(~arrived)
                pair, node, begins = pair[on], node[on], begins[on]
        return found

    def _climb(self, rows: Any, node: Any, scores: Any) -> None:
        """Bring each pair's score from below its node up to the root. Pairs are rows and nodes of one length."""
        pair, here = np.arange(len(node)), scores
        while True:
            beyond = self._low.take(node, axis=0)
            beyond -= rows
            above = self._high.take(node, axis=0)
            np.subtract(rows, above, out=above)
            np.maximum(beyond, above, out=beyond)
            distance = np.maximum(beyond, 0, out=beyond) @ self._ones
            outside = np.count_nonzero(distance)
            if outside < _STILL * len(node):
                scores[pair] = here
                if not outside:
                    return
                on = np.flatnonzero(distance)
                pair, node, rows, here, distance = pair[on], node[on], rows.take(on, axis=0), here[on], distance[on]
            parted = distance / (distance + self._extent[node])
            here = here + parted * (self._parted[node] - here)
            node = self._parent[node]


def _by_tree(arrays: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """The nodes, those of a tree together; then by their places in that order the roots, and each one's parent, which
    for a root is the place behind the last."""
    count, inner = len(arrays["left"]), np.flatnonzero(arrays["left"] >= 0)
    parent, tree = np.full(count, -1), np.zeros(count, np.intp)
    parent[arrays["left"][inner]] = parent[arrays["right"][inner]] = inner
    tree[arrays["roots"]] = np.arange(len(arrays["roots"]))
    for depth in range(1, int(arrays["depth"].max()) + 1):
        level = np.flatnonzero(arrays["depth"] == depth)
        tree[level] = tree[parent[level]]
    order = np.argsort(tree, kind="stable")
    place = np.append(np.argsort(order), count)
    return order, place[arrays["roots"]], np.append(place[parent[order]], count)


def _marks(rows: Any) -> Any:
    """A number for each row, the same for equal ones, and hardly ever for others."""
    factors = np.random.default_rng(0).integers(1 << 62, size=rows.shape[1], dtype=np.uint64) * np.uint64(
        2
    ) + np.uint64(1)
    return ((rows + np.float32(0)).view(np.uint32) * factors).sum(axis=1)  # 0 and -0 are equal
