"""Objects into records, and records into payloads that fit.

A line's newline and the framing of binary records around a payload do not count: a payload is data. Formats: MXNet's
RecordIO (magic 0xCED7230A; a word of three bits, for records in several parts, and the length; padding to 4 bytes) and
TensorFlow's TFRecord (length of 8 bytes, its checksum, data, their checksum).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from sagewright_container.transform.errors import BadData

if TYPE_CHECKING:
    import mmap

    Data = bytes | mmap.mmap

MAGIC = 0xCED7230A
TOO_MUCH = "Too much data for max payload size"

_RECORDIO = struct.Struct("<II")
_TFRECORD = struct.Struct("<QI")
_CHECKSUM = 4
_WHOLE, _LAST = 0, 3  # of the parts that a record may come in


class Frame(NamedTuple):
    """One binary record: from where to where it goes, framing and all, and the parts of its data."""

    start: int
    end: int
    parts: tuple[tuple[int, int], ...]


def payloads(data: Data, split: str, *, single: bool, limit: int) -> Iterator[memoryview]:
    """What is sent, one request each, in order. `limit` is in bytes, 0 for none. Raises BadData."""
    view = memoryview(data)
    if not len(view):
        return iter(())
    if split == "Line":
        return _lines(data, view, limit) if single else _packed_lines(data, view, limit)
    if split in FRAMES:
        frames = FRAMES[split](view)
        return _unwrapped(view, frames, limit) if single else _packed(view, frames, limit)
    return iter((_fitting(view, limit),))


def _fitting(payload: memoryview, limit: int) -> memoryview:
    if limit and len(payload) > limit:
        raise BadData(TOO_MUCH)
    return payload


def _lines(data: Data, view: memoryview, limit: int) -> Iterator[memoryview]:
    """Each line that is not empty, without its end."""
    start, size = 0, len(view)
    while start < size:
        end = data.find(b"\n", start)
        if end < 0:
            end = size
        stop = end - 1 if end > start and view[end - 1] == 13 else end
        if stop > start:
            yield _fitting(view[start:stop], limit)
        start = end + 1


def _packed_lines(data: Data, view: memoryview, limit: int) -> Iterator[memoryview]:
    """As many whole lines as fit, the newline of the last one left out."""
    start, size = 0, len(view)
    while start < size:
        if not limit or size - start <= limit:
            end = size - 1 if view[size - 1] == 10 else size
        else:
            end = data.rfind(b"\n", start, start + limit + 1)
            if end < 0:
                raise BadData(TOO_MUCH)
        payload = view[start:end]
        if len(payload) and (payload[0] not in b"\r\n" or bytes(payload).strip()):
            yield payload
        start = end + 1


def _recordio(view: memoryview) -> Iterator[Frame]:
    position, begun = 0, 0
    parts: list[tuple[int, int]] = []
    while position < len(view):
        if len(view) - position < _RECORDIO.size:
            raise BadData("A RecordIO header is cut short.")
        magic, word = _RECORDIO.unpack_from(view, position)
        if magic != MAGIC:
            raise BadData(f"There is no RecordIO record at byte {position}.")
        start, length = position + _RECORDIO.size, word & 0x1FFFFFFF
        if start + length > len(view):
            raise BadData(f"The RecordIO record at byte {position} is cut short.")
        parts.append((start, start + length))
        position = min(start + length + -length % 4, len(view))
        if word >> 29 in (_WHOLE, _LAST):
            yield Frame(begun, position, tuple(parts))
            begun, parts = position, []
    if parts:
        raise BadData("The last RecordIO record lacks its end.")


def _tfrecord(view: memoryview) -> Iterator[Frame]:
    position = 0
    while position < len(view):
        if len(view) - position < _TFRECORD.size:
            raise BadData("A TFRecord header is cut short.")
        length, _ = _TFRECORD.unpack_from(view, position)
        start = position + _TFRECORD.size
        if start + length + _CHECKSUM > len(view):
            raise BadData(f"The TFRecord record at byte {position} is cut short.")
        end = start + length + _CHECKSUM
        yield Frame(position, end, ((start, start + length),))
        position = end


FRAMES: dict[str, Callable[[memoryview], Iterator[Frame]]] = {"RecordIO": _recordio, "TFRecord": _tfrecord}


def _unwrapped(view: memoryview, frames: Iterator[Frame], limit: int) -> Iterator[memoryview]:
    """Each record's data alone, without framing and padding."""
    for frame in frames:
        parts = [view[start:end] for start, end in frame.parts]
        # Between the parts of one record the magic stood: it was cut there for the sake of whoever searches for it.
        whole = parts[0] if len(parts) == 1 else memoryview(struct.pack("<I", MAGIC).join(parts))
        yield _fitting(whole, limit)


def _packed(view: memoryview, frames: Iterator[Frame], limit: int) -> Iterator[memoryview]:
    """As many whole records as fit, as they stand in the object."""
    start = end = 0
    for frame in frames:
        if limit and frame.end - start > limit:
            if end > start:
                yield view[start:end]
                start = frame.start
            _fitting(view[frame.start : frame.end], limit)
        end = frame.end
    if end > start:
        yield view[start:end]
