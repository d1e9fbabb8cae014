"""Read a channel of labelled rows into one table: CSV, libsvm, Parquet, RecordIO-protobuf.

CSV has no header and its label first; in all forms a missing value is NaN. The formats are those of AWS's
developer guide ("Common Data Formats for Training"); what is in their bytes is read by `row_formats.py`.
"""

from __future__ import annotations

import importlib
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sagewright_container.algorithms import row_formats
from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.content_types import CSV, LIBSVM, PARQUET, RECORDIO
from sagewright_container.algorithms.errors import ClientError

_UNITS = {CSV: "Line", LIBSVM: "Line", RECORDIO: "Record", PARQUET: "Row"}


@dataclass(frozen=True)
class Part:
    """A file of a channel, with so many rows: where errors find the line of one of them."""

    source: Input
    path: str
    count: int

    def error(self, row: int, problem: str) -> ClientError:
        """What is wrong with the row of that number (from 0)."""
        return _wrong(self.source, self.path, f"{self._place(row)} {problem}")

    def _place(self, row: int) -> str:
        unit = _UNITS[self.source.content_type]
        if unit != "Line" or not os.path.isfile(self.path):  # a pipe is read once
            return f"{unit} {row + 1}"
        with open(self.path, "rb") as file:
            numbers = (number for number, line in enumerate(file, 1) if line.strip() and not line.startswith(b"#"))
            return f"Line {next(itertools.islice(numbers, row, None), row + 1)}"


@dataclass
class Table:
    """`features`: float32 array or CSR matrix, rows by columns. The rest: one float per row, or None."""

    features: Any
    label: Any
    weight: Any = None
    query: Any = None
    parts: Sequence[Part] = ()

    def error(self, row: int, problem: str) -> ClientError:
        """What is wrong with the row of that number (from 0), with its file and line."""
        for part in self.parts:
            if row < part.count:
                return part.error(row, problem)
            row -= part.count
        return ClientError(f"Row {row + 1} {problem}")


def read(source: Input, *, weights: bool = False) -> Table:
    """All rows of a channel, each with a finite label. `weights`: the second CSV column weighs the row.

    Raises ClientError.
    """
    tables = list(_tables(source, weights))
    joined = tables[0]
    if len(tables) > 1:
        joined = Table(
            _stacked([(table.parts[0], table.features) for table in tables]),
            np.concatenate([table.label for table in tables]),
            _joined_column(source, [table.weight for table in tables]),
            _joined_column(source, [table.query for table in tables]),
            [part for table in tables for part in table.parts],
        )
    bad = np.flatnonzero(~np.isfinite(joined.label))
    if len(bad):
        raise joined.error(int(bad[0]), "has no label, or one that is no finite number. Give it one, or leave it out.")
    return joined


def labelled(source: Input, *, width: int | None = None) -> Table:
    """All rows of a channel with a finite label each, and finite features: `width` of them where it is given, which
    sparse rows are widened to. Raises ClientError."""
    table = read(source)
    table.features = _checked(table.features, width, table.error)
    return table


def features(source: Input, *, width: int) -> Any:
    """All rows of a channel without their labels, where it has some: float32 array or CSR matrix of `width` columns.

    CSV has its label first, unless its content type says `label_size=0`. Raises ClientError.
    """
    return unlabelled(source, width=width).features


def unlabelled(source: Input, *, width: int) -> Table:
    """The same as a table, which tells where its rows are; its labels are None."""
    found: list[tuple[Part, Any]] = []
    for path, data in _files(source):
        try:
            some = _unlabelled(source, data)
        except ClientError as error:
            raise _wrong(source, path, str(error)) from error
        part = Part(source, path, some.shape[0])
        found.append((part, _checked(some, width, part.error)))
    return Table(_stacked(found), None, parts=[part for part, _ in found])


def counts(source: Input, *, width: int) -> Any:
    """`features` of documents: how often each word is in them. Raises ClientError where one is below 0."""
    table = unlabelled(source, width=width)
    values = table.features.data if hasattr(table.features, "tocsr") else table.features
    if values.size and values.min() < 0:
        lowest = table.features.min(axis=1)
        dense = lowest.toarray() if hasattr(lowest, "toarray") else lowest
        row = int(np.flatnonzero(dense.reshape(-1) < 0)[0])
        raise table.error(row, "has a count of words that is negative. Counts begin at 0.")
    return table.features


