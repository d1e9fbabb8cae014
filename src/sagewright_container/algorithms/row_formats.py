"""Bytes of rows of numbers, in files and in requests: CSV, libsvm, Parquet, RecordIO-protobuf.

Each reader answers a float32 array or a CSR matrix, rows by columns, and raises ClientError with the line or record
that is wrong. In all forms a missing value is NaN. libsvm columns count from 0, as in XGBoost.
"""

from __future__ import annotations

import importlib
import io
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sagewright_container import recordio
from sagewright_container.algorithms.errors import ClientError

_DELIMITERS = (",", "\t", ";", "|", " ")
_MUCH = 1 << 17  # bytes of CSV from which on another reader is worth its import
_BLOCK = 1 << 20  # bytes that a thread reads at a time
_LAST_COLUMN = 2**31 - 2
_VALUES = "values"  # what SageMaker's algorithms call a record's features and its label


class Labelled(NamedTuple):
    """What a libsvm or RecordIO file says beside its features: a float per row, or None."""

    features: Any
    label: Any
    weight: Any = None
    query: Any = None


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
    row = 0
    for batch in table.to_batches():  # some rows at a time stay in the cache, into which each column is written in turn
        some = matrix[row : row + batch.num_rows]
        for column, values in enumerate(batch.columns):
            some[:, column] = arrow_numbers(values)
        row += batch.num_rows
    return matrix


