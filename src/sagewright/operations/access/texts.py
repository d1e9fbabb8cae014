"""The text of a policy, read: JSON without what readers may understand in two ways. Pure."""

from __future__ import annotations

import json
from typing import Any

import orjson


def parsed(text: str) -> Any:
    """The document. Raises ValueError for what is no JSON, and for an object that has a member twice.

    Of two members of one name JSON's readers take either, so that who looks a policy over may see another one than
    the one that counts.
    """
    document = orjson.loads(text)  # stricter than the library's, and nests as deep as it likes
    try:
        json.loads(text, object_pairs_hook=_single)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return document


def _single(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a member stands twice in an object")
