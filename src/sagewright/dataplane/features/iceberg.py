"""Iceberg tables of offline stores: what is to be written so that a table has some rows more.

    LOCATION/data/0a1b2c3d/time_trunc=2026-01-31/20260131T120500Z_0123456789abcdef.parquet
    LOCATION/metadata/<hash>.avro                 files of a commit (a manifest)
    LOCATION/metadata/snap-<id>-<hash>.avro       the manifests of a snapshot
    LOCATION/metadata/00007-<hash>.metadata.json  the table

The format is Apache Iceberg's, version 2. All of it follows from the rows and from the table as it was: who is killed
and does it again writes the same objects. The table itself says up to which row it has taken (`TAKEN`), whoever else
has written to it since. Where event times are texts, tables are partitioned by their days, as AWS's are.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sagewright.dataplane.features import parquet
from sagewright.dataplane.features.event_time import as_datetime
from sagewright.dataplane.features.group_file import Waiting
from sagewright.dataplane.features.offline import KINDS, read_value
from sagewright.dataplane.features.parquet import Column
from sagewright.dataplane.features.schema import Feature, Schema
from sagewright.dataplane.iceberg import commits, manifests, schemas
from sagewright.dataplane.iceberg.commits import BadTable, Change, Metadata, Read, Written
from sagewright.dataplane.iceberg.manifests import DataFile, Manifest

TAKEN: Final = "sagewright.taken"
"""A property: the last row of the outbox that the table has."""
_TYPES: Final = {"String": "string", "Integral": "long", "Fractional": "double"}
_OWN: Final = (("write_time", "timestamp"), ("api_invocation_time", "timestamp"), ("is_deleted", "boolean"))
_DAY: Final = 10
"""Characters of a time that name its day."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one layout, sealed together at the time `written`, in microseconds."""

    uid: str
    schema: Schema
    rows: Sequence[Waiting]
    written: int

    def named(self, *more: object) -> str:
        """A name that nothing else has."""
        text = "/".join(map(str, (self.uid, self.rows[0].seq, self.rows[-1].seq, *more)))
        return hashlib.sha256(text.encode()).hexdigest()


