"""Scalars as text, the way XML, query forms and URIs write them; shared by the protocols that do."""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, Final

from botocore.model import Shape

from sagewright.wire.protocols import times

WHOLE_NUMBERS: Final = {"integer": range(-(2**31), 2**31), "long": range(-(2**63), 2**63)}
"""What Java, in which AWS is written, holds in an Integer and in a Long."""


def whole(kind: str) -> Callable[[str], int]:
    """The reader of `integer` or `long`. Raises `ValueError`."""
    allowed = WHOLE_NUMBERS[kind]

    def read(text: str) -> int:
        number = int(text)
        if number not in allowed:
            raise ValueError(f"not within the range of a {kind}")
        return number

    return read


def boolean(text: str) -> bool:
    """Raises `ValueError` for anything but true and false, in any case."""
    lowered = text.strip().lower()
    if lowered not in {"true", "false"}:
        raise ValueError("not a boolean")
    return lowered == "true"


FROM_TEXT: Final[dict[str, Callable[[str], Any]]] = {
    "integer": whole("integer"),
    "long": whole("long"),
    "float": float,
    "double": float,
    "boolean": boolean,
    "timestamp": times.parse,
    "blob": lambda text: b64decode(text, validate=True),
}
"""Readers by type name; strings need none. All raise `ValueError`."""


def to_text(shape: Shape, timestamp_format: str) -> Callable[[Any], str]:
    """The writer of a scalar shape; `timestamp_format` holds where the shape names none."""
    match shape.type_name:
        case "boolean":
            return lambda value: "true" if value else "false"
        case "timestamp":
            write = times.FORMATS[shape.serialization.get("timestampFormat", timestamp_format)]
            return lambda value: str(write(value))
        case "blob":
            return lambda value: b64encode(value.encode() if isinstance(value, str) else value).decode()
        case "float" | "double":
            return number
    return str


def number(value: float) -> str:
    """A float as AWS writes it, `NaN` and `Infinity` included."""
    if math.isfinite(value):
        return str(value)
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
