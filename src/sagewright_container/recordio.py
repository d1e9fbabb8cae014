"""RecordIO-protobuf, read and written without a protobuf library.

The framing is MXNet's RecordIO: magic 0xCED7230A and a length, both 4 bytes little-endian, then the payload,
padded to a multiple of 4. The payload is one `aialgs.data.Record` (AWS's developer guide, "Common Data
Formats for Training"): `features` and `label` are maps of name → Value, a Value is one of four tensors, and a
tensor holds `values`, and for sparse rows their `keys` and the `shape`.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

MAGIC = 0xCED7230A

_FEATURES, _LABEL = 1, 2  # fields of Record
_MAP_KEY, _MAP_VALUE = 1, 2  # fields of a map's entry
_VALUES, _KEYS, _SHAPE = 1, 2, 3  # fields of a tensor
_FLOAT32, _FLOAT64, _INT32 = 2, 3, 7  # fields of Value
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # protobuf's wire types
_ENDLESS = "A record holds a number that does not end."


class FormatError(ValueError):
    """The bytes are not what they are said to be."""


class Tensor(NamedTuple):
    """One row. Dense: `keys` is empty. Sparse: `keys` are the values' columns, `width` their number or 0."""

    values: Sequence[float]
    keys: Sequence[int] = ()
    width: int = 0


class Record(NamedTuple):
    """One example: tensors by name; SageMaker's algorithms use the name "values"."""

    features: dict[str, Tensor]
    label: dict[str, Tensor]


def read(data: bytes) -> Iterator[Record]:
    """The records of a RecordIO-protobuf object, in order. Raises FormatError."""
    return map(_record, frames(data))


def frames(data: bytes) -> Iterator[memoryview]:
    """The payloads of a RecordIO object, whatever they are. Raises FormatError."""
    view = memoryview(data)
    position = 0
    while position < len(view):
        if len(view) - position < 8:
            raise FormatError("A RecordIO header is cut short.")
        magic, length = struct.unpack_from("<II", view, position)
        if magic != MAGIC:
            raise FormatError(f"There is no RecordIO record at byte {position}.")
        start = position + 8
        if start + length > len(view):
            raise FormatError(f"The RecordIO record at byte {position} is cut short.")
        yield view[start : start + length]
        position = start + length + -length % 4


def write(records: Sequence[Mapping[str, Sequence[float]]]) -> bytes:
    """Records whose label map holds each name's values as a float32 tensor: the form of a prediction."""
    return b"".join(
        frame(b"".join(_label_entry(name, values) for name, values in record.items())) for record in records
    )


def frame(payload: bytes) -> bytes:
    """One record, framed."""
    return struct.pack("<II", MAGIC, len(payload)) + payload + bytes(-len(payload) % 4)


def features(floats: Mapping[str, bytes], integers: Mapping[str, Sequence[int]]) -> bytes:
    """A record's payload with features: tensors of little-endian float32, as bytes, and of whole numbers above 0."""
    tensors = [(name, _field(_FLOAT32, _field(_VALUES, values))) for name, values in floats.items()]
    for name, numbers in integers.items():
        packed = b"".join(_varint_bytes(each) for each in numbers)
        tensors.append((name, _field(_INT32, _field(_VALUES, packed))))
    entries = [_field(_MAP_KEY, name.encode()) + _field(_MAP_VALUE, value) for name, value in tensors]
    return b"".join(_field(_FEATURES, entry) for entry in entries)


def write_integers(records: Iterable[Mapping[str, Sequence[int]]]) -> bytes:
    """Records whose feature map holds each name's values, none of them negative, as an int32 tensor."""
    parts: list[bytes] = []
    for record in records:
        payload = b"".join(_feature_entry(name, values) for name, values in record.items())
        parts.append(struct.pack("<II", MAGIC, len(payload)) + payload + bytes(-len(payload) % 4))
    return b"".join(parts)


def _record(payload: memoryview) -> Record:
    record = Record({}, {})
    for field, content in _fields(bytes(payload)):
        if field in (_FEATURES, _LABEL) and isinstance(content, bytes):
            name, tensor = _entry(content)
            (record.features if field == _FEATURES else record.label)[name] = tensor
    return record


def _entry(data: bytes) -> tuple[str, Tensor]:
    name, tensor = "", Tensor(())
    for field, content in _fields(data):
        if isinstance(content, bytes):
            if field == _MAP_KEY:
                name = content.decode()
            elif field == _MAP_VALUE:
                tensor = _value(content)
    return name, tensor


def _value(data: bytes) -> Tensor:
    for field, content in _fields(data):
        if field in (_FLOAT32, _FLOAT64, _INT32) and isinstance(content, bytes):
            return _tensor(content, field)
    raise FormatError("A record holds a value that is no tensor of numbers.")


def _tensor(data: bytes, kind: int) -> Tensor:
    values: array[float] | list[int]
    values = [] if kind == _INT32 else array("f" if kind == _FLOAT32 else "d")
    keys: list[int] = []
    shape: list[int] = []
    for field, content in _fields(data):
        if field == _VALUES and not isinstance(values, list):
            if not isinstance(content, bytes):
                raise FormatError("A tensor of floats holds integers.")
            values.frombytes(content)
        else:
            numbers = values if field == _VALUES else keys if field == _KEYS else shape if field == _SHAPE else None
            if isinstance(numbers, list):
                numbers.extend([content] if isinstance(content, int) else _varints(content))
    if isinstance(values, list):
        values = [value - (1 << 64) if value >> 63 else value for value in values]
    return Tensor(values, keys, shape[-1] if shape else 0)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field number and content of each field: an integer for varints, bytes for all else, packed or not."""
    position, end = 0, len(data)
    while position < end:
        tag = data[position]
        if tag < 0x80:
            position += 1
        else:
            tag, position = _varint(data, position)
        wire = tag & 7
        if wire == _VARINT:
            number, position = _varint(data, position)
            yield tag >> 3, number
            continue
        if wire == _BYTES:
            if position < end and data[position] < 0x80:
                length, position = data[position], position + 1
            else:
                length, position = _varint(data, position)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise FormatError(f"A record has a field of the unknown wire type {wire}.")
        if position + length > end:
            raise FormatError("A record ends inside a field.")
        yield tag >> 3, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while position < len(data):
        byte = data[position]
        position += 1
        if byte < 0x80:
            return result | byte << shift, position
        result |= (byte & 0x7F) << shift
        shift += 7
        if shift > 63:
            break
    raise FormatError(_ENDLESS)


def _varints(data: bytes) -> list[int]:
    numbers: list[int] = []
    result = shift = 0
    for byte in data:
        if byte < 0x80:
            numbers.append(result | byte << shift)
            result = shift = 0
        else:
            result |= (byte & 0x7F) << shift
            shift += 7
            if shift > 63:
                raise FormatError(_ENDLESS)
    if shift:
        raise FormatError(_ENDLESS)
    return numbers


def _label_entry(name: str, values: Sequence[float]) -> bytes:
    tensor = _field(_VALUES, struct.pack(f"<{len(values)}f", *values))
    entry = _field(_MAP_KEY, name.encode()) + _field(_MAP_VALUE, _field(_FLOAT32, tensor))
    return _field(_LABEL, entry)


def _feature_entry(name: str, values: Sequence[int]) -> bytes:
    tensor = _field(_VALUES, b"".join(map(_varint_bytes, values)))
    entry = _field(_MAP_KEY, name.encode()) + _field(_MAP_VALUE, _field(_INT32, tensor))
    return _field(_FEATURES, entry)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _varint_bytes(len(content)) + content


def _varint_bytes(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
