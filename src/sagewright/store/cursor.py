"""Where a page ended, as an opaque token: the sort value and the key of its last record."""

from __future__ import annotations

import base64
from typing import Any

import orjson

from sagewright.resources.record import Record
from sagewright.store.base import SortBy

Position = tuple[Any, ...]


def position(record: Record, sort_by: SortBy) -> Position:
    """What records are ordered by: total, because it ends in the key."""
    if sort_by == "name":
        return (record.key.name, record.key.parent)
    return (getattr(record, sort_by), record.key.parent, record.key.name)


def encode(record: Record, sort_by: SortBy) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([sort_by, *position(record, sort_by)])).decode()


def decode(token: str, sort_by: SortBy) -> Position:
    """Raises ValueError for a token that no page with this order gave."""
    try:
        kept, *values = orjson.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError as error:
        raise ValueError("This page token is not one that was handed out.") from error
    wanted = 2 if sort_by == "name" else 3
    texts = values if sort_by in ("name", "state") else values[1:]
    numbers = [] if sort_by in ("name", "state") else values[:1]
    sound = all(isinstance(text, str) for text in texts) and all(isinstance(n, int | float) for n in numbers)
    if kept != sort_by or len(values) != wanted or not sound:
        raise ValueError("This page token belongs to a listing in another order.")
    return tuple(values)
