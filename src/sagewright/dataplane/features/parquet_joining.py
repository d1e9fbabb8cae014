"""Several of our Parquet files as one, without a look at their values: levels are joined to levels, values to values.

What others wrote, or wrote anew, is told by its own words and left alone. Files of one layout alone can be joined.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sagewright.dataplane.features.parquet import (
    BINARY,
    BOOLEAN,
    I32,
    I64,
    LIST,
    STRUCT,
    WRITER,
    Page,
    assembled,
    bits_of,
    levels_of,
    struct_of,
)

_MAGIC: Final = b"PAR1"
_PAGE: Final = 1 << 20
"""Bytes of values, about, of a page: readers hold a page at a time."""
_REPEATED: Final = 2
Fields = dict[int, tuple[int, Any]]


@dataclass(frozen=True, slots=True)
class File:
    """One of ours, read as far as its layout."""

    data: bytes
    elements: Sequence[bytes]
    """The layout: files can be joined where theirs are equal."""
    chunks: Sequence[tuple[int, Sequence[str], int, int]]
    """Type, path, place and length of each column."""
    rows: int


def opened(data: bytes) -> File | None:
    """None for a file that is none of ours."""
    try:
        return _opened(data)
    except (ValueError, KeyError, IndexError, TypeError, struct.error):
        return None


def _opened(data: bytes) -> File | None:
    if data[-4:] != _MAGIC or data[:4] != _MAGIC:
        return None
    length = struct.unpack("<I", data[-8:-4])[0]
    footer, _ = _struct(data, len(data) - 8 - length)
    groups = footer[4][1]
    if footer.get(6, (0, b""))[1] != WRITER.encode() or len(groups) != 1:
        return None
    chunks = []
    for chunk in groups[0][1][1]:
        told = chunk[3][1]
        path = [each.decode() for each in told[3][1]]
        chunks.append((told[1][1], path, told[9][1], told[7][1]))
    return File(data, [_packed(each) for each in footer[2][1]], chunks, footer[3][1])


def joined(files: Sequence[File]) -> bytes:
    """One file with the rows of all, in their order; the same bytes for the same files."""
    columns = (
        (kind, path, _joined([(file.data, *file.chunks[number][2:]) for file in files], kind, many=len(path) > 1))
        for number, (kind, path, _, _) in enumerate(files[0].chunks)
    )
    return assembled(files[0].elements, columns, sum(each.rows for each in files))


def _joined(chunks: Sequence[tuple[bytes, int, int]], kind: int, *, many: bool) -> Iterator[Page]:
    """The pages of a column, brought together as far as they are small."""
    streams = [_Levels() for _ in range(2 if many else 1)]
    entries, values, truths = 0, bytearray(), list[bool]()
    for data, place, length in chunks:
        for page, count in _pages(data, place, length):
            entries += count
            at, there = 0, 0
            for stream in streams:
                size = struct.unpack_from("<I", page, at)[0]
                there = stream.take(page[at + 4 : at + 4 + size], deepest=3 if many else 1)
                at += 4 + size
            if kind == BOOLEAN:
                truths += (bool(page[at + number // 8] >> number % 8 & 1) for number in range(there))
            else:
                values += page[at:]
            if len(values) >= _PAGE or len(truths) >= _PAGE:
                yield Page(_levels(streams) + bytes(values or bits_of(truths)), entries)
                entries, values, truths = 0, bytearray(), []
    if entries:
        yield Page(_levels(streams) + bytes(values or bits_of(truths)), entries)


class _Levels:
    """Runs of levels that grow."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, int]] = []

    def take(self, packed: bytes, *, deepest: int) -> int:
        """Returns how many entries are defined to the deepest level."""
        at, there = 0, 0
        while at < len(packed):
            length, at = _varint(packed, at)
            if length & 1:
                raise ValueError("levels are packed in bits, which we do not write")
            level, length = packed[at], length >> 1
            at += 1
            there += length if level == deepest else 0
            if self.runs and self.runs[-1][0] == level:
                length += self.runs.pop()[1]
            self.runs.append((level, length))
        return there


def _levels(streams: Sequence[_Levels]) -> bytes:
    found = b"".join(levels_of(stream.runs) for stream in streams)
    for stream in streams:
        stream.runs = []
    return found


def _pages(data: bytes, place: int, length: int) -> Iterator[tuple[bytes, int]]:
    end = place + length
    while place < end:
        header, place = _struct(data, place)
        size = header[3][1]
        yield zlib.decompress(data[place : place + size], wbits=31), header[5][1][1][1]
        place += size


# Thrift's compact protocol, as far as we write it.


def _struct(data: bytes, at: int) -> tuple[Fields, int]:
    """Fields by their numbers, each as (type, value), and where the struct ends."""
    found: Fields = {}
    number = 0
    while (head := data[at]) != 0:
        at += 1
        if not head >> 4:
            raise ValueError("a number of a field in the long form, which we do not write")
        number, kind = number + (head >> 4), head & 15
        value, at = _value(data, at, kind)
        found[number] = kind, value
    return found, at + 1


def _value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in (I32, I64):
        number, at = _varint(data, at)
        return number >> 1, at
    if kind == BINARY:
        length, at = _varint(data, at)
        return data[at : at + length], at + length
    if kind == STRUCT:
        return _struct(data, at)
    if kind == LIST:
        head, at = data[at], at + 1
        length, inner = head >> 4, head & 15
        if length == 15:
            length, at = _varint(data, at)
        items = []
        for _ in range(length):
            item, at = _value(data, at, inner)
            items.append(item)
        return items, at
    raise ValueError(f"a field of the type {kind}, which we do not write")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        if data[at] < 0x80:
            return number, at + 1
        at, shift = at + 1, shift + 7


def _packed(fields: Fields) -> bytes:
    """A struct of numbers and texts again."""
    return struct_of(
        *((number, kind, value.decode() if kind == BINARY else value) for number, (kind, value) in fields.items())
    )
