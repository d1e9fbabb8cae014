"""The tables that a query may read: what the catalog says of them, and links to their files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson

from sagewright.base.errors import AwsError, SagewrightError, Terminal, Transient
from sagewright.controllers.athena import formats, information_schema, projection
from sagewright.controllers.athena.catalog import Catalog
from sagewright.controllers.athena.ports import Caller
from sagewright.controllers.channels.keeping import link
from sagewright.controllers.channels.listing import Item
from sagewright.controllers.staging import split_uri
from sagewright.dataplane.athena import views
from sagewright.dataplane.athena.tokens import SyntaxProblem, candidates
from sagewright.dataplane.objects.values import Stored

_PACKED: Final = re.compile(r"\.(gz|zst)$")
_WHOLE: Final = ("parquet", "orc", "avro")
"""Formats whose files are not compressed as a whole."""
_DEEPEST: Final = 32
"""Views that read views."""
_LONGEST: Final = 255
"""Bytes of a file's name."""

Told = dict[str, Any]


class Reading:
    """Lays tables out below a folder, as the toolkit's `athena.tables` finds them."""

    def __init__(self, caller: Caller, catalog: Catalog, root: Path, now: float) -> None:
        """`now`, in epoch seconds, is what projected partitions may be told by."""
        self._caller, self._catalog, self._root, self._now = caller, catalog, root, now
        self._known: set[str] = set()
        self._depth = 0
        self.tables: list[Told] = []
        self.refused: dict[str, str] = {}
        """Why tables may not be read, by `database.name`: it matters to a query that does read one."""
        self.scanned = 0
        """Bytes of all files."""
        self._folder = count()
        """A number is not used again for the next table where one was refused half-way."""

    def lay_out(self, sql: str, database: str = "") -> None:
        """All tables that the query may mean; `database` where it names none, the catalog's unless said."""
        for named, name in candidates(sql):
            place = named or database or self._catalog.database, name
            self.add(place)
            base, sign, _ = name.rpartition("$")
            if sign and base:  # what an Iceberg table tells of itself
                self.add((place[0], base))

    def add(self, place: tuple[str, str]) -> None:
        """A table of the catalog, by database and name, if there is one."""
        full = ".".join(place)
        if full in self._known:
            return
        self._known.add(full)
        try:
            if place[0] == information_schema.DATABASE:
                self._add_schema(place[1])
            elif (table := self._catalog.find(*place)) is not None:
                self._add(table)
        except Transient:
            raise
        except SagewrightError as error:
            self.refused[full] = refusal(error)

    def _add(self, table: Mapping[str, Any]) -> None:
        if table.get("TableType") == views.KIND:
            self._add_view(table)
            return
        form, options = formats.of(table)
        keys = [_column(each) for each in table.get("PartitionKeys", ())]
        told = self._told(table, form, options, keys)
        if form == "iceberg":
            self._add_iceberg(table["StorageDescriptor"]["Location"], told)
        elif form in formats.READ:
            folder = self._root / told["folder"]
            folder.mkdir(parents=True)
            if projection.enabled(table):
                projected = projection.of(table, self._now)
                told["injected"] = projected.injected
                told["count"] = self._link_projected(projected, folder, packed=form not in _WHOLE)
            else:
                for place, location in self._folders(table, [each["Name"] for each in keys]):
                    told["count"] += self._link(self._within(location), folder / place, packed=form not in _WHOLE)
        self.tables.append(told)

    def _told(self, table: Mapping[str, Any], form: str, options: Told, keys: Sequence[Told]) -> Told:
        return {
            "database": table["DatabaseName"].lower(),
            "name": table["Name"].lower(),
            "columns": [_column(each) for each in table.get("StorageDescriptor", {}).get("Columns", ())],
            "partition_keys": keys,
            "format": form,
            "options": options,
            "folder": str(next(self._folder)),
            "count": 0,
        }

    def _add_view(self, table: Mapping[str, Any]) -> None:
        """A view, and the tables that its query may mean."""
        view = views.read(table)
        if view is None:
            raise Terminal(f"NOT_SUPPORTED: The view {table['DatabaseName']}.{table['Name']} was not made by Athena.")
        self.tables.append(self._told(table, "view", {}, ()) | {"query": view.sql, "means": view.database})
        if self._depth == _DEEPEST:
            raise Terminal(f"NOT_SUPPORTED: Views of views of views: more than {_DEEPEST} of them, one in the other.")
        self._depth += 1
        try:
            self.lay_out(view.sql, view.database)
        except SyntaxProblem as problem:
            raise Terminal(f"INVALID_VIEW: {problem}") from None
        finally:
            self._depth -= 1

    def _add_schema(self, name: str) -> None:
        found = information_schema.TABLES.get(name)
        if found is None:
            return
        names, rows = found
        columns = [{"Name": each, "Type": "bigint" if each == "ordinal_position" else "string"} for each in names]
        entry = {"DatabaseName": information_schema.DATABASE, "Name": name, "StorageDescriptor": {"Columns": columns}}
        told = self._told(entry, "json", {}, ())
        folder = self._root / told["folder"]
        folder.mkdir(parents=True)
        lines = [orjson.dumps(row) for row in rows(self._catalog)]
        if lines:
            (folder / "0").write_bytes(b"\n".join(lines))
            told["count"] = 1
        self.tables.append(told)

    def _add_iceberg(self, location: str, told: Told) -> None:
        """All objects of the table, by numbers: which of them count is said in them, and read by the task."""
        folder = self._root / told["folder"]
        folder.mkdir(parents=True)
        bucket, prefix = split_uri(location)
        told["objects"] = {}
        for number, stored in enumerate(self._caller.each(bucket, f"{prefix.rstrip('/')}/")):
            link(self._caller, Item(bucket, stored, stored.key), str(folder / str(number)))
            told["objects"][f"s3://{bucket}/{stored.key}"] = str(number)
            self.scanned += stored.size

    def _folders(self, table: Mapping[str, Any], keys: Sequence[str]) -> Iterator[tuple[str, str]]:
        """(folder below the table's, location in S3) of each partition, or of the table."""
        if not keys:
            yield "", table["StorageDescriptor"]["Location"]
            return
        for each in self._catalog.partitions(table):
            yield _folder_of(keys, each["Values"]), each["StorageDescriptor"]["Location"]

    def _within(self, location: str) -> Iterator[tuple[str, Stored]]:
        """(bucket, object) of all that lies at a location."""
        bucket, prefix = split_uri(location)
        prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        return ((bucket, stored) for stored in self._caller.each(bucket, prefix))

    def _link(self, found: Iterator[tuple[str, Stored]], folder: Path, *, packed: bool) -> int:
        folder.mkdir(parents=True, exist_ok=True)
        number = 0
        for bucket, stored in found:
            if _holds_rows(stored):
                self._link_one(bucket, stored, folder, number, packed=packed)
                number += 1
        return number

    def _link_projected(self, projected: projection.Projection, folder: Path, *, packed: bool) -> int:
        number = 0
        for stored in self._caller.each(projected.bucket, projected.prefix):
            values = projected.values(stored.key) if _holds_rows(stored) else None
            if values is not None:
                place = folder / _folder_of(projected.keys, values)
                place.mkdir(parents=True, exist_ok=True)
                self._link_one(projected.bucket, stored, place, number, packed=packed)
                number += 1
        return number

    def _link_one(self, bucket: str, stored: Stored, folder: Path, number: int, *, packed: bool) -> None:
        name = stored.key.rpartition("/")[2]
        suffix = ends[0] if packed and (ends := _PACKED.search(name)) else ""
        link(self._caller, Item(bucket, stored, name), str(folder / f"{number}{suffix}"))
        self.scanned += stored.size


def _holds_rows(stored: Stored) -> bool:
    name = stored.key.rpartition("/")[2]
    return bool(stored.size and name) and name[0] not in "_."


def _folder_of(keys: Sequence[str], values: Sequence[str]) -> str:
    parts = [f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in zip(keys, values, strict=True)]
    if any(len(part) > _LONGEST for part in parts):
        raise Terminal("NOT_SUPPORTED: The value of a partition is longer than a file's name.")
    return "/".join(parts)


def _column(column: Mapping[str, Any]) -> dict[str, str]:
    return {"Name": column["Name"].lower(), "Type": column.get("Type", "string")}


def refusal(error: SagewrightError) -> str:
    """What a query fails with, of something that it may not, or that is not there."""
    if isinstance(error, AwsError):
        denied = "AccessDenied" in error.code
        return f"{'PERMISSION_DENIED' if denied else 'GENERIC_USER_ERROR'}: {error.message}"
    return str(error)
