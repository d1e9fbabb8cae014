"""MXNet's image records (`im2rec`'s `.rec` files), read and written without MXNet.

The framing is RecordIO's: magic 0xCED7230A, a word of which the upper three bits say whether the record goes on in the
next part and the lower 29 bits are the part's length, the part, padded to a multiple of 4. A record that holds the
magic at a multiple of 4 is cut there, and the magic left out. The payload is a header (`flag`, `label`, `id`, `id2`),
`flag` labels of float32 where there is more than one, and the image as a file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sagewright_container.recordio import MAGIC, FormatError

_MAGIC = struct.pack("<I", MAGIC)
_HEADER = struct.Struct("<IfQQ")
_WHOLE, _FIRST, _MIDDLE, _LAST = 0, 1, 2, 3
_LENGTH = (1 << 29) - 1


class ImageRecord(NamedTuple):
    """One image, encoded, with its labels."""

    labels: tuple[float, ...]
    image: bytes | memoryview
    id: int = 0


def read(data: bytes | memoryview) -> Iterator[ImageRecord]:
    """The records of a `.rec` file, in order. Raises FormatError."""
    return map(record, frames(data))


def frames(data: bytes | memoryview) -> Iterator[memoryview]:
    """The payloads of a RecordIO object: views of it, or put together where they were cut. Raises FormatError."""
    data = memoryview(data)
    position = 0
    parts: list[memoryview] = []
    while position < len(data):
        if len(data) - position < 8:
            raise FormatError("A RecordIO header is cut short.")
        magic, word = struct.unpack_from("<II", data, position)
        kind, length = word >> 29, word & _LENGTH
        if magic != MAGIC:
            raise FormatError(f"There is no RecordIO record at byte {position}.")
        if position + 8 + length > len(data):
            raise FormatError(f"The RecordIO record at byte {position} is cut short.")
        if (kind in (_WHOLE, _FIRST)) == bool(parts):
            raise FormatError(f"The RecordIO record at byte {position} is a part of none.")
        parts.append(data[position + 8 : position + 8 + length])
        if kind in (_WHOLE, _LAST):
            yield parts[0] if len(parts) == 1 else memoryview(_MAGIC.join(parts))
            parts = []
        position += 8 + length + -length % 4
    if parts:
        raise FormatError("The last RecordIO record is cut short.")


def record(payload: memoryview) -> ImageRecord:
    """The payload of one record. Raises FormatError."""
    if len(payload) < _HEADER.size:
        raise FormatError("An image record is shorter than its header.")
    flag, label, number, _ = _HEADER.unpack_from(payload)
    end = _HEADER.size + 4 * flag
    if len(payload) < end:
        raise FormatError("An image record is shorter than its labels.")
    labels = struct.unpack_from(f"<{flag}f", payload, _HEADER.size) if flag else (label,)
    return ImageRecord(labels, payload[end:], number)


def write(records: Iterable[ImageRecord]) -> bytes:
    """A `.rec` file."""
    return b"".join(frame(_payload(each)) for each in records)


def frame(payload: bytes) -> bytes:
    """One RecordIO record, in as many parts as the magics inside it ask for."""
    starts = [place for place in _places(payload) if not place % 4]
    edges = [0, *(place + 4 for place in starts)]
    parts = [payload[start:end] for start, end in zip(edges, [*starts, len(payload)], strict=True)]
    last = len(parts) - 1
    return b"".join(
        _part(part, _WHOLE if not last else _FIRST if not index else _LAST if index == last else _MIDDLE)
        for index, part in enumerate(parts)
    )


def _places(payload: bytes) -> Iterator[int]:
    place = payload.find(_MAGIC)
    while place >= 0:
        yield place
        place = payload.find(_MAGIC, place + 1)


def _part(part: bytes, kind: int) -> bytes:
    return struct.pack("<II", MAGIC, kind << 29 | len(part)) + part + bytes(-len(part) % 4)


def _payload(each: ImageRecord) -> bytes:
    if len(each.labels) == 1:
        return _HEADER.pack(0, each.labels[0], each.id, 0) + bytes(each.image)
    count = len(each.labels)
    return _HEADER.pack(count, 0, each.id, 0) + struct.pack(f"<{count}f", *each.labels) + bytes(each.image)
