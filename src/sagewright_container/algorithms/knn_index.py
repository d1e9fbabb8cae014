"""Faiss's indexes as k-NN's hyperparameters ask for them: reduction, padding and normalization are saved in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import faiss
import numpy as np

from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.tables import Table

_CENTERS = 256  # of each part of a product quantizer: so many rows it needs at the least


def sample(table: Table, size: int) -> tuple[Any, Any]:
    """`size` of the rows, drawn without replacement, and their labels; all where there are no more."""
    if len(table.label) <= size:
        return table.features, table.label
    drawn = np.sort(np.random.default_rng(0).choice(len(table.label), size, replace=False))
    return table.features[drawn], table.label[drawn]


def built(rows: Any, values: Mapping[str, Any]) -> Any:
    """An index with the rows in it. Raises ClientError where they are too few for its type."""
    width = rows.shape[1]
    steps, inner_width = _steps(width, values)
    index = faiss.IndexPreTransform(_inner(inner_width, rows.shape[0], values))
    for step in reversed(steps):
        index.prepend_transform(step)
    dense = _dense(rows)
    index.train(dense)
    index.add(dense)
    return index


def save(index: Any, path: str) -> None:
    """For `faiss.read_index`."""
    faiss.write_index(index, path)


class Index:
    """A saved index."""

    def __init__(self, path: str) -> None:
        self._index = faiss.read_index(path)
        inner = faiss.downcast_index(self._index.index)
        self._lists = inner.nlist if hasattr(inner, "nlist") else None

    @property
    def width(self) -> int:
        """Columns of a row."""
        return int(self._index.d)

    def nearest(self, rows: Any, count: int) -> tuple[Any, Any]:
        """Distances (L2's are squares; else similarities) and places of each row's neighbors, the nearest first."""
        dense = _dense(rows)
        distances, places = self._index.search(dense, count)
        short = np.flatnonzero((places < 0).any(axis=1))
        if len(short) and self._lists is not None:  # the lists looked into hold too few: look into all
            everywhere = faiss.SearchParametersPreTransform(index_params=faiss.SearchParametersIVF(nprobe=self._lists))
            distances[short], places[short] = self._index.search(dense[short], count, params=everywhere)
        return distances, places


def _steps(width: int, values: Mapping[str, Any]) -> tuple[list[Any], int]:
    """What is done to a row before it is indexed, and the width that comes of it."""
    parts = values["faiss_index_pq_m"] if values["index_type"] == "faiss.IVFPQ" else 1
    steps = []
    kind, target = values.get("dimension_reduction_type"), values.get("dimension_reduction_target", width)
    inner_width = -(-target // parts) * parts  # what a quantizer can divide
    if kind is not None:
        steps.append(_linear(_signs(width, inner_width) if kind == "sign" else _hadamard(width, inner_width)))
    elif inner_width > width:
        steps.append(faiss.RemapDimensionsTransform(width, inner_width, False))
    if values["index_metric"] == "COSINE":
        steps.append(faiss.NormalizationTransform(inner_width, 2.0))
    return steps, inner_width


def _inner(width: int, rows: int, values: Mapping[str, Any]) -> Any:
    metric = faiss.METRIC_L2 if values["index_metric"] == "L2" else faiss.METRIC_INNER_PRODUCT
    if values["index_type"] == "faiss.Flat":
        return faiss.IndexFlat(width, metric)
    lists = values["faiss_index_ivf_nlists"]
    if lists == "auto":
        lists = max(1, int(rows**0.5))
    if rows < lists:
        raise ClientError(f"Hyperparameter faiss_index_ivf_nlists is {lists}, but there are {rows} rows only.")
    coarse = faiss.IndexFlat(width, metric)
    if values["index_type"] == "faiss.IVFFlat":
        index = faiss.IndexIVFFlat(coarse, width, lists, metric)
    else:
        if rows < _CENTERS:
            raise ClientError(f"index_type faiss.IVFPQ needs {_CENTERS} rows at the least; there are {rows}.")
        index = faiss.IndexIVFPQ(coarse, width, lists, values["faiss_index_pq_m"], 8)
    index.nprobe = max(1, round(lists**0.5))  # more is slower, less misses neighbors
    return index


def _signs(width: int, target: int) -> Any:
    """A random projection of signs, which keeps lengths on the average."""
    signs = np.random.default_rng(0).integers(0, 2, (target, width)) * 2 - 1
    return signs.astype(np.float32) / np.float32(target**0.5)


def _hadamard(width: int, target: int) -> Any:
    """Johnson and Lindenstrauss's fast transform: rows of a Hadamard matrix, drawn, with columns of random signs."""
    random = np.random.default_rng(0)
    size = 1 << max(target - 1, width - 1).bit_length()
    drawn = random.choice(size, target, replace=False)
    signs = 1 - 2 * (np.bitwise_count(drawn[:, None] & np.arange(width)) & 1).astype(np.float32)
    return signs * random.choice(np.array([-1, 1], np.float32), width) / np.float32(target**0.5)


def _linear(matrix: Any) -> Any:
    step = faiss.LinearTransform(matrix.shape[1], matrix.shape[0], False)
    faiss.copy_array_to_vector(np.ascontiguousarray(matrix, np.float32).ravel(), step.A)
    step.is_trained = True
    return step


def _dense(rows: Any) -> Any:
    return np.ascontiguousarray(rows.toarray() if hasattr(rows, "tocsr") else rows, np.float32)
