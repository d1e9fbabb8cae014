"""Iceberg tables: from the table's document over lists of manifests to the data files of a snapshot.

All objects of a table lie in its folder under numbers; `objects` of what is told of it has these by their addresses,
`options["document"]` is the address of the document. Files tell columns apart by numbers, so that names may change.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import fastavro

from sagewright_container.athena.errors import QueryError
from sagewright_container.athena.types import literal, quoted

Table = Mapping[str, Any]
Document = Mapping[str, Any]
Snapshot = Mapping[str, Any]
FILE, ROW = "$sagewright_file", "$sagewright_row"
"""Columns that say where a row lies, for statements that change rows."""
_GONE: Final = 2
"""The status of an entry whose file was removed."""
_SIMPLE: Final = {
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "string": "VARCHAR",
    "uuid": "UUID",
    "binary": "BLOB",
}


class Iceberg:
    """A table, as one of its documents says it is. Methods raise QueryError for what cannot be read here."""

    def __init__(self, table: Table, root: str) -> None:
        self._table = table
        self._where = Path(root) / table["folder"]
        self.document: Document = json.loads((self._where / self._place(table["options"]["document"])).read_bytes())

    @property
    def name(self) -> str:
        return f"{self._table['database']}.{self._table['name']}"

    # Snapshots.

    @property
    def current(self) -> Snapshot | None:
        return self.snapshot(self.document.get("current-snapshot-id"))

    def snapshot(self, number: object) -> Snapshot | None:
        return next((each for each in self.document.get("snapshots", ()) if each["snapshot-id"] == number), None)

    def of_number(self, number: int) -> Snapshot:
        found = self.snapshot(number)
        if found is None:
            raise QueryError(f"INVALID_ARGUMENTS: Iceberg snapshot ID does not exists: {number}")
        return found

    def of_reference(self, name: str) -> Snapshot:
        """That a branch or a tag names."""
        found = self.snapshot(self.document.get("refs", {}).get(name, {}).get("snapshot-id"))
        if found is None:
            raise QueryError(f"INVALID_ARGUMENTS: Cannot find snapshot with reference name: {name}")
        return found

    def at(self, milliseconds: int) -> Snapshot:
        """That was the current one at a moment."""
        log = self.document.get("snapshot-log", ())
        before = [each for each in log if each["timestamp-ms"] <= milliseconds]
        found = self.snapshot(before[-1]["snapshot-id"]) if before else None
        if found is None:
            raise QueryError(
                f'INVALID_ARGUMENTS: No version history table "{self._table["database"]}"."{self._table["name"]}" '
                f"at or before {_shown(milliseconds)}"
            )
        if len(before) < len(log) and before[-1]["timestamp-ms"] < milliseconds:
            self._check_known(before[-1], log[len(before)], milliseconds)
        return found

    def _check_known(self, last: Mapping[str, Any], following: Mapping[str, Any], milliseconds: int) -> None:
        """Raises QueryError where snapshots between two of the log were forgotten: one of them was the current one."""
        parent = (self.snapshot(following["snapshot-id"]) or {}).get("parent-snapshot-id")
        if parent not in (None, last["snapshot-id"]) and self.snapshot(parent) is None:
            raise QueryError(
                f"INVALID_ARGUMENTS: The snapshot of {self.name} at {_shown(milliseconds)} has expired. The nearest "
                f"that are kept are those of {_shown(last['timestamp-ms'])} and {_shown(following['timestamp-ms'])}."
            )

    # Columns.

    @property
    def fields(self) -> Sequence[Mapping[str, Any]]:
        """The columns that the table has now."""
        return self.fields_of(self.document["current-schema-id"])

    def fields_of(self, schema: int) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = next(
            each for each in self.document["schemas"] if each["schema-id"] == schema
        )["fields"]
        names = {each["name"].lower() for each in found}
        if len(names) != len(found):
            raise QueryError(f"NOT_SUPPORTED: Columns of {self.name} differ in upper and lower case only.")
        return found

    def kind(self, kind: Any) -> str:
        """DuckDB's type for one of Iceberg's."""
        if isinstance(kind, str):
            if kind.startswith("decimal"):
                return kind.upper()
            if kind.startswith("fixed"):
                return "BLOB"
            if kind in _SIMPLE:
                return _SIMPLE[kind]
        elif kind["type"] == "list":
            return f"{self.kind(kind['element'])}[]"
        elif kind["type"] == "map":
            return f"MAP({self.kind(kind['key'])}, {self.kind(kind['value'])})"
        elif kind["type"] == "struct":
            inner = [f"{quoted(each['name'])} {self.kind(each['type'])}" for each in kind["fields"]]
            return f"STRUCT({', '.join(inner)})"
        raise QueryError(f"NOT_SUPPORTED: A column of {self.name} has the type {kind}.")

    # Files.

    def manifests(self, snapshot: Snapshot | None) -> Iterator[dict[str, Any]]:
        if snapshot is None:
            return
        if "manifest-list" not in snapshot:
            raise QueryError(f"NOT_SUPPORTED: {self.name} is an early Iceberg table without lists of manifests.")
        yield from self._rows(snapshot["manifest-list"])

    def entries(self, manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The files of a manifest that are there, each with the table's numbers for its snapshot and sequence."""
        for entry in self._rows(manifest["manifest_path"]):
            if entry["status"] != _GONE:
                yield entry

    def files(self, snapshot: Snapshot | None) -> Iterator[dict[str, Any]]:
        """What is told of each data file of a snapshot, with the number of its partitions' layout as `spec`."""
        for manifest in self.manifests(snapshot):
            for entry in self.entries(manifest):
                file = entry["data_file"]
                if manifest.get("content") or file.get("content"):
                    raise QueryError(
                        f"NOT_SUPPORTED: Rows of {self.name} were deleted by delete files. Sagewright's Athena reads "
                        "Iceberg tables whose data files were rewritten instead (copy-on-write)."
                    )
                if file["file_format"].upper() != "PARQUET":
                    raise QueryError(f"NOT_SUPPORTED: {self.name} has files of the format {file['file_format']}.")
                yield {**file, "spec": manifest["partition_spec_id"]}

    def path(self, uri: str) -> str:
        """Where an object lies here."""
        return str(self._where / self._place(uri))

    def _rows(self, uri: str) -> Iterator[dict[str, Any]]:
        with Path(self.path(uri)).open("rb") as file:
            yield from cast("Iterator[dict[str, Any]]", fastavro.reader(file))  # the lists' schemas are records

    def _place(self, uri: str) -> str:
        for scheme in ("s3a://", "s3n://"):
            uri = uri.replace(scheme, "s3://", 1) if uri.startswith(scheme) else uri
        found = self._table["objects"].get(uri)
        if found is None:
            raise QueryError(f"ICEBERG_FILESYSTEM_ERROR: {self.name} names {uri}, which does not lie in its location.")
        return str(found)


