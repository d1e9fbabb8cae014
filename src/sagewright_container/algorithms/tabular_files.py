"""Files of rows whose columns are numbers or categories, read with Arrow: CSV and Parquet."""

from __future__ import annotations

import csv
import importlib
import io
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sagewright_container.algorithms import row_formats
from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.content_types import PARQUET
from sagewright_container.algorithms.errors import ClientError


@dataclass(frozen=True)
class Words:
    """A column of categories: `codes` are positions in `words`, -1 where the cell is empty."""

    codes: Any
    words: Sequence[str]

    def used(self) -> list[str]:
        """The words that occur, sorted."""
        return sorted({self.words[code] for code in np.unique(self.codes) if code >= 0})

    def coded(self, known: Sequence[str]) -> Any:
        """The place of each row's word among those known, NaN for no word and for others."""
        places = {word: float(place) for place, word in enumerate(known)}
        return np.array([*(places.get(word, np.nan) for word in self.words), np.nan])[self.codes]


@dataclass(frozen=True)
class Rows:
    """`columns`: of each feature, float64 (NaN is missing) or Words. `label`: float64, None where there is none."""

    columns: Sequence[Any]
    label: Any = None

    @property
    def count(self) -> int:
        """How many."""
        first = self.columns[0]
        return len(first.codes if isinstance(first, Words) else first)

    def taken(self, places: Any) -> Rows:
        """Some of them."""
        columns = [
            Words(each.codes[places], each.words) if isinstance(each, Words) else each[places] for each in self.columns
        ]
        return Rows(columns, self.label[places])


def read(source: Input, files: Sequence[str], categorical: frozenset[int]) -> Rows:
    """The rows of some files of a channel, label first. Raises ClientError that names the file."""
    tables = []
    for path in files:
        with open(path, "rb") as file:
            data = file.read()
        if not data.strip():
            continue
        try:
            one = _parquet(data) if source.content_type == PARQUET else _csv(data, categorical, offset=1)
            tables.append(_typed(one, categorical, offset=1))
            _check(tables[-1], categorical, data if source.content_type != PARQUET else None)
        except ClientError as error:
            raise ClientError(f"{os.path.basename(path)} in channel {source.name}: {error}") from error
    if not tables:
        raise source.nothing()
    widths = sorted({each.num_columns for each in tables})
    if len(widths) > 1:
        raise ClientError(f"Channel {source.name}: the files differ in their number of columns: {widths}.")
    columns = _columns(importlib.import_module("pyarrow").concat_tables(tables), categorical, 1)
    return Rows(columns[1:], columns[0])


def parse(body: bytes, categorical: frozenset[int]) -> Rows:
    """The rows of a request: CSV without labels. Raises ClientError."""
    if not body.strip():
        raise ClientError("the request holds no rows.")
    return Rows(_columns(_typed(_csv(body, categorical, offset=0), categorical, offset=0), categorical, 0))


def _check(table: Any, categorical: frozenset[int], data: bytes | None) -> None:
    """Labels are there, and no number is infinite. Raises ClientError with the line of `data`, or the row."""
    for number, column in enumerate(table.columns):
        if number - 1 in categorical:
            continue
        values = _numbers(column)
        bad = np.flatnonzero(~np.isfinite(values) if number == 0 else np.isinf(values))
        if len(bad):
            what = "has no label, or one that is" if number == 0 else f"has in column {number}, counted from 0,"
            raise ClientError(f"{_place(data, int(bad[0]))} {what} no finite number. Write one, or leave it out.")


def _place(data: bytes | None, row: int) -> str:
    if data is None:
        return f"Row {row + 1}"
    lines = csv.reader(io.StringIO(data.decode("utf-8", "replace")))
    numbers = (lines.line_num for cells in lines if cells)
    return f"Line {next(itertools.islice(numbers, row, None), row + 1)}"


def _csv(data: bytes, categorical: frozenset[int], *, offset: int) -> Any:
    arrow, reader = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.csv")
    first = next(csv.reader([data.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace")]))
    names = [str(number) for number in range(len(first))]
    types = {name: arrow.string() if int(name) - offset in categorical else arrow.float64() for name in names}
    try:
        return reader.read_csv(
            arrow.py_buffer(data),
            read_options=reader.ReadOptions(column_names=names),
            convert_options=reader.ConvertOptions(column_types=types, strings_can_be_null=True),
        )
    except arrow.ArrowInvalid as error:
        raise _explained(data, len(first), categorical, offset) or ClientError(f"This is not CSV: {error}.") from error


def _explained(data: bytes, width: int, categorical: frozenset[int], offset: int) -> ClientError | None:
    """Which line is wrong, and how. Only looked for when something is."""
    lines = csv.reader(io.StringIO(data.decode("utf-8", "replace")))
    for cells in filter(None, lines):
        if len(cells) != width:
            return ClientError(f"Line {lines.line_num} has {len(cells)} columns, the first has {width}.")
        for number, cell in enumerate(cells):
            if number - offset in categorical or not cell.strip() or _is_number(cell):
                continue
            hint = " CSV data must have no header." if lines.line_num == 1 else ""
            return ClientError(
                f"Line {lines.line_num}, column {number}: {cell[:60]!r} is no number.{hint} Columns of categories are "
                "named in categorical_index.json."
            )
    return None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _parquet(data: bytes) -> Any:
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    try:
        table = parquet.read_table(arrow.py_buffer(data))
    except (arrow.ArrowInvalid, OSError) as error:
        raise ClientError(f"This is not Parquet: {error}.") from error
    return table.rename_columns([str(number) for number in range(table.num_columns)])


def _typed(table: Any, categorical: frozenset[int], *, offset: int) -> Any:
    """The table with its columns as numbers and texts."""
    arrow = importlib.import_module("pyarrow")
    features = table.num_columns - offset
    if features < 1:
        raise ClientError("A row has 1 column, and needs a label and a feature at the least.")
    if categorical and max(categorical) >= features:
        raise ClientError(f"categorical_index.json names column {max(categorical) + 1}; the last one is {features}.")
    schema = [
        (name, arrow.string() if int(name) - offset in categorical else arrow.float64()) for name in table.column_names
    ]
    try:
        return table.cast(arrow.schema(schema))
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError) as error:
        raise ClientError(f"The columns could not be read as numbers: {error}.") from error


def _columns(table: Any, categorical: frozenset[int], offset: int) -> list[Any]:
    return [
        _coded(column.combine_chunks()) if number - offset in categorical else _numbers(column)
        for number, column in enumerate(table.columns)
    ]


def _numbers(column: Any) -> Any:
    return np.asarray(row_formats.arrow_numbers(column), np.float64)


def _coded(column: Any) -> Words:
    found = column.dictionary_encode()
    if hasattr(found, "combine_chunks"):
        found = found.combine_chunks()
    codes = row_formats.arrow_numbers(found.indices, -1)
    return Words(codes.astype(np.int64), [_plain(word) for word in found.dictionary.to_pylist()])


def _plain(word: str) -> str:
    """`3` for `3.0`: a category that is a number is the same however it is written."""
    word = word.strip()
    if not _is_number(word):
        return word
    value = float(word)
    return str(int(value)) if value.is_integer() else repr(value)
