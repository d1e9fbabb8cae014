"""JSON documents by shape: closures compiled once per shape, shared by the json and the rest-json protocol.

A decoder turns what orjson read into boto3's names and types; an encoder does the reverse, and drops whatever
the shape does not have.
"""

from __future__ import annotations

import binascii
import math
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from botocore.model import ListShape, MapShape, Shape, StructureShape

from sagewright.base.errors import AwsError
from sagewright.wire.protocols import times
from sagewright.wire.protocols.scalars import WHOLE_NUMBERS

Convert = Callable[[Any], Any]

_NEVER: Final = type("_NEVER", (), {})
"""A type no decoded JSON has: a member of it always takes its converter."""

# Coral, AWS's service framework, names the JSON token it met and the Java type it wanted.
_WANTED: Final = {
    "string": "a String",
    "boolean": "a Boolean",
    "integer": "an Integer",
    "long": "a Long",
    "float": "a Float",
    "double": "a Double",
    "timestamp": "milliseconds since epoch",
    "blob": "a Blob",
}
_NOT_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def loads(body: bytes) -> dict[str, Any]:
    """The JSON object in a request's body; no body is an empty one. Raises `SerializationException`."""
    if not body:
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise serialization_error(f"The request body is not valid JSON: {exc}") from exc
    if document is None:
        return {}
    if type(document) is not dict:
        raise serialization_error("The request body is not a JSON object")
    return document


def dumps(document: Any) -> bytes:
    return orjson.dumps(document)


def serialization_error(message: str) -> AwsError:
    return AwsError("SerializationException", message)


def mismatch(value: Any, wanted: str) -> AwsError:
    """AWS's words for a JSON value of the wrong type, `wanted` being the model's type name."""
    if type(value) is dict:
        return serialization_error("Start of structure or map found where not expected.")
    if type(value) is list:
        return serialization_error("Start of list found where not expected")
    if wanted == "list":
        return serialization_error("Expected list or null")
    if wanted in {"structure", "map"}:
        return serialization_error("Unexpected value type in payload")
    if isinstance(value, bool):
        token = "TRUE_VALUE" if value else "FALSE_VALUE"
    else:
        token = "STRING_VALUE" if isinstance(value, str) else "NUMBER_VALUE"
    return serialization_error(f"{token} can not be converted to {_WANTED[wanted]}")


class JsonCodec:
    """Decoders and encoders of one service's shapes, compiled on first use.

    A member that is an `orjson.Fragment` is JSON already and goes out as it is.
    """

    def __init__(self, timestamp_format: str = "unixTimestamp") -> None:
        self._timestamp_format = timestamp_format
        self._decoders: dict[tuple[str, str | None], Convert] = {}
        self._encoders: dict[tuple[str, str | None], Convert] = {}
        self._lock = threading.RLock()

    def decoder(self, shape: Shape) -> Convert:
        """JSON value → Python value; raises `SerializationException`."""
        return self._compile(self._decoders, shape, self._decode)

    def encoder(self, shape: Shape) -> Convert:
        """Python value → what orjson writes."""
        return self._compile(self._encoders, shape, self._encode)

    def _label(self, name: str, member: Shape) -> str:
        """What a member is called in documents."""
        return str(member.serialization.get("name", name))

    def _compile(
        self,
        cache: dict[tuple[str, str | None], Convert],
        shape: Shape,
        build: Callable[[Shape], Convert],
    ) -> Convert:
        key = shape.name, shape.serialization.get("timestampFormat")

        # A shape may contain itself (SearchExpression does): while it is being built, its inner self is a
        # stand-in that looks the finished closure up when it is called.
        def stand_in(value: Any) -> Any:
            return cache[key](value)

        with self._lock:  # or another thread would take the stand-in for the finished closure
            if key not in cache:
                cache[key] = stand_in
                try:
                    cache[key] = build(shape)
                except BaseException:
                    del cache[key]
                    raise
            return cache[key]

    def _decode(self, shape: Shape) -> Convert:
        if isinstance(shape, StructureShape):
            return _same if shape.is_document_type else self._decode_structure(shape)
        if isinstance(shape, ListShape):
            return _list(self.decoder(shape.member))
        if isinstance(shape, MapShape):
            return _map(self.decoder(shape.value))
        return _DECODERS.get(shape.type_name, _same)

    def _decode_structure(self, shape: StructureShape) -> Convert:
        members = {
            self._label(name, member): (
                name,
                _EXACT.get(member.type_name, _NEVER),
                self.decoder(member),
            )
            for name, member in shape.members.items()
        }

        def decode(document: Any) -> dict[str, Any]:
            if type(document) is not dict:
                raise mismatch(document, "structure")
            out = {}
            for key, value in document.items():
                if value is not None and (entry := members.get(key)) is not None:
                    name, exact, convert = entry
                    # Most members are strings, numbers and flags that need no converting: no call for them.
                    out[name] = value if type(value) is exact else convert(value)
            return out

        return decode

    def _encode(self, shape: Shape) -> Convert:
        if isinstance(shape, StructureShape):
            return _same if shape.is_document_type else self._encode_structure(shape)
        if isinstance(shape, ListShape):
            member = self.encoder(shape.member)
            if member is _same:
                return list
            return lambda values: [None if value is None else member(value) for value in values]
        if isinstance(shape, MapShape):
            inner = self.encoder(shape.value)
            if inner is _same:
                return dict
            return lambda mapping: {k: None if v is None else inner(v) for k, v in mapping.items()}
        if shape.type_name == "timestamp":
            return times.FORMATS[shape.serialization.get("timestampFormat", self._timestamp_format)]
        if shape.type_name == "blob":
            return _encode_blob
        return _encode_float if shape.type_name in {"float", "double"} else _same

    def _encode_structure(self, shape: StructureShape) -> Convert:
        members = [(name, self._label(name, member), self.encoder(member)) for name, member in shape.members.items()]
        table = {name: (wire, None if convert is _same else convert) for name, wire, convert in members}

        def encode(result: Mapping[str, Any]) -> dict[str, Any]:
            out = {}
            for name, value in result.items():
                if value is not None and (entry := table.get(name)) is not None:
                    wire, convert = entry
                    out[wire] = value if convert is None or type(value) is orjson.Fragment else convert(value)
            return out

        return encode