def _shown(milliseconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def select(iceberg: Iceberg, snapshot: Snapshot | None, schema: int, *, placed: bool = False) -> str:
    """A query of the rows that a snapshot has, of none no rows, with the columns of a schema; `placed`: with FILE, the
    place of each row's file here, and ROW, its number therein."""
    fields = iceberg.fields_of(schema)
    names = [quoted(each["name"].lower()) for each in fields]
    kinds = [iceberg.kind(each["type"]) for each in fields]
    files = [iceberg.path(each["file_path"]) for each in iceberg.files(snapshot)]
    if not files:
        nothing = [*zip(names, kinds, strict=True)]
        nothing += [(quoted(FILE), "VARCHAR"), (quoted(ROW), "BIGINT")] if placed else []
        return f"SELECT {', '.join(f'CAST(NULL AS {kind}) AS {name}' for name, kind in nothing)} WHERE false"
    told = ", ".join(
        f"{each['id']}: {{name: {literal(each['name'].lower())}, type: {literal(kind)}, default_value: NULL}}"
        for each, kind in zip(fields, kinds, strict=True)
    )
    source = f"[{', '.join(map(literal, files))}], schema=MAP {{{told}}}"
    if placed:
        names += [quoted(FILE), f"file_row_number AS {quoted(ROW)}"]
        source += f", filename={literal(FILE)}, file_row_number=true"
    return f"SELECT {', '.join(names)} FROM read_parquet({source})"


def select_now(iceberg: Iceberg, *, placed: bool = False) -> str:
    """The rows that the table has, in the columns that it has: some may have come since the last were written."""
    return select(iceberg, iceberg.current, iceberg.document["current-schema-id"], placed=placed)


def select_then(iceberg: Iceberg, snapshot: Snapshot) -> str:
    """The rows and columns of an earlier moment."""
    return select(iceberg, snapshot, snapshot.get("schema-id", iceberg.document["current-schema-id"]))
