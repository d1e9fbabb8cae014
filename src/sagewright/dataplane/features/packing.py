"""Records as they are kept: without what others have in common with them, and numbers with two digits in a byte.

A shape is the names of a record's features, in their order, and of each whether its value is a number, another text or
a list. A file has each shape once, in its table `shape`, and with each record the number of its shape. A record is
texts and lists as JSON has them, each ended by a byte of 1, and then all numbers. Where values are numbers that is a
tenth of what is sent, and it is put together faster than anything could be decompressed.

Who has put features in thousands of combinations has records that say their names themselves (`schema.packed`), as all
had at first; their shape is `NAMED`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import orjson

from sagewright.dataplane.features import schema
from sagewright.dataplane.features.schema import Value, values_of

SHAPES: Final = "CREATE TABLE IF NOT EXISTS shape (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)"
NAMED: Final = 0
_MOST: Final = 4_096
"""Shapes that a file has at the most."""
_SHAPE: Final = (
    "INSERT INTO shape SELECT COALESCE(MAX(id), 0) + 1, ? FROM shape HAVING COALESCE(MAX(id), 0) < ? RETURNING id"
)
_NUMBER, _TEXT, _LIST = "n", "t", "l"
_DIGITS: Final = "0123456789.+-e"
"""What numbers consist of; whether it is one that somebody could calculate with does not matter here."""
_END: Final = b"\1"
_READ: Final = bytes.maketrans(b"0123456789abcde", _DIGITS.encode() + _END)
_WRITTEN: Final = bytes.maketrans(_DIGITS.encode() + _END, b"0123456789abcde")
_FILL: Final = "f"
"""The second half of a last byte that has only one."""


class Shape:
    """What records consist of that have the same features."""

    def __init__(self, text: str) -> None:
        features: Sequence[tuple[str, str]] = orjson.loads(text)
        self._pieces: list[bytes] = []
        """What stands around the values, and room for these."""
        end = b"["
        for name, kind in features:
            key, quote = (b"ValueAsStringList", b"") if kind == _LIST else (b"ValueAsString", b'"')
            self._pieces += (end + b'{"FeatureName":' + orjson.dumps(name) + b',"' + key + b'":' + quote, b"")
            end = quote + b"},"
        self._pieces.append(end[:-1] + b"]")
        self._size = len(features)
        numbers = [place for place, (_, kind) in enumerate(features) if kind == _NUMBER]
        others = [place for place, (_, kind) in enumerate(features) if kind != _NUMBER]
        self._others = len(others)
        kept = others + numbers
        self._in_order: Callable[[list[bytes]], Sequence[bytes]] | None = None
        if kept != sorted(kept):
            self._in_order = itemgetter(*map(kept.index, range(len(kept))))

    def spread(self, records: Sequence[bytes]) -> list[bytes]:
        """Records as they are sent."""
        if self._others:
            return [self._spread(record) for record in records]
        # Numbers of all of them at once: that is half of the work.
        values = _numbers(b"".join(records))
        sent, size = [], self._size
        for start in range(0, len(values), size):
            pieces = self._pieces.copy()
            pieces[1::2] = values[start : start + size]
            sent.append(b"".join(pieces))
        return sent

    def _spread(self, record: bytes) -> bytes:
        *others, numbers = record.split(_END, self._others)
        kept = others + _numbers(numbers)
        pieces = self._pieces.copy()
        pieces[1::2] = kept if self._in_order is None else self._in_order(kept)
        return b"".join(pieces)


class Named:
    """The shape of records that say their names themselves."""

    def spread(self, records: Sequence[bytes]) -> list[bytes]:
        """Records as they are sent."""
        return [schema.spread(record) for record in records]


def packed(database: sqlite3.Connection, values: Mapping[str, Value]) -> tuple[int, bytes]:
    """A record as it is kept, behind the number of its shape. That is written, in the transaction that there is, where
    this record is its first."""
    kinds = [
        _LIST if not isinstance(value, str) else _TEXT if value.strip(_DIGITS) else _NUMBER
        for value in values.values()
    ]  # fmt: skip
    text = orjson.dumps(list(zip(values, kinds, strict=True))).decode()
    row = database.execute("SELECT id FROM shape WHERE text = ?", (text,)).fetchone()
    row = row or database.execute(_SHAPE, (text, _MOST)).fetchone()
    if row is None:
        return NAMED, schema.packed(values)
    numbers: list[Any] = []
    others = b""
    for kind, value in zip(kinds, values.values(), strict=True):
        if kind == _NUMBER:
            numbers.append(value)
        else:
            json = orjson.dumps(value)
            others += (json if kind == _LIST else json[1:-1]) + _END
    numbers.append("")
    halves = "\1".join(numbers).encode().translate(_WRITTEN).decode()
    return row[0], others + bytes.fromhex(halves + _FILL if len(halves) % 2 else halves)


def unpacked(database: sqlite3.Connection, number: int, record: bytes) -> dict[str, Value]:
    """The values of a record of this shape."""
    return values_of(shape(database, number).spread([record])[0])


def shape(database: sqlite3.Connection, number: int) -> Shape | Named:
    """The shape of a number that some record has."""
    if number == NAMED:
        return Named()
    return Shape(database.execute("SELECT text FROM shape WHERE id = ?", (number,)).fetchone()[0])


def _numbers(record: bytes) -> list[bytes]:
    numbers = record.hex().encode().translate(_READ, _FILL.encode()).split(_END)
    numbers.pop()  # behind the last end
    return numbers
