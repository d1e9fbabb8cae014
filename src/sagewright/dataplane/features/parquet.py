"""Parquet files, as few of their features as records need: one row group, one plain page of gzip for each column.

Written out by hand since the library that others use is larger than the rest of the server, and must not be in its
process. The format is Apache Parquet's; metadata is Thrift's compact protocol.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

_MAGIC: Final = b"PAR1"
BOOLEAN, _INT64, _DOUBLE, _BYTE_ARRAY = 0, 2, 5, 6
_REQUIRED, _OPTIONAL, _REPEATED = 0, 1, 2
_UTF8, _LIST, _MILLIS, _MICROS = 0, 3, 9, 10
_PLAIN, _RLE, _GZIP = 0, 3, 2
# Thrift's types in the compact protocol.
I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
WRITER: Final = "sagewright"
"""Who wrote a file, as it says itself."""

Kind = Literal["string", "bigint", "double", "boolean", "timestamp", "microseconds"]
_TYPES: Final[dict[str, tuple[int, int | None]]] = {
    "string": (_BYTE_ARRAY, _UTF8),
    "bigint": (_INT64, None),
    "double": (_DOUBLE, None),
    "boolean": (BOOLEAN, None),
    "timestamp": (_INT64, _MILLIS),
    "microseconds": (_INT64, _MICROS),
}


@dataclass(frozen=True, slots=True)
class Column:
    """`values` has one for each row: str, int, float, bool, milli- or microseconds since the epoch, None; lists of them
    for columns that are `many`."""

    name: str
    kind: Kind
    values: Sequence[Any]
    many: bool = False
    ids: tuple[int, int] | None = None
    """Of the column and of its elements, where readers know columns by numbers."""


class Page(NamedTuple):
    """Entries of a column: levels that say what is there, then what is."""

    data: bytes
    entries: int


def written(columns: Sequence[Column], rows: int) -> bytes:
    """The file; the same bytes for the same columns."""
    elements = itertools.chain.from_iterable(map(_elements, columns))
    chunks = (
        (_TYPES[column.kind][0], [column.name, "list", "element"] if column.many else [column.name], [_page(column)])
        for column in columns
    )
    return assembled([struct_of((4, BINARY, "schema"), (5, I32, len(columns))), *elements], chunks, rows)


def assembled(
    elements: Sequence[bytes], chunks: Iterable[tuple[int, Sequence[str], Iterable[Page]]], rows: int
) -> bytes:
    """A file of the columns that `elements` tell of; `chunks` have the type, the path and the pages of each."""
    file, told = bytearray(_MAGIC), []
    for kind, path, pages in chunks:
        offset, plain, packed, entries = len(file), 0, 0, 0
        for page in pages:
            data = _gzip(page.data)
            header = struct_of(
                (1, I32, 0),
                (2, I32, len(page.data)),
                (3, I32, len(data)),
                (5, STRUCT, struct_of((1, I32, page.entries), (2, I32, _PLAIN), (3, I32, _RLE), (4, I32, _RLE))),
            )
            file += header + data
            plain += len(header) + len(page.data)
            packed += len(header) + len(data)
            entries += page.entries
        described = struct_of(
            (1, I32, kind),
            (2, LIST, (I32, [_PLAIN, _RLE])),
            (3, LIST, (BINARY, path)),
            (4, I32, _GZIP),
            (5, I64, entries),
            (6, I64, plain),
            (7, I64, packed),
            (9, I64, offset),
        )
        told.append(struct_of((2, I64, offset), (3, STRUCT, described)))
    group = struct_of((1, LIST, (STRUCT, told)), (2, I64, len(file) - len(_MAGIC)), (3, I64, rows))
    footer = struct_of(
        (1, I32, 1),
        (2, LIST, (STRUCT, elements)),
        (3, I64, rows),
        (4, LIST, (STRUCT, [group])),
        (6, BINARY, WRITER),
    )
    return bytes(file + footer + struct.pack("<I", len(footer)) + _MAGIC)


def _elements(column: Column) -> list[bytes]:
    """The column in the schema. A list is a group of a repeated group of its element, as the format wants it."""
    kind, converted = _TYPES[column.kind]
    said = [] if converted is None else [(6, I32, converted)]
    own, inner = ([(9, I32, number)] for number in column.ids) if column.ids else ([], [])
    if not column.many:
        return [struct_of((1, I32, kind), (3, I32, _OPTIONAL), (4, BINARY, column.name), *said, *own)]
    return [
        struct_of((3, I32, _OPTIONAL), (4, BINARY, column.name), (5, I32, 1), (6, I32, _LIST), *own),
        struct_of((3, I32, _REPEATED), (4, BINARY, "list"), (5, I32, 1)),
        struct_of((1, I32, kind), (3, I32, _OPTIONAL), (4, BINARY, "element"), *said, *inner),
    ]


def _page(column: Column) -> Page:
    if not column.many:
        there = [value for value in column.values if value is not None]
        defined = (value is not None for value in column.values)
        return Page(levels_of(_runs(defined)) + _plain(column.kind, there), len(column.values))
    repeated: list[int] = []
    defined_to: list[int] = []
    flat: list[Any] = []
    for values in column.values:
        # A list that is not there is defined to depth 0, an empty one to 1, an element to 3.
        repeated += [0, *([1] * (len(values) - 1))] if values else [0]
        defined_to += [3] * len(values) if values else [0 if values is None else 1]
        flat += values or ()
    levels = levels_of(_runs(repeated)) + levels_of(_runs(defined_to))
    return Page(levels + _plain(column.kind, flat), len(defined_to))


def _runs(levels: Iterable[int]) -> Iterable[tuple[int, int]]:
    return ((level, sum(1 for _ in run)) for level, run in itertools.groupby(levels))


def levels_of(runs: Iterable[tuple[int, int]]) -> bytes:
    """Runs of equal levels, each with its length; levels have at most eight bits."""
    packed = bytearray()
    for level, length in runs:
        packed += _varint(length << 1) + bytes([level])
    return struct.pack("<I", len(packed)) + bytes(packed)


def _plain(kind: Kind, values: Sequence[Any]) -> bytes:
    if kind == "string":
        texts = [value.encode() for value in values]
        return b"".join(itertools.chain.from_iterable((struct.pack("<I", len(text)), text) for text in texts))
    if kind == "boolean":
        return bits_of(values)
    return struct.pack(f"<{len(values)}{'d' if kind == 'double' else 'q'}", *values)


def bits_of(values: Sequence[object]) -> bytes:
    """Truths, eight to a byte."""
    packed = bytearray((len(values) + 7) // 8)
    for place, value in enumerate(values):
        packed[place // 8] |= bool(value) << place % 8
    return bytes(packed)


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(level=1, wbits=31)  # its header names no time: the same bytes each time
    return packer.compress(data) + packer.flush()


# Thrift's compact protocol.


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def struct_of(*fields: tuple[int, int, Any]) -> bytes:
    """A struct of (id, type, value), ids growing."""
    out, last = bytearray(), 0
    for number, kind, value in fields:
        out.append((number - last) << 4 | kind)
        out += _value(kind, value)
        last = number
    return bytes(out) + b"\0"


def _value(kind: int, value: Any) -> bytes:
    if kind in (I32, I64):
        return _varint(value << 1)  # zigzag; no number here is negative
    if kind == BINARY:
        text = value.encode()
        return _varint(len(text)) + bytes(text)
    if kind == LIST:
        inner, items = value
        head = bytes([len(items) << 4 | inner]) if len(items) < 15 else bytes([0xF0 | inner]) + _varint(len(items))
        return head + b"".join(_value(inner, item) for item in items)
    return bytes(value)
