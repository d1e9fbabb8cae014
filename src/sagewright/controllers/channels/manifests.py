"""Manifests: which objects a channel shows, where a file says it instead of a prefix.

The forms are AWS's ("S3DataSource", API reference; "Augmented Manifest Files for Training Jobs", developer guide).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from sagewright.controllers.channels.channel import Channel
from sagewright.controllers.channels.told import failed
from sagewright.controllers.staging import split_uri

REFERENCE: Final = "-ref"
"""Attributes of such names hold an object's address, and stand for its bytes."""

Piece = tuple[str, str] | bytes
"""What one attribute gives: an object's (bucket, key), or bytes."""


def manifest(text: bytes, channel: Channel) -> tuple[str, str, Sequence[str]]:
    """(bucket, prefix, what is appended to the prefix) of `[{"prefix": "s3://…"}, "a", "b"]`. Raises Terminal."""
    try:
        first, *rest = orjson.loads(text)
        prefix = first["prefix"]
        whole = isinstance(prefix, str) and prefix.startswith("s3://") and all(isinstance(each, str) for each in rest)
    except (ValueError, TypeError, KeyError):
        whole = False
    if not whole:
        raise failed(
            channel,
            'the manifest is not valid. It must be a JSON array whose first element is {"prefix": "s3://bucket/…"} '
            "and whose other elements are strings, each of which completes the prefix to an object's address.",
        )
    if not rest:
        raise failed(channel, "the manifest names no objects.")
    bucket, key = split_uri(prefix)
    return bucket, key, rest


def lines(text: bytes, channel: Channel) -> Iterator[Sequence[Piece]]:
    """For each line of an augmented manifest, what the channel's attributes give. Raises Terminal."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield _pieces(line, number, channel)


def _pieces(line: bytes, number: int, channel: Channel) -> Sequence[Piece]:
    try:
        record = orjson.loads(line)
    except ValueError as error:
        raise failed(channel, f"line {number} of the augmented manifest is not JSON: {error}.") from error
    if not isinstance(record, dict):
        raise failed(channel, f"line {number} of the augmented manifest is not a JSON object.")
    if missing := [name for name in channel.attributes if name not in record]:
        raise failed(channel, f"line {number} of the augmented manifest has no attribute {missing[0]!r}.")
    return [_piece(name, record, number, channel) for name in channel.attributes]


def _piece(name: str, record: Mapping[str, Any], number: int, channel: Channel) -> Piece:
    value = record[name]
    if not name.endswith(REFERENCE):
        # Text is sent as it reads, everything else as JSON.
        return value.encode() if isinstance(value, str) else orjson.dumps(value)
    if not isinstance(value, str) or not value.startswith("s3://"):
        raise failed(channel, f"{name!r} in line {number} of the augmented manifest is not an address: {value!r}.")
    return split_uri(value)
