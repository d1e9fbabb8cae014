"""Time series as DeepAR takes them: JSON lines or Parquet of `start`, `target`, `cat` and `dynamic_feat`.

The forms are those of AWS's developer guide ("Input/Output Interface for the DeepAR Algorithm").
"""

from __future__ import annotations

import datetime
import gzip
import importlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.errors import ClientError

AUTO, JSON, PARQUET = "auto", "json", "parquet"
CONTENT_TYPES = {
    "auto": AUTO,
    "json": JSON,
    "json.gz": JSON,
    "application/json": JSON,
    "application/jsonlines": JSON,
    "parquet": PARQUET,
    "application/x-parquet": PARQUET,
}


@dataclass(frozen=True)
class Series:
    """One series: values are float32, what is missing of the target is NaN; `dynamic` is features by time."""

    start: datetime.datetime
    target: Any
    categories: Sequence[int] = ()
    dynamic: Any = ()


def read(source: Input) -> list[Series]:
    """All series of a channel. Raises ClientError with the file and the line of a wrong one."""
    found: list[Series] = []
    for path in source.files():
        for place, value in _values(path, source):
            try:
                found.append(parse(value))
            except ClientError as error:
                raise ClientError(f"{os.path.basename(path)}, {place} in channel {source.name}: {error}") from error
    if not found:
        raise source.nothing()
    return found


def parse(value: Any) -> Series:
    """A series from its JSON object. Raises ClientError."""
    if not isinstance(value, Mapping) or "start" not in value or "target" not in value:
        raise ClientError('it is no time series: write {"start": "2024-01-31 00:00:00", "target": [1, 2]}.')
    target = _floats(value["target"], "target")
    if np.isinf(target).any():
        raise ClientError('target holds a number that is not finite: write "NaN" where a value is missing.')
    features = value.get("dynamic_feat")
    dynamic = [_floats(each, "dynamic_feat") for each in _list(features, "dynamic_feat")]
    if len({len(each) for each in dynamic}) > 1:
        raise ClientError("the lists in dynamic_feat differ in length.")
    if any(not np.isfinite(each).all() for each in dynamic):
        raise ClientError("dynamic_feat holds a value that is missing, or no finite number.")
    return Series(_moment(value["start"]), target, _categories(value.get("cat")), np.array(dynamic, np.float32))


def _values(path: str, source: Input) -> Iterator[tuple[str, Any]]:
    """Each series of a file as an object, with the words for where it is."""
    if source.content_type == PARQUET or (source.content_type == AUTO and path.endswith(".parquet")):
        yield from _rows(path, source)
        return
    if source.content_type == AUTO and not path.endswith((".json", ".json.gz", ".jsonl")):
        raise ClientError(
            f"{os.path.basename(path)} in channel {source.name}: what it holds cannot be told from its name. Call it "
            ".json, .json.gz or .parquet, or set the channel's ContentType to json or parquet."
        )
    with gzip.open(path) if _is_gzip(path) else open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield f"line {number}", _json(line)
                except ValueError as error:
                    raise ClientError(
                        f"{os.path.basename(path)}, line {number} in channel {source.name}: it is not JSON ({error})."
                    ) from error


def _rows(path: str, source: Input) -> Iterator[tuple[str, Any]]:
    parquet = importlib.import_module("pyarrow.parquet")
    arrow = importlib.import_module("pyarrow")
    try:
        rows = parquet.read_table(path).to_pylist()
    except (arrow.ArrowException, OSError) as error:
        raise ClientError(f"{os.path.basename(path)} in channel {source.name}: it is not Parquet ({error}).") from error
    for number, row in enumerate(rows, 1):
        yield f"row {number}", {name: value for name, value in row.items() if value is not None}


def _is_gzip(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _json(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:  # NaN without quotes
        return json.loads(line)


def _moment(value: Any) -> datetime.datetime:
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    try:
        moment = datetime.datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ClientError(f"start is {value!r}: write it as YYYY-MM-DD HH:MM:SS.") from error
    if moment.tzinfo is not None:
        raise ClientError(f"start is {value!r}: a time zone is not understood.")
    return moment


def _list(value: Any, name: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise ClientError(f"{name} is no list.")
    return value


def _floats(value: Any, name: str) -> Any:
    """Numbers as float32; null and "NaN" are NaN."""
    values = [float("nan") if each in (None, "NaN") else each for each in _list(value, name)]
    if not all(isinstance(each, int | float) for each in values):
        raise ClientError(f"{name} holds what is no number.")
    return np.array(values, np.float32)


def _categories(value: Any) -> tuple[int, ...]:
    """`cat`: a number, or a list of them."""
    values = [value] if isinstance(value, int) else _list(value, "cat")
    if not all(isinstance(each, int) and each >= 0 for each in values):
        raise ClientError("cat holds what is no category: categories are numbered from 0.")
    return tuple(values)