def _same(value: Any) -> Any:
    return value


def _list(member: Convert) -> Convert:
    def decode(values: Any) -> list[Any]:
        if type(values) is not list:
            raise mismatch(values, "list")
        # A null inside stays: validation will say that it must not be there.
        return [None if value is None else member(value) for value in values]

    return decode


def _map(inner: Convert) -> Convert:
    def decode(mapping: Any) -> dict[str, Any]:
        if type(mapping) is not dict:
            raise mismatch(mapping, "map")
        return {key: None if value is None else inner(value) for key, value in mapping.items()}

    return decode


def _scalar(exact: type, wanted: str) -> Convert:
    def decode(value: Any) -> Any:
        if type(value) is not exact:
            raise mismatch(value, wanted)
        return value

    return decode


def _integer(wanted: str) -> Convert:
    allowed = WHOLE_NUMBERS[wanted]

    def decode(value: Any) -> int:
        if type(value) is float and math.isfinite(value):
            value = int(value)  # AWS truncates
        if type(value) is int and value in allowed:
            return value
        raise mismatch(value, wanted)

    return decode


def _float(wanted: str) -> Convert:
    def decode(value: Any) -> float:
        if type(value) is float or type(value) is int:
            return float(value)
        if isinstance(value, str) and value in _NOT_FINITE:
            return _NOT_FINITE[value]
        raise mismatch(value, wanted)

    return decode


def _timestamp(value: Any) -> float:
    try:
        return times.parse(value)
    except ValueError as exc:
        raise mismatch(value, "timestamp") from exc


def _blob(value: Any) -> bytes:
    if type(value) is not str:
        raise mismatch(value, "blob")
    try:
        return b64decode(value, validate=True)
    except binascii.Error as exc:
        raise serialization_error("The value of a blob member is not valid base64") from exc


def _encode_blob(value: bytes | str) -> str:
    return b64encode(value.encode() if isinstance(value, str) else value).decode()


def _encode_float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


_EXACT: Final[dict[str, type]] = {
    "string": str,
    "character": str,
    "boolean": bool,
    "float": float,
    "double": float,
}
_DECODERS: Final[dict[str, Convert]] = {
    "string": _scalar(str, "string"),
    "character": _scalar(str, "string"),
    "boolean": _scalar(bool, "boolean"),
    "integer": _integer("integer"),
    "long": _integer("long"),
    "float": _float("float"),
    "double": _float("double"),
    "timestamp": _timestamp,
    "blob": _blob,
}
