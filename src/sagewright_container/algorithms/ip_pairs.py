"""Pairs of an entity and an IPv4 address, read and made numbers.

CSV has no header and two columns: the entity, any text, and the address with dots. An entity's number is a hash of its
name, so that those never seen have one as well.
"""

from __future__ import annotations

import csv
import io
import os
import socket
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sagewright_container.algorithms.base import Input
from sagewright_container.algorithms.errors import ClientError


class Pairs(NamedTuple):
    """Of each pair the entity's number (int64) and the address as a number (int64)."""

    entities: Any
    addresses: Any


def read(source: Input, count: int) -> Pairs:
    """All pairs of a channel, entities hashed to `count` numbers. Raises ClientError."""
    found: list[Pairs] = []
    for path in source.files():
        with open(path, "rb") as file:
            data = file.read()
        try:
            if data.strip():
                found.append(numbers(lines(data), count))
        except ClientError as error:
            raise ClientError(f"{os.path.basename(path)} in channel {source.name}: {error}") from error
    if not found:
        raise source.nothing()
    return Pairs(*(np.concatenate(part) for part in zip(*found, strict=True)))


def lines(data: bytes) -> list[tuple[str, list[str]]]:
    """The cells of each line of CSV that is not empty, with the words for where it is. Raises ClientError."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ClientError(f"Line {line} is not UTF-8. Write the file anew as UTF-8.") from error
    reader = csv.reader(io.StringIO(text), skipinitialspace=True)
    try:
        return [(f"Line {reader.line_num}", row) for row in reader if row]
    except csv.Error as error:
        raise ClientError(f"Line {reader.line_num} is not CSV: {error}.") from error


def numbers(pairs: Iterable[tuple[str, Sequence[Any]]], count: int) -> Pairs:
    """Pairs of texts, each with the words for where it is, as numbers. Raises ClientError for the first wrong one."""
    entities: list[int] = []
    addresses: list[int] = []
    known: dict[str, int] = {}
    for place, pair in pairs:
        if len(pair) != 2 or not all(isinstance(each, str) and each.strip() for each in pair):
            shown = str(list(pair))[:80]
            raise ClientError(
                f"{place} is not an entity and an address: {shown}. Write two texts, such as user1, 10.0.0.1."
            )
        entity, text = pair[0].strip(), pair[1].strip()
        if text not in known:
            try:
                known[text] = int.from_bytes(socket.inet_pton(socket.AF_INET, text))
            except (OSError, ValueError) as error:
                hint = "CSV data must have no header." if place == "Line 1" else "Write it with dots, as 10.0.0.1."
                raise ClientError(f"{place}: {text[:40]!r} is no IPv4 address. {hint}") from error
        entities.append(zlib.crc32(entity.encode("utf-8", "surrogatepass")) % count)
        addresses.append(known[text])
    return Pairs(np.array(entities, np.int64), np.array(addresses, np.int64))