def created(uid: str, schema: Schema, location: str, now: int) -> Written:
    """An empty table. `now` is in microseconds."""
    fields, last = _fields((), schema.features.values(), 0)
    by_day = schema.features[schema.time].kind == "String"
    partitions = [schemas.Transform("truncate", schema.time, _DAY)] if by_day else []
    codec = {"write.parquet.compression-codec": "gzip"}
    return schemas.created_of(f"{uid}/{now}", location, fields, last, partitions, codec, now // 1000)


def has(table: Metadata, last: int) -> bool:
    """Whether the table has the rows up to this one."""
    return int(table.get("properties", {}).get(TAKEN, 0)) >= last


def fitting(table: Metadata, schema: Schema, place: str, now: int) -> Written | None:
    """The table with columns for all features; None where it has them."""
    made = _evolved(table, schema)
    return None if made is table else commits.succeeded(made, [], place, now // 1000, "schema")


def appended(table: Metadata, place: str, batch: Batch, read: Read) -> Written:
    """The table with a batch more. `place` is where its document lies. Raises BadTable where somebody has made
    something of it that is not written to."""
    table = _evolved(table, batch.schema)
    location = table["location"].rstrip("/")
    schema, spec = commits.current_schema(table), commits.current_spec(table)
    by_day = _by_day(spec, schema, batch.schema)
    ids = {each["name"]: each for each in schema["fields"]}
    objects: list[tuple[str, bytes]] = []
    files = []
    for day, rows in _split(batch, by_day):
        columns = _columns(batch, rows, ids)
        data = parquet.written(columns, len(rows))
        named = batch.named(location, day)
        stamp = as_datetime(rows[-1].time).strftime("%Y%m%dT%H%M%SZ")
        folder = f"data/{named[:8]}" + ("" if day is None else f"/{spec['fields'][0]['name']}={day}")
        key = f"{folder}/{stamp}_{named[8:24]}.parquet"
        objects.append((key, data))
        bounds = _bounds(batch.schema, rows, ids)
        files.append(DataFile(f"{location}/{key}", day, len(rows), len(data), *bounds))
    name = batch.named(place)
    own = manifests.manifest(files, int(name[:16], 16) >> 1, schema, spec)
    objects.append((f"metadata/{name[16:48]}-m0.avro", own))
    added = Manifest(
        f"{location}/{objects[-1][0]}",
        len(own),
        spec["spec-id"],
        len(files),
        len(batch.rows),
        sum(each.size for each in files),
        bounds=manifests.day_bounds(files),
    )
    change = Change("append", name, batch.written // 1000, added=[added], properties={TAKEN: str(batch.rows[-1].seq)})
    made = commits.committed(table, place, change, read)
    return made._replace(objects=[*objects, *made.objects])


# Columns.


def _evolved(table: Metadata, schema: Schema) -> Metadata:
    """The table with columns for all features; the same one where it has them."""
    before = commits.current_schema(table)
    fields, last = _fields(before["fields"], schema.features.values(), table["last-column-id"])
    return table if len(fields) == len(before["fields"]) else schemas.with_fields(table, fields, last)


def _fields(
    before: Sequence[Mapping[str, Any]], features: Iterable[Feature], last: int
) -> tuple[list[dict[str, Any]], int]:
    fields = [dict(each) for each in before]
    known = {each["name"] for each in fields}
    for name, kind, many in (
        *((each.name, _TYPES[each.kind], bool(each.collection)) for each in features),
        *((name, kind, False) for name, kind in _OWN),
    ):
        if name in known:
            continue
        last += 1
        told: Any = kind
        own = last
        if many:
            last += 1
            told = {"type": "list", "element-id": last, "element": kind, "element-required": False}
        fields.append({"id": own, "name": name, "required": False, "type": told})
    return fields, last


def _by_day(spec: Mapping[str, Any], schema: Metadata, group: Schema) -> bool:
    """Whether files are of one day each. Raises BadTable for partitions of another kind."""
    if not spec["fields"]:
        return False
    if len(spec["fields"]) == 1:
        [field] = spec["fields"]
        source = next((each["name"] for each in schema["fields"] if each["id"] == field["source-id"]), None)
        if source == group.time and field["transform"] == f"truncate[{_DAY}]":
            return True
    raise BadTable("The Iceberg table is partitioned by something else than the days of event times.")


def _split(batch: Batch, by_day: bool) -> Iterable[tuple[str | None, Sequence[Waiting]]]:
    days: dict[str | None, list[Waiting]] = {}
    for row in batch.rows:
        days.setdefault(str(row.values[batch.schema.time])[:_DAY] if by_day else None, []).append(row)
    return days.items()


def _columns(batch: Batch, rows: Sequence[Waiting], ids: Mapping[str, Mapping[str, Any]]) -> Sequence[Column]:
    def numbers(name: str) -> tuple[int, int]:
        field = ids[name]
        kind = field["type"]
        return field["id"], kind["element-id"] if isinstance(kind, dict) else 0

    own = [
        Column(
            feature.name,
            KINDS[feature.kind],
            [read_value(feature, row.values.get(feature.name)) for row in rows],
            bool(feature.collection),
            numbers(feature.name),
        )
        for feature in batch.schema.features.values()
    ]
    return [
        *own,
        Column("write_time", "microseconds", [batch.written] * len(rows), ids=numbers("write_time")),
        Column("api_invocation_time", "microseconds", [row.asked for row in rows], ids=numbers("api_invocation_time")),
        Column("is_deleted", "boolean", [row.deleted for row in rows], ids=numbers("is_deleted")),
    ]


def _bounds(
    schema: Schema, rows: Sequence[Waiting], ids: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """The least and the greatest event time, as Iceberg writes single values."""
    feature = schema.features[schema.time]
    times = [read_value(feature, row.values[schema.time]) for row in rows]
    number = ids[schema.time]["id"]
    if feature.kind == "String":
        return {number: min(times).encode()}, {number: max(times).encode()}
    return {number: struct.pack("<d", min(times))}, {number: struct.pack("<d", max(times))}
