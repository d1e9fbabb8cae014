"""Which tags may move. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def fixed(settings: Mapping[str, Any], tag: str) -> bool:
    """Whether a tag that is there must stay where it is, by the settings of its repository."""
    kind = settings.get("imageTagMutability", "MUTABLE")
    filters = [each["filter"] for each in settings.get("imageTagMutabilityExclusionFilters", ())]
    excluded = kind.endswith("_WITH_EXCLUSION") and any(matches(pattern, tag) for pattern in filters)
    return bool(kind.startswith("IMMUTABLE") != excluded)


def matches(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern in which `*` stands for any characters."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    # From the left, each piece where it comes first: what a regular expression would try in all ways.
    position, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True
