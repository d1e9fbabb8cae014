"""The tables that a query may read: what the catalog says of them, and links to their files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sagewright.base.errors import AwsError, SagewrightError, Terminal, Transient
from sagewright.controllers.athena import formats
from sagewright.controllers.athena.catalog import Catalog
from sagewright.controllers.athena.ports import Caller
from sagewright.controllers.channels.keeping import link
from sagewright.controllers.channels.listing import Item
from sagewright.controllers.staging import split_uri
from sagewright.dataplane.athena.tokens import candidates

_PACKED: Final = re.compile(r"\.(gz|zst)$")
_LONGEST: Final = 255
"""Bytes of a file's name."""

Told = dict[str, Any]


class Reading:
    """Lays tables out below a folder, as the toolkit's `athena.tables` finds them."""

    def __init__(self, caller: Caller, catalog: Catalog, root: Path) -> None:
        self._caller, self._catalog, self._root = caller, catalog, root
        self.tables: list[Told] = []
        self.refused: dict[str, str] = {}
        """Why tables may not be read, by `database.name`: it matters to a query that does read one."""
        self.scanned = 0
        """Bytes of all files."""
        self._folder = count()
        """A number is not used again for the next table where one was refused half-way."""

    def lay_out(self, sql: str) -> None:
        """All tables that the query may mean."""
        known: set[str] = set()
        for database, name in candidates(sql):
            place = database or self._catalog.database, name
            full = ".".join(place)
            if full in known:
                continue
            known.add(full)
            try:
                table = self._catalog.find(*place)
                if table is not None:
                    self._add(table)
            except Transient:
                raise
            except SagewrightError as error:
                self.refused[full] = refusal(error)

    def _add(self, table: Mapping[str, Any]) -> None:
        form, options = formats.of(table)
        keys = [_column(each) for each in table.get("PartitionKeys", ())]
        told = {
            "database": table["DatabaseName"].lower(),
            "name": table["Name"].lower(),
            "columns": [_column(each) for each in table.get("StorageDescriptor", {}).get("Columns", ())],
            "partition_keys": keys,
            "format": form,
            "options": options,
            "folder": str(next(self._folder)),
            "count": 0,
        }
        if form == "iceberg":
            self._add_iceberg(table["StorageDescriptor"]["Location"], told)
        elif form in ("parquet", "csv", "text", "json"):
            folder = self._root / told["folder"]
            folder.mkdir(parents=True)
            for place, location in self._folders(table, [each["Name"] for each in keys]):
                told["count"] += self._link(location, folder / place, packed=form != "parquet")
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
            parts = [
                f"{quote(key, safe='')}={quote(value, safe='')}"
                for key, value in zip(keys, each["Values"], strict=True)
            ]
            if any(len(part) > _LONGEST for part in parts):
                raise Terminal(
                    f"NOT_SUPPORTED: The value of a partition of {table['Name']} is longer than a file's name."
                )
            yield "/".join(parts), each["StorageDescriptor"]["Location"]

    def _link(self, location: str, folder: Path, *, packed: bool) -> int:
        bucket, prefix = split_uri(location)
        prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        folder.mkdir(parents=True, exist_ok=True)
        number = 0
        for stored in self._caller.each(bucket, prefix):
            name = stored.key.rpartition("/")[2]
            if not stored.size or not name or name[0] in "_.":
                continue
            suffix = found[0] if packed and (found := _PACKED.search(name)) else ""
            link(self._caller, Item(bucket, stored, name), str(folder / f"{number}{suffix}"))
            number += 1
            self.scanned += stored.size
        return number


def _column(column: Mapping[str, Any]) -> dict[str, str]:
    return {"Name": column["Name"].lower(), "Type": column.get("Type", "string")}


def refusal(error: SagewrightError) -> str:
    """What a query fails with, of something that it may not, or that is not there."""
    if isinstance(error, AwsError):
        denied = "AccessDenied" in error.code
        return f"{'PERMISSION_DENIED' if denied else 'GENERIC_USER_ERROR'}: {error.message}"
    return str(error)