def _checked(some: Any, width: int | None, error: Any) -> Any:
    """Rows with `width` columns, which sparse ones are widened to, all finite. Raises ClientError by `error`."""
    sparse = hasattr(some, "tocsr")
    if width is not None and sparse and some.shape[1] < width:
        some.resize(some.shape[0], width)
    if width is not None and some.shape[1] != width:
        remedy = f"{width} are expected. Change the rows or hyperparameter feature_dim."
        if sparse:
            place = int(np.searchsorted(some.indptr, np.flatnonzero(some.indices >= width)[0], side="right")) - 1
            raise error(place, f"has a value in column {int(some.indices.max())}, counted from 0, and {remedy}")
        raise error(0, f"has {some.shape[1]} features, and {remedy}")
    _finite(some, error, np.isfinite)
    return some


def _finite(some: Any, error: Any, good: Any) -> None:
    """Raises ClientError by `error` where a feature is not `good`."""
    sparse = hasattr(some, "tocsr")
    values = some.data if sparse else some
    if good(values).all():
        return
    where = int(np.flatnonzero(~good(values).reshape(-1))[0])
    row, column = divmod(where, max(1, some.shape[1]))
    if sparse:
        row, column = int(np.searchsorted(some.indptr, where, side="right")) - 1, int(some.indices[where])
    what = f"has no finite number as feature {column + 1}: it is missing, NaN or too large."
    raise error(row, f"{what} Write one, or leave the row out.")


def _no_infinity(values: Any) -> Any:
    """Which are numbers or missing."""
    return ~np.isinf(values)


def _files(source: Input) -> Iterator[tuple[str, bytes]]:
    """Each file that is not empty, with what it holds. Raises ClientError where there is none."""
    some = False
    for path in source.files():
        with open(path, "rb") as file:
            data = file.read()
        if data.strip():
            some = True
            yield path, data
    if not some:
        raise source.nothing()


def _tables(source: Input, weights: bool) -> Iterator[Table]:
    for path, data in _files(source):
        try:
            table = _parse(source, data, weights)
        except ClientError as error:
            raise _wrong(source, path, str(error)) from error
        table.parts = [Part(source, path, len(table.label))]
        _finite(table.features, table.error, _no_infinity)
        yield table


def _wrong(source: Input, path: str, problem: str) -> ClientError:
    return ClientError(f"{os.path.basename(path)} in channel {source.name}: {problem}")


def _unlabelled(source: Input, data: bytes) -> Any:
    if source.content_type == CSV:
        size = source.parameters.get("label_size", "1")
        if size not in ("0", "1"):
            raise ClientError("label_size of CSV data must be 0 or 1. Change it in the channel's ContentType.")
        return row_formats.csv_matrix(data)[:, int(size) :]
    if source.content_type == RECORDIO:
        return row_formats.recordio_features(data)[0]
    if source.content_type == LIBSVM:
        return row_formats.libsvm(data).features
    return row_formats.parquet_matrix(data)


def _parse(source: Input, data: bytes, weights: bool) -> Table:
    if source.content_type == CSV:
        return _csv(data, source.parameters, weights)
    if source.content_type == LIBSVM:
        found = row_formats.libsvm(data)
        return Table(found.features, found.label, found.weight, found.query)
    if source.content_type == PARQUET:
        matrix = row_formats.parquet_matrix(data)
        return Table(matrix[:, 1:], matrix[:, 0])
    some, labels = row_formats.recordio_features(data)
    if len(labels) != some.shape[0]:
        raise ClientError('A record has no label: give each a label named "values".')
    return Table(some, np.asarray(labels, np.float32))


def _csv(data: bytes, parameters: Any, weights: bool) -> Table:
    if parameters.get("label_size", "1") != "1":
        raise ClientError("label_size of CSV data must be 1. Change it in the channel's ContentType.")
    matrix = row_formats.csv_matrix(data)
    columns = 2 if weights else 1
    if matrix.shape[1] <= columns:
        raise ClientError(f"Line 1 has {matrix.shape[1]} columns, and needs a label and a feature at the least.")
    return Table(matrix[:, columns:], matrix[:, 0], matrix[:, 1] if weights else None)


def _stacked(parts: Sequence[tuple[Part, Any]]) -> Any:
    first, one = parts[0]
    if len(parts) == 1:
        return one
    if not hasattr(one, "tocsr"):
        for part, some in parts:
            if some.shape[1] != one.shape[1]:
                name = os.path.basename(first.path)
                raise part.error(
                    0, f"has {some.shape[1]} features, those of {name} have {one.shape[1]}. All need as many."
                )
        return np.concatenate([some for _, some in parts])
    width = max(some.shape[1] for _, some in parts)
    for _, some in parts:
        some.resize(some.shape[0], width)
    return importlib.import_module("scipy.sparse").vstack([some for _, some in parts], format="csr")


def _joined_column(source: Input, parts: list[Any]) -> Any:
    if all(part is None for part in parts):
        return None
    if any(part is None for part in parts):
        raise ClientError(
            f"Channel {source.name}: some files have weights or query ids and some have none. Give all of them."
        )
    return np.concatenate(parts)
