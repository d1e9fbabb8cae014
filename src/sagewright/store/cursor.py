"""Where a page ended, as an opaque token: the sort value and the key of its last record."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from sagewright.resources.record import Record
from sagewright.store.base import SortBy

Position = tuple[Any, ...]

ORDERS: Final[Mapping[SortBy, Sequence[str]]] = {
    "name": ("name", "parent"),
    "created": ("created", "parent", "name"),
    "modified": ("modified", "parent", "name"),
    "state": ("state", "created", "parent", "name"),
}
"""What records are ordered by: total, because it ends in the key."""

_NUMBERS: Final = frozenset({"created", "modified"})


def position(record: Record, sort_by: SortBy) -> Position:
    """Where a record stands in an order."""
    return tuple(getattr(record.key if column in ("name", "parent") else record, column) for column in ORDERS[sort_by])


def encode(record: Record, sort_by: SortBy) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([sort_by, *position(record, sort_by)])).decode()


def decode(token: str, sort_by: SortBy) -> Position:
    """Raises ValueError for a token that no page with this order gave."""
    try:
        kept, *values = orjson.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError) as error:
        raise ValueError("This page token is not one that was handed out.") from error
    columns = ORDERS[sort_by]
    if kept != sort_by or len(values) != len(columns):
        raise ValueError("This page token belongs to a listing in another order.")
    return tuple(_sound(value, column in _NUMBERS) for value, column in zip(values, columns, strict=True))


def _sound(value: Any, number: bool) -> Any:
    """A value of the kind that its column holds: tokens come from outside."""
    if number and isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    if not number and isinstance(value, str):
        return value
    raise ValueError("This page token is not one that was handed out.")
