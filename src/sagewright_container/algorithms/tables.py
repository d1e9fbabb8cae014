"""Read a channel of labelled rows into one table: CSV, libsvm, Parquet, RecordIO-protobuf.

CSV has no header and its label first; in all forms a missing value is NaN. The formats are those of AWS's
developer guide ("Common Data Formats for Training"); libsvm columns count from 0, as in XGBoost.
"""

from __future__ import annotations

import importlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from sagewright_container import recordio
from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.content_types import CSV, LIBSVM, PARQUET, RECORDIO
from sagewright_container.algorithms.errors import ClientError

T = TypeVar("T")

_DELIMITERS = (",", "\t", ";", "|", " ")
_MUCH = 1 << 20  # bytes of CSV from which on another reader is worth its import
_BLOCK = 1 << 20  # bytes that a thread reads at a time


@dataclass
class Table:
    """`features`: float32 array or CSR matrix, rows by columns. The rest: one float per row, or None."""

    features: Any
    label: Any
    weight: Any = None
    query: Any = None


def read(source: Input, *, weights: bool = False) -> Table:
    """All rows of a channel. `weights`: the second CSV column weighs the row. Raises ClientError."""
    return _joined(_each(source, lambda data: _parse(source, data, weights)))


def features(source: Input, *, width: int) -> Any:
    """All rows of a channel without their labels, where it has some: float32 array or CSR matrix of `width` columns.

    CSV has its label first, unless its content type says `label_size=0`. Raises ClientError.
    """
    return _checked(source, _stacked(_each(source, lambda data: _unlabelled(source, data))), width)


def _checked(source: Input, rows: Any, width: int) -> Any:
    """`rows` with `width` columns, which sparse ones are widened to, all finite. Raises ClientError."""
    if hasattr(rows, "tocsr") and rows.shape[1] < width:
        rows.resize(rows.shape[0], width)
    if rows.shape[1] != width:
        raise ClientError(
            f"Channel {source.name}: the rows have {rows.shape[1]} features, and {width} are expected (feature_dim, or "
            "the width of channel train)."
        )
    values = rows.data if hasattr(rows, "tocsr") else rows
    if not np.isfinite(values).all():
        raise ClientError(f"Channel {source.name}: a feature is missing, or no finite number.")
    return rows


def labelled(source: Input, *, width: int | None = None) -> Table:
    """All rows of a channel with a finite label each, and finite features: `width` of them where it is given, which
    sparse rows are widened to. Raises ClientError."""
    table = read(source)
    bad = np.flatnonzero(~np.isfinite(table.label))
    if len(bad):
        raise ClientError(f"Channel {source.name}: row {bad[0] + 1} has no label, or one that is no finite number.")
    table.features = _checked(source, table.features, table.features.shape[1] if width is None else width)
    return table


def _each(source: Input, parse: Callable[[bytes], T]) -> list[T]:
    """What is made of each file that is not empty."""
    found: list[T] = []
    for path in source.files():
        try:
            with open(path, "rb") as file:
                data = file.read()
            if data.strip():
                found.append(parse(data))
        except ClientError as error:
            raise ClientError(f"{os.path.basename(path)} in channel {source.name}: {error}") from error
    if not found:
        raise ClientError(f"Channel {source.name} holds no data.")
    return found


def _unlabelled(source: Input, data: bytes) -> Any:
    if source.content_type == CSV:
        size = source.parameters.get("label_size", "1")
        if size not in ("0", "1"):
            raise ClientError("label_size of CSV data must be 0 or 1.")
        return csv_matrix(data)[:, int(size) :]
    if source.content_type == RECORDIO:
        return recordio_features(data)[0]
    if source.content_type == LIBSVM:
        return _libsvm(data).features
    return parquet_matrix(data)


def _parse(source: Input, data: bytes, weights: bool) -> Table:
    if source.content_type == CSV:
        return _csv(data, source.parameters, weights)
    if source.content_type == LIBSVM:
        return _libsvm(data)
    if source.content_type == PARQUET:
        return _parquet(data)
    return _recordio(data)


