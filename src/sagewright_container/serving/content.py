"""The forms of data that both frameworks read and write: JSON, CSV and NPY, to and from arrays.

Semantics are those of SageMaker's containers: JSON and CSV become float32 arrays, a CSV of one row one
dimension, an answer in CSV one line for each row.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson

from sagewright_container.algorithms import row_formats
from sagewright_container.serving.errors import NotAcceptable, UnsupportedContent

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
JSON_LINES = "application/jsonlines"
LIBSVM = "text/libsvm"
X_LIBSVM = "text/x-libsvm"
PARQUET = "application/x-parquet"
RECORDIO = "application/x-recordio-protobuf"

TEXT = frozenset({JSON, CSV})  # a user's input_fn is given these as str, and everything else as bytes


def from_json(body: bytes) -> Any:
    """Any JSON value; NaN and Infinity are understood, as Python's own reader does. Raises ValueError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("it is nested too deeply.") from error


def json_array(body: bytes) -> Any:
    """A JSON list, of numbers or of rows, as a float32 array of as many dimensions."""
    return np.array(from_json(body), np.float32)


def csv_lines(rows: Sequence[Any]) -> bytes:
    """Numbers, or rows of numbers, a line each, in Python's spelling."""
    if not rows:
        return b""
    several = isinstance(rows[0], list)
    fast = orjson.dumps(rows)
    # What Python spells otherwise: exponents (numbers of 1e16 and more, or less than 1e-4), NaN.
    if any(mark in fast for mark in (b"e", b"n", b"0.0000")):
        return "".join(f"{','.join(map(str, row)) if several else row}\n" for row in rows).encode()
    return fast[2:-2].replace(b"],[", b"\n") + b"\n" if several else fast[1:-1].replace(b",", b"\n") + b"\n"


def csv_array(body: bytes) -> Any:
    """CSV of numbers as a float32 array: rows by columns, squeezed; empty cells are NaN."""
    large = row_formats.csv_with_arrow(body)
    if large is not None:
        return large.squeeze()
    rows = [line.split(b",") for line in body.splitlines() if line.strip()]
    try:
        return np.array(rows, np.float32).squeeze()
    except ValueError:  # quotes, empty cells
        text = csv.reader(io.StringIO(body.decode()), strict=True)
        return np.array([[float(cell or "nan") for cell in row] for row in text if row], np.float32).squeeze()


def npy_array(body: bytes) -> Any:
    """NumPy's own format. Arrays of Python objects are refused: reading them runs code."""
    return np.load(io.BytesIO(body), allow_pickle=False)


def to_json(prediction: Any) -> bytes:
    """Arrays, numbers, lists and dicts of them. NaN stays NaN, which Python's readers take."""
    # Of the array types, only those whose shortest digits mean the same number once read as a double.
    plain = prediction.tolist() if getattr(prediction, "dtype", None) == np.float32 else prediction
    try:
        encoded = orjson.dumps(plain, default=_as_list, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:  # integers beyond 64 bits, keys that are no strings
        return json.dumps(plain, default=_as_list).encode()
    return json.dumps(plain, default=_as_list).encode() if b"null" in encoded else encoded


def to_csv(prediction: Any) -> bytes:
    """One line for each row; a flat list is a column."""
    rows = np.asarray(prediction)
    if rows.ndim < 2:
        rows = rows.reshape(-1, 1)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows.tolist())
    return text.getvalue().encode()


def to_npy(prediction: Any) -> bytes:
    """NumPy's own format."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(prediction), allow_pickle=False)
    return buffer.getvalue()


DECODERS: dict[str, Callable[[bytes], Any]] = {JSON: json_array, CSV: csv_array, NPY: npy_array}
ENCODERS: dict[str, Callable[[Any], bytes]] = {JSON: to_json, CSV: to_csv, NPY: to_npy}


def decode(body: bytes, media: str) -> Any:
    """The array in a request. Raises UnsupportedContent for a type that is not in DECODERS."""
    decoder = DECODERS.get(media)
    if decoder is None:
        raise UnsupportedContent(
            f"Content type {media} is not supported: it is one of {', '.join(DECODERS)}, or an input_fn reads it."
        )
    return decoder(body)


def encode(prediction: Any, media: str) -> bytes:
    """The body of an answer. Raises NotAcceptable for a type that is not in ENCODERS."""
    encoder = ENCODERS.get(media)
    if encoder is None:
        raise NotAcceptable(
            f"Accept type {media} is not supported: it is one of {', '.join(ENCODERS)}, or an output_fn writes it."
        )
    return encoder(prediction)


def _as_list(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"An object of the type {type(value).__name__} has no form in JSON.")
