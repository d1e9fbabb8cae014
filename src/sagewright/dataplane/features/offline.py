"""Rows of an outbox as files of the offline store.

    PLACE/year=2026/month=01/day=31/hour=12/20260131T120500Z_0123456789abcdef.parquet     by event time

Names and bytes follow from the rows alone: who writes them again after a crash overwrites the same objects with the
same content, so each row is there once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sagewright.dataplane.features import parquet
from sagewright.dataplane.features.event_time import as_datetime
from sagewright.dataplane.features.group_file import Waiting
from sagewright.dataplane.features.parquet import Column
from sagewright.dataplane.features.schema import Feature, Schema, Value

PARTITIONS: Final = ("year", "month", "day", "hour")
KINDS: Final[Mapping[str, parquet.Kind]] = {"String": "string", "Integral": "bigint", "Fractional": "double"}
_READ: Final[Mapping[str, Any]] = {"String": str, "Integral": int, "Fractional": float}


class File(NamedTuple):
    """A file to be written. `partition` has the values of PARTITIONS; `path` begins below the group's place."""

    partition: tuple[str, ...]
    path: str
    data: bytes


def files(uid: str, schema: Schema, rows: Sequence[Waiting], written: int) -> Iterator[File]:
    """The files of rows of one layout, all of them sealed together at the time `written`."""
    partitions: dict[tuple[str, ...], list[Waiting]] = {}
    for row in rows:
        hour = as_datetime(row.time)
        key = f"{hour.year:04}", f"{hour.month:02}", f"{hour.day:02}", f"{hour.hour:02}"
        partitions.setdefault(key, []).append(row)
    for partition, some in partitions.items():
        folder = "/".join(f"{name}={value}" for name, value in zip(PARTITIONS, partition, strict=True))
        named = hashlib.sha256(f"{uid}/{some[0].seq}/{some[-1].seq}/{folder}".encode()).hexdigest()[:16]
        stamp = as_datetime(written).strftime("%Y%m%dT%H%M%SZ")
        yield File(
            partition, f"{folder}/{stamp}_{named}.parquet", parquet.written(_columns(schema, some, written), len(some))
        )


def columns(features: Iterable[Feature]) -> Sequence[tuple[str, str]]:
    """Name and type of each column of the table, partitions aside."""
    own = [(each.name, f"array<{KINDS[each.kind]}>" if each.collection else KINDS[each.kind]) for each in features]
    return [*own, ("write_time", "timestamp"), ("api_invocation_time", "timestamp"), ("is_deleted", "boolean")]


def _columns(schema: Schema, rows: Sequence[Waiting], written: int) -> Sequence[Column]:
    own = [
        Column(
            feature.name,
            KINDS[feature.kind],
            [read_value(feature, row.values.get(feature.name)) for row in rows],
            bool(feature.collection),
        )
        for feature in schema.features.values()
    ]
    return [
        *own,
        Column("write_time", "timestamp", [written // 1000] * len(rows)),
        Column("api_invocation_time", "timestamp", [row.asked // 1000 for row in rows]),
        Column("is_deleted", "boolean", [row.deleted for row in rows]),
    ]


def read_value(feature: Feature, value: Value | None) -> Any:
    """A value, or each of a list, as what it is."""
    read = _READ[feature.kind]
    if value is None or isinstance(value, str):
        return None if value is None else read(value)
    return [read(each) for each in value]