def _csv(data: bytes, parameters: Any, weights: bool) -> Table:
    if parameters.get("label_size", "1") != "1":
        raise ClientError("label_size of CSV data must be 1.")
    rows = csv_matrix(data)
    columns = 2 if weights else 1
    if rows.shape[1] <= columns:
        raise ClientError(f"A row has {rows.shape[1]} columns, and needs a label and a feature at the least.")
    return Table(rows[:, columns:], rows[:, 0], rows[:, 1] if weights else None)


def csv_matrix(data: bytes) -> Any:
    """CSV without a header as a float32 array, rows by columns; empty cells are NaN. Raises ClientError."""
    first = data.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace")
    delimiter = next((mark for mark in _DELIMITERS if mark in first.strip()), ",")
    large = csv_with_arrow(data, delimiter)
    if large is not None:
        return large
    try:
        matrix: Any = np.loadtxt(io.BytesIO(data), np.float32, comments=None, delimiter=delimiter, ndmin=2)
    except ValueError:  # empty cells, quotes, or truly no numbers: look closer, and say which line
        return _csv_by_line(data, delimiter)
    return matrix


def csv_with_arrow(data: bytes, delimiter: str = ",") -> Any:
    """The same of much data, on all processors and several times as fast; None where it is not worth it, where there is
    no Arrow, or where Arrow reads it otherwise."""
    if len(data) < _MUCH or delimiter == " ":
        return None
    columns = data.lstrip().split(b"\n", 1)[0].strip().count(delimiter.encode()) + 1
    try:
        arrow, csv = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.csv")
    except ImportError:
        return None
    names = [f"f{column}" for column in range(columns)]
    try:
        table = csv.read_csv(
            arrow.py_buffer(data),
            read_options=csv.ReadOptions(column_names=names, block_size=_BLOCK),
            parse_options=csv.ParseOptions(delimiter=delimiter),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, arrow.float32()), null_values=[""], strings_can_be_null=True
            ),
        )
    except arrow.ArrowInvalid:
        return None
    matrix = np.empty((table.num_rows, columns), np.float32)
    for column, values in enumerate(table.columns):
        matrix[:, column] = values.to_numpy()
    return matrix


def _csv_by_line(data: bytes, delimiter: str) -> Any:
    rows: list[list[float]] = []
    for count, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        cells = [cell.strip().strip('"') for cell in line.strip("\r\n").split(delimiter)]
        try:
            rows.append([float(cell) if cell else np.nan for cell in cells])
        except ValueError as error:
            hint = " CSV data must have no header." if count == 1 else ""
            raise ClientError(f"Line {count} is not CSV of numbers: {line[:60]!r}.{hint}") from error
        if len(rows[-1]) != len(rows[0]):
            raise ClientError(f"Line {count} has {len(rows[-1])} columns, the first has {len(rows[0])}.")
    return np.array(rows, np.float32)


def _libsvm(data: bytes) -> Table:
    """`label[:weight] [qid:n] column:value …`, one row a line; `#` begins a comment."""
    labels: list[float] = []
    weights: list[float] = []
    queries: list[int] = []
    counts: list[int] = []
    pairs: list[bytes] = []
    for number, fields in _libsvm_lines(data):
        try:
            label, _, weight = fields[0].partition(b":")
            labels.append(float(label))
            if weight:
                weights.append(float(weight))
            start = 1
            if len(fields) > 1 and fields[1].startswith(b"qid:"):
                queries.append(int(fields[1][4:]))
                start = 2
        except ValueError as error:
            raise ClientError(f"Line {number} is not libsvm: {b' '.join(fields)[:60]!r}.") from error
        counts.append(len(fields) - start)
        pairs.extend(fields[start:])
    for name, some in (("weight", weights), ("qid", queries)):
        if some and len(some) != len(labels):
            raise ClientError(f"Some libsvm rows have a {name} and some have none.")
    return Table(
        _libsvm_matrix(pairs, counts),
        np.array(labels, np.float32),
        np.array(weights, np.float32) if weights else None,
        np.array(queries) if queries else None,
    )


def _libsvm_lines(data: bytes) -> Iterator[tuple[int, list[bytes]]]:
    comments = b"#" in data
    for number, line in enumerate(data.splitlines(), 1):
        fields = (line.split(b"#", 1)[0] if comments else line).split()
        if fields:
            yield number, fields