def arrow_numbers(column: Any, missing: float = np.nan) -> Any:
    """A column of an Arrow table as an array, `missing` where it is null. Arrow's own `to_numpy` loads pandas where it
    is installed, which takes longer than a small file."""
    if column.null_count:
        column = column.fill_null(missing)
    parts = [np.from_dlpack(chunk) for chunk in getattr(column, "chunks", (column,)) if len(chunk)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.empty(0)


def _csv_by_line(data: bytes, delimiter: str) -> Any:
    rows: list[list[float]] = []
    for count, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        cells = [cell.strip().strip('"') for cell in line.strip("\r\n").split(delimiter)]
        try:
            rows.append([float(cell) if cell else np.nan for cell in cells])
        except ValueError as error:
            hint = "CSV data must have no header." if count == 1 else "Write numbers, or leave the cell empty."
            raise ClientError(f"Line {count} is not CSV of numbers: {line[:60]!r}. {hint}") from error
        if len(rows[-1]) != len(rows[0]):
            raise ClientError(
                f"Line {count} has {len(rows[-1])} columns, the first has {len(rows[0])}. All lines need as many."
            )
    return np.array(rows, np.float32)


def libsvm(data: bytes) -> Labelled:
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
            raise _not_libsvm(number, fields) from error
        counts.append(len(fields) - start)
        pairs.extend(fields[start:])
    for name, some in (("weight", weights), ("qid", queries)):
        if some and len(some) != len(labels):
            raise ClientError(f"Some libsvm lines have a {name} and some have none. Give all of them one.")
    matrix = _libsvm_matrix(pairs, counts)
    if matrix is None:
        raise _broken_libsvm(data)
    return Labelled(
        matrix,
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
    """None where one of the pairs is not `column:value`."""
    try:
        flat = np.array(b":".join(pairs).split(b":"), np.float64) if pairs else np.empty(0)
        cells = flat.reshape(-1, 2)
    except ValueError:
        return None
    if len(cells) != len(pairs) or not ((cells[:, 0] >= 0) & (cells[:, 0] <= _LAST_COLUMN)).all():
        return None
    return csr(cells[:, 1], cells[:, 0].astype(np.int64), counts, 0)


def _not_libsvm(number: int, fields: list[bytes]) -> ClientError:
    shown = b" ".join(fields)[:60].decode("utf-8", "replace")
    return ClientError(f"Line {number} is not libsvm: {shown!r}. Write label column:value, columns from 0 on.")


def _broken_libsvm(data: bytes) -> ClientError:
    """Which line. Only looked for when one is."""
    for number, fields in _libsvm_lines(data):
        for pair in fields[1:]:
            if not pair.startswith(b"qid:") and _libsvm_matrix([pair], [1]) is None:
                return _not_libsvm(number, fields)
    return ClientError("A libsvm feature is not of the form column:value.")


def csr(values: Any, columns: Any, counts: list[int], width: int) -> Any:
    """A CSR matrix of float32 with `counts[i]` values in row i; at least `width` columns."""
    sparse = importlib.import_module("scipy.sparse")
    if len(columns) and int(columns.min()) < 0:
        raise ClientError("A column number is negative: columns count from 0.")
    if len(columns) and int(columns.max()) > _LAST_COLUMN:
        raise ClientError(f"A column number is {columns.max()}: the last one that there may be is {_LAST_COLUMN}.")
    width = max(width, int(columns.max()) + 1 if len(columns) else 0)
    starts = np.concatenate(([0], np.cumsum(counts)))
    return sparse.csr_matrix((np.asarray(values, np.float32), columns, starts), shape=(len(counts), width))


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


def recordio_features(data: bytes) -> tuple[Any, list[float]]:
    """Features and the labels there are."""
    if (alike := _alike(data)) is not None:
        return alike
    rows: list[recordio.Tensor] = []
    labels: list[float] = []
    try:
        for record in recordio.read(data):
            rows.append(record.features[_VALUES])
            if _VALUES in record.label:
                labels.append(record.label[_VALUES].values[0])
    except KeyError as error:
        raise ClientError(f'Record {len(rows) + 1} has no features named "values".') from error
    except IndexError as error:
        raise ClientError(f"Record {len(rows)} has a label without a value.") from error
    except (recordio.FormatError, ValueError) as error:
        hint = " If these are CSV, their ContentType must be text/csv." if data[:64].isascii() else ""
        raise ClientError(f"Record {len(rows) + 1} is not RecordIO-protobuf: {error}{hint}") from error
    if any(len(row.keys) for row in rows):
        return _sparse(rows), labels
    for number, row in enumerate(rows, 1):
        if len(row.values) != len(rows[0].values):
            raise ClientError(
                f"Record {number} has {len(row.values)} features, the first {len(rows[0].values)}. All need as many."
            )
    return np.array([row.values for row in rows], np.float32), labels


def _sparse(rows: list[recordio.Tensor]) -> Any:
    for number, row in enumerate(rows, 1):
        if len(row.keys) != len(row.values):
            raise ClientError(f"Record {number} has {len(row.keys)} keys and {len(row.values)} values.")
    values = np.concatenate([np.asarray(row.values, np.float32) for row in rows])
    columns = np.concatenate([np.asarray(row.keys, np.int64) for row in rows])
    return csr(values, columns, [len(row.values) for row in rows], max(row.width for row in rows))


def _alike(data: bytes) -> tuple[Any, Any] | None:
    """The same of records that differ in their float32 values only, a hundred times as fast; None where they do not.

    It is what the SDK writes for dense rows: all records are as long and have their values at the same places.
    """
    if len(data) < 8:
        return None
    magic, length = struct.unpack_from("<II", data)
    stride = 8 + length + -length % 4
    if magic != recordio.MAGIC or len(data) < 2 * stride or len(data) % stride:
        return None
    first = data[:stride]
    try:
        record = next(recordio.read(first))
        spans = [_span(first, part) for part, tensors in enumerate(record) if tensors]
    except (recordio.FormatError, ValueError, LookupError):
        return None
    if not spans or None in spans or not record.features:
        return None
    every = np.frombuffer(data, np.uint8).reshape(-1, stride)
    same = np.ones(stride, bool)
    for span in spans:
        same[span] = False
    if not (every[:, same] == every[0, same]).all():
        return None
    found = [np.ascontiguousarray(every[:, span]).view("<f4").astype(np.float32, copy=False) for span in spans]
    return found[0], found[1][:, 0] if len(found) > 1 else []


def _span(framed: bytes, part: int) -> slice | None:
    """Where a framed record has its float32 features (part 0) or label (1): found by putting other values there."""
    tensor = next(recordio.read(framed))[part][_VALUES]
    if len(tensor.keys) or not len(tensor.values) or getattr(tensor.values, "typecode", "") != "f":
        return None
    values = np.array(tensor.values, "<f4").tobytes()
    others = np.arange(1, len(tensor.values) + 1, dtype="<f4")
    start = framed.find(values)
    while start >= 0:
        tried = framed[:start] + others.tobytes() + framed[start + len(values) :]
        try:
            if list(next(recordio.read(tried))[part][_VALUES].values) == others.tolist():
                return slice(start, start + len(values))
        except (recordio.FormatError, LookupError):
            pass
        start = framed.find(values, start + 1)
    return None
