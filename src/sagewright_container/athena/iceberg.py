"""Iceberg tables: from the table's document over lists of manifests to the data files of a snapshot.

All objects of a table lie in its folder under numbers; `objects` of what is told of it has these by their addresses,
`options["document"]` is the address of the document. Files tell columns apart by numbers, so that names may change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import fastavro

from sagewright_container.athena.errors import QueryError
from sagewright_container.athena.types import literal, quoted

Table = Mapping[str, Any]
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


def select(table: Table, root: str) -> str:
    """A query of the table's rows. Raises QueryError for a table that cannot be read here."""
    where = Path(root) / table["folder"]
    document = json.loads(_bytes(table, where, table["options"]["document"]))
    return select_at(table, where, document, document.get("current-snapshot-id"))


def select_at(table: Table, where: Path, document: Mapping[str, Any], number: int | None) -> str:
    """The same of one of its snapshots; of none, no rows."""
    found = next((each for each in document.get("snapshots", ()) if each["snapshot-id"] == number), None)
    wanted = document["current-schema-id"] if found is None else found.get("schema-id", document["current-schema-id"])
    if found is not None and number == document.get("current-snapshot-id"):
        wanted = document["current-schema-id"]  # columns may have come since
    fields = next(each for each in document["schemas"] if each["schema-id"] == wanted)["fields"]
    files = [] if found is None else [str(where / _place(table, uri)) for uri in _data_files(table, where, found)]
    names = [each["name"] for each in fields]
    if len({name.lower() for name in names}) != len(names):
        raise QueryError(f"NOT_SUPPORTED: Columns of {_full(table)} differ in upper and lower case only.")
    kinds = [_kind(table, each["type"]) for each in fields]
    if not files:
        return "SELECT " + ", ".join(
            f"CAST(NULL AS {kind}) AS {quoted(name.lower())}" for name, kind in zip(names, kinds, strict=True)
        ) + " WHERE false"  # fmt: skip
    schema = ", ".join(
        f"{each['id']}: {{name: {literal(each['name'].lower())}, type: {literal(kind)}, default_value: NULL}}"
        for each, kind in zip(fields, kinds, strict=True)
    )
    listed = ", ".join(map(literal, files))
    shown = ", ".join(quoted(name.lower()) for name in names)
    return f"SELECT {shown} FROM read_parquet([{listed}], schema=MAP {{{schema}}})"


def _data_files(table: Table, where: Path, snapshot: Mapping[str, Any]) -> Iterator[str]:
    if "manifest-list" not in snapshot:
        raise QueryError(f"NOT_SUPPORTED: {_full(table)} is an early Iceberg table without lists of manifests.")
    for manifest in _rows(table, where, snapshot["manifest-list"]):
        for entry in _rows(table, where, manifest["manifest_path"]):
            if entry["status"] == _GONE:
                continue
            file = entry["data_file"]
            if manifest.get("content") or file.get("content"):
                raise QueryError(
                    f"NOT_SUPPORTED: Rows of {_full(table)} were deleted by delete files. Sagewright's Athena reads "
                    "Iceberg tables whose data files were rewritten instead (copy-on-write)."
                )
            if file["file_format"].upper() != "PARQUET":
                raise QueryError(f"NOT_SUPPORTED: {_full(table)} has files of the format {file['file_format']}.")
            yield file["file_path"]


def _rows(table: Table, where: Path, uri: str) -> Iterator[dict[str, Any]]:
    with (where / _place(table, uri)).open("rb") as file:
        yield from cast("Iterator[dict[str, Any]]", fastavro.reader(file))  # the lists' schemas are records


def _bytes(table: Table, where: Path, uri: str) -> bytes:
    return (where / _place(table, uri)).read_bytes()


def _place(table: Table, uri: str) -> str:
    for scheme in ("s3a://", "s3n://"):
        uri = uri.replace(scheme, "s3://", 1) if uri.startswith(scheme) else uri
    found = table["objects"].get(uri)
    if found is None:
        raise QueryError(f"ICEBERG_FILESYSTEM_ERROR: {_full(table)} names {uri}, which does not lie in its location.")
    return str(found)


def _kind(table: Table, kind: Any) -> str:
    """DuckDB's type for one of Iceberg's."""
    if isinstance(kind, str):
        if kind.startswith("decimal"):
            return kind.upper()
        if kind.startswith("fixed"):
            return "BLOB"
        if kind in _SIMPLE:
            return _SIMPLE[kind]
    elif kind["type"] == "list":
        return f"{_kind(table, kind['element'])}[]"
    elif kind["type"] == "map":
        return f"MAP({_kind(table, kind['key'])}, {_kind(table, kind['value'])})"
    elif kind["type"] == "struct":
        inner = [f"{quoted(each['name'])} {_kind(table, each['type'])}" for each in kind["fields"]]
        return f"STRUCT({', '.join(inner)})"
    raise QueryError(f"NOT_SUPPORTED: A column of {_full(table)} has the type {kind}.")


def _full(table: Table) -> str:
    return f"{table['database']}.{table['name']}"