def _libsvm_matrix(pairs: list[bytes], counts: list[int]) -> Any:
    try:
        flat = np.array(b":".join(pairs).split(b":"), np.float64) if pairs else np.empty(0)
        cells = flat.reshape(-1, 2)
    except ValueError as error:
        raise ClientError("A libsvm feature is not of the form column:value.") from error
    if len(cells) != len(pairs):
        raise ClientError("A libsvm feature is not of the form column:value.")
    return csr(cells[:, 1], cells[:, 0].astype(np.int64), counts, 0)


def csr(values: Any, columns: Any, counts: list[int], width: int) -> Any:
    """A CSR matrix of float32 with `counts[i]` values in row i; at least `width` columns."""
    sparse = importlib.import_module("scipy.sparse")
    if len(columns) and int(columns.min()) < 0:
        raise ClientError("A column number is negative.")
    width = max(width, int(columns.max()) + 1 if len(columns) else 0)
    starts = np.concatenate(([0], np.cumsum(counts)))
    return sparse.csr_matrix((np.asarray(values, np.float32), columns, starts), shape=(len(counts), width))


def _parquet(data: bytes) -> Table:
    rows = parquet_matrix(data)
    return Table(rows[:, 1:], rows[:, 0])


def parquet_matrix(data: bytes) -> Any:
    """All columns of a Parquet file as a float32 array, rows by columns. Raises ClientError."""
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ClientError("Parquet data needs pyarrow, which this environment lacks.") from error
    try:
        columns = parquet.read_table(io.BytesIO(data)).columns
        return np.column_stack([np.asarray(column, np.float32) for column in columns])
    except (ValueError, TypeError, OSError) as error:  # pyarrow's errors are kinds of these
        raise ClientError(f"The Parquet data could not be read as numbers: {error}.") from error


def _recordio(data: bytes) -> Table:
    features, labels = recordio_features(data)
    if len(labels) != features.shape[0]:
        raise ClientError("A RecordIO-protobuf record has no label.")
    return Table(features, np.array(labels, np.float32))


def recordio_features(data: bytes) -> tuple[Any, list[float]]:
    """Features (float32 array, or CSR matrix when rows are sparse) and the labels there are."""
    rows: list[recordio.Tensor] = []
    labels: list[float] = []
    try:
        for record in recordio.read(data):
            rows.append(record.features["values"])
            if "values" in record.label:
                labels.append(record.label["values"].values[0])
    except KeyError as error:
        raise ClientError('A RecordIO-protobuf record has no features named "values".') from error
    except (recordio.FormatError, ValueError) as error:
        raise ClientError(f"This is not RecordIO-protobuf. {error}") from error
    if any(len(row.keys) for row in rows):
        values = np.concatenate([np.asarray(row.values, np.float32) for row in rows])
        columns = np.concatenate([np.asarray(row.keys, np.int64) for row in rows])
        counts = [len(row.values) for row in rows]
        return csr(values, columns, counts, max(row.width for row in rows)), labels
    if len({len(row.values) for row in rows}) > 1:
        raise ClientError("RecordIO-protobuf records are of different lengths.")
    return np.array([row.values for row in rows], np.float32), labels


def _joined(tables: list[Table]) -> Table:
    if len(tables) == 1:
        return tables[0]
    return Table(
        _stacked([table.features for table in tables]),
        np.concatenate([table.label for table in tables]),
        _joined_column([table.weight for table in tables]),
        _joined_column([table.query for table in tables]),
    )


def _stacked(parts: list[Any]) -> Any:
    if not hasattr(parts[0], "tocsr"):
        widths = {part.shape[1] for part in parts}
        if len(widths) > 1:
            raise ClientError(f"The files of a channel differ in their number of columns: {sorted(widths)}.")
        return np.concatenate(parts)
    width = max(part.shape[1] for part in parts)
    for part in parts:
        part.resize(part.shape[0], width)
    return importlib.import_module("scipy.sparse").vstack(parts, format="csr")


def _joined_column(parts: list[Any]) -> Any:
    if all(part is None for part in parts):
        return None
    if any(part is None for part in parts):
        raise ClientError("Some files of a channel have weights or query ids and some have none.")
    return np.concatenate(parts)
