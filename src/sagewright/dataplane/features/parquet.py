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
from typing import Any, Final, Literal

_MAGIC: Final = b"PAR1"
_BOOLEAN, _INT64, _DOUBLE, _BYTE_ARRAY = 0, 2, 5, 6
_REQUIRED, _OPTIONAL, _REPEATED = 0, 1, 2
_UTF8, _LIST, _MILLIS, _MICROS = 0, 3, 9, 10
_PLAIN, _RLE, _GZIP = 0, 3, 2
# Thrift's types in the compact protocol.
_I32, _I64, _BINARY, _LIST_OF, _STRUCT = 5, 6, 8, 9, 12

Kind = Literal["string", "bigint", "double", "boolean", "timestamp", "microseconds"]
_TYPES: Final[dict[str, tuple[int, int | None]]] = {
    "string": (_BYTE_ARRAY, _UTF8),
    "bigint": (_INT64, None),
    "double": (_DOUBLE, None),
    "boolean": (_BOOLEAN, None),
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


def written(columns: Sequence[Column], rows: int) -> bytes:
    """The file; the same bytes for the same columns."""
    file = bytearray(_MAGIC)
    chunks = []
    for column in columns:
        offset = len(file)
        page, entries = _page(column)
        packed = _gzip(page)
        header = _struct(
            (1, _I32, 0),
            (2, _I32, len(page)),
            (3, _I32, len(packed)),
            (5, _STRUCT, _struct((1, _I32, entries), (2, _I32, _PLAIN), (3, _I32, _RLE), (4, _I32, _RLE))),
        )
        file += header + packed
        path = [column.name, "list", "element"] if column.many else [column.name]
        described = _struct(
            (1, _I32, _TYPES[column.kind][0]),
            (2, _LIST_OF, (_I32, [_PLAIN, _RLE])),
            (3, _LIST_OF, (_BINARY, path)),
            (4, _I32, _GZIP),
            (5, _I64, entries),
            (6, _I64, len(header) + len(page)),
            (7, _I64, len(header) + len(packed)),
            (9, _I64, offset),
        )
        chunks.append(_struct((2, _I64, offset), (3, _STRUCT, described)))
    group = _struct((1, _LIST_OF, (_STRUCT, chunks)), (2, _I64, len(file) - len(_MAGIC)), (3, _I64, rows))
    elements = [_struct((4, _BINARY, "schema"), (5, _I32, len(columns)))]
    elements += itertools.chain.from_iterable(map(_elements, columns))
    footer = _struct(
        (1, _I32, 1),
        (2, _LIST_OF, (_STRUCT, elements)),
        (3, _I64, rows),
        (4, _LIST_OF, (_STRUCT, [group])),
        (6, _BINARY, "sagewright"),
    )
    return bytes(file + footer + struct.pack("<I", len(footer)) + _MAGIC)


def _elements(column: Column) -> list[bytes]:
    """The column in the schema. A list is a group of a repeated group of its element, as the format wants it."""
    kind, converted = _TYPES[column.kind]
    said = [] if converted is None else [(6, _I32, converted)]
    own, inner = ([(9, _I32, number)] for number in column.ids) if column.ids else ([], [])
    if not column.many:
        return [_struct((1, _I32, kind), (3, _I32, _OPTIONAL), (4, _BINARY, column.name), *said, *own)]
    return [
        _struct((3, _I32, _OPTIONAL), (4, _BINARY, column.name), (5, _I32, 1), (6, _I32, _LIST), *own),
        _struct((3, _I32, _REPEATED), (4, _BINARY, "list"), (5, _I32, 1)),
        _struct((1, _I32, kind), (3, _I32, _OPTIONAL), (4, _BINARY, "element"), *said, *inner),
    ]


def _page(column: Column) -> tuple[bytes, int]:
    """The data of a page, and how many entries it has: levels that say what is there, then what is."""
    if not column.many:
        there = [value for value in column.values if value is not None]
        return _levels((value is not None for value in column.values), 1) + _plain(column.kind, there), len(
            column.values
        )
    repeated: list[int] = []
    defined: list[int] = []
    flat: list[Any] = []
    for values in column.values:
        # A list that is not there is defined to depth 0, an empty one to 1, an element to 3.
        repeated += [0, *([1] * (len(values) - 1))] if values else [0]
        defined += [3] * len(values) if values else [0 if values is None else 1]
        flat += values or ()
    return _levels(repeated, 1) + _levels(defined, 2) + _plain(column.kind, flat), len(defined)


def _levels(levels: Iterable[int], bits: int) -> bytes:
    """Runs of equal levels, of at most eight bits."""
    assert bits <= 8
    runs = bytearray()
    for level, run in itertools.groupby(levels):
        runs += _varint(sum(1 for _ in run) << 1) + bytes([level])
    return struct.pack("<I", len(runs)) + bytes(runs)


def _plain(kind: Kind, values: Sequence[Any]) -> bytes:
    if kind == "string":
        texts = [value.encode() for value in values]
        return b"".join(itertools.chain.from_iterable((struct.pack("<I", len(text)), text) for text in texts))
    if kind == "boolean":
        packed = bytearray((len(values) + 7) // 8)
        for place, value in enumerate(values):
            packed[place // 8] |= bool(value) << place % 8
        return bytes(packed)
    return struct.pack(f"<{len(values)}{'d' if kind == 'double' else 'q'}", *values)


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


def _struct(*fields: tuple[int, int, Any]) -> bytes:
    """A struct of (id, type, value), ids growing."""
    out, last = bytearray(), 0
    for number, kind, value in fields:
        out.append((number - last) << 4 | kind)
        out += _value(kind, value)
        last = number
    return bytes(out) + b"\0"


def _value(kind: int, value: Any) -> bytes:
    if kind in (_I32, _I64):
        return _varint(value << 1)  # zigzag; no number here is negative
    if kind == _BINARY:
        text = value.encode()
        return _varint(len(text)) + bytes(text)
    if kind == _LIST_OF:
        inner, items = value
        head = bytes([len(items) << 4 | inner]) if len(items) < 15 else bytes([0xF0 | inner]) + _varint(len(items))
        return head + b"".join(_value(inner, item) for item in items)
    return bytes(value)
