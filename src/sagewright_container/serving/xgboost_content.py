"""What XGBoost's requests may hold, as float32 arrays or CSR matrices, one row for each prediction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sagewright_container.algorithms import row_formats
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.serving import content
from sagewright_container.serving.errors import UnsupportedContent


def decode(body: bytes, media: str) -> Any:
    """Rows by columns. Raises UnsupportedContent for an unknown type, or for bytes that are not of it."""
    decoder = DECODERS.get(media)
    if decoder is None:
        known = ", ".join(DECODERS)
        raise UnsupportedContent(f"Content type {media} is not supported: it is one of {known}.")
    try:
        return decoder(body)
    except (ClientError, ValueError) as error:
        raise UnsupportedContent(f"The request could not be read as {media}: {error}") from error


def _json(body: bytes) -> Any:
    """A row, or a list of rows. Raises ValueError."""
    form = "It is not a list of rows of numbers, such as [[1, 2], [3, 4]]."
    try:
        rows = content.json_array(body)
    except TypeError as error:  # objects
        raise ValueError(form) from error
    if rows.ndim not in (1, 2):
        raise ValueError(form)
    return rows.reshape(1, -1) if rows.ndim == 1 else rows


def _csv(body: bytes) -> Any:
    """CSV, by the first delimiter that its first line has; a single line of numbers is the common case."""
    body = body.strip()
    if b"\n" not in body:
        cells = body.split(b",")
        try:
            return np.array([cells], np.float32)
        except ValueError:
            pass  # another delimiter, quotes, empty cells
    return row_formats.csv_matrix(body)


def _libsvm(body: bytes) -> Any:
    """`column:value` pairs, one row a line; a label in front, as in training data, is passed over."""
    columns: list[int] = []
    values: list[float] = []
    counts: list[int] = []
    for line in body.strip().splitlines():
        pairs = [field.split(b":") for field in line.split() if b":" in field]
        columns += [int(pair[0]) for pair in pairs]
        values += [float(pair[1]) for pair in pairs]
        counts.append(len(pairs))
    return row_formats.csr(values, np.array(columns, np.int64), counts, 0)


def _recordio(body: bytes) -> Any:
    return row_formats.recordio_features(body)[0]


DECODERS: dict[str, Callable[[bytes], Any]] = {
    content.CSV: _csv,
    content.JSON: _json,
    content.LIBSVM: _libsvm,
    content.X_LIBSVM: _libsvm,
    content.RECORDIO: _recordio,
    content.PARQUET: row_formats.parquet_matrix,
}
