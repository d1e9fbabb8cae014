"""CBOR (RFC 8949), as much of it as AWS's rpc-v2-cbor uses: bytes ⇄ Python values.

A timestamp is a number under tag 1: `Tagged` on the way out, the bare number on the way in.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sagewright.wire.protocols.json_body import serialization_error

_DEEPEST: Final = 100
_BREAK: Final = object()
_FLOATS: Final = {25: ("!e", 2), 26: ("!f", 4), 27: ("!d", 8)}
_SIMPLE: Final[dict[int, Any]] = {20: False, 21: True, 22: None, 23: None, 31: _BREAK}


@dataclass(frozen=True, slots=True)
class Tagged:
    """An item with a tag in front, as it goes out."""

    tag: int
    value: Any


def decode(data: bytes) -> Any:
    """The one item that `data` holds. Raises `SerializationException` when it is not CBOR; tags are dropped."""
    reader = _Reader(data)
    try:
        value = reader.item(0)
    except (struct.error, UnicodeDecodeError, TypeError, IndexError) as exc:
        raise _broken() from exc
    if value is _BREAK or reader.position != len(data):
        raise _broken()
    return value


def encode(value: Any) -> bytes:
    """Dictionaries, lists, strings, bytes, numbers, flags, None and `Tagged`."""
    out = bytearray()
    _write(out, value)
    return bytes(out)


def _broken() -> Exception:
    return serialization_error("The request body is not valid CBOR")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def item(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise serialization_error("The request body is nested too deeply")
        first = self._take(1)[0]
        major, info = first >> 5, first & 31
        if major == 7:
            return self._simple(info)
        length = self._length(info)
        match major:
            case 0:
                return self._known(length)
            case 1:
                return -1 - self._known(length)
            case 2:
                return self._string(length, 2)
            case 3:
                return self._string(length, 3).decode()
            case 4:
                return self._items(length, depth)
            case 5:
                items = self._items(None if length is None else 2 * length, depth)
                if len(items) % 2:
                    raise _broken()
                return dict(zip(items[::2], items[1::2], strict=True))
        self._known(length)
        return self.item(depth + 1)

    def _take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self._data):
            raise _broken()
        piece = self._data[self.position : end]
        self.position = end
        return piece

    def _length(self, info: int) -> int | None:
        """The argument of an item's head; None says that its length is not known in advance."""
        if info < 24:
            return info
        if info == 31:
            return None
        if info > 27:
            raise _broken()
        return int.from_bytes(self._take(1 << (info - 24)), "big")

    def _known(self, length: int | None) -> int:
        if length is None:
            raise _broken()
        return length

    def _simple(self, info: int) -> Any:
        if info in _FLOATS:
            form, size = _FLOATS[info]
            return struct.unpack(form, self._take(size))[0]
        if info not in _SIMPLE:
            raise _broken()
        return _SIMPLE[info]

    def _string(self, length: int | None, major: int) -> bytes:
        if length is not None:
            return self._take(length)
        pieces = b""
        while (first := self._take(1)[0]) != 0xFF:
            if first >> 5 != major:
                raise _broken()
            pieces += self._take(self._known(self._length(first & 31)))
        return pieces

    def _items(self, count: int | None, depth: int) -> list[Any]:
        items: list[Any] = []
        while count is None or len(items) < count:
            value = self.item(depth + 1)
            if value is _BREAK:
                if count is not None:
                    raise _broken()
                break
            items.append(value)
        return items


def _head(out: bytearray, major: int, argument: int) -> None:
    if argument < 24:
        out.append(major << 5 | argument)
        return
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * size:
            out.append(major << 5 | info)
            out += argument.to_bytes(size, "big")
            return
    raise OverflowError("an integer of more than 64 bits")


def _write(out: bytearray, value: Any) -> None:
    match value:
        case None:
            out.append(0xF6)
        case bool():
            out.append(0xF5 if value else 0xF4)
        case int():
            _head(out, *((0, value) if value >= 0 else (1, -1 - value)))
        case float():
            out += b"\xfb" + struct.pack("!d", value)
        case str():
            raw = value.encode()
            _head(out, 3, len(raw))
            out += raw
        case bytes() | bytearray():
            _head(out, 2, len(value))
            out += value
        case Tagged():
            _head(out, 6, value.tag)
            _write(out, value.value)
        case Mapping():
            _head(out, 5, len(value))
            for key, inner in value.items():
                _write(out, key)
                _write(out, inner)
        case _:
            items = list(value)
            _head(out, 4, len(items))
            for inner in items:
                _write(out, inner)
