"""Iceberg tables as statements change them: made, altered, written to, cleaned up and dropped.

A commit is an update of the catalog's table, which fails where somebody else's came first; then it is tried on the
table as it is by now. The snapshot of a query says which query it was, so that it is not committed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from sagewright.base.errors import AwsError, Terminal
from sagewright.controllers import iceberg_documents as documents
from sagewright.controllers.athena.catalog import EXISTS, Catalog
from sagewright.controllers.athena.ports import Caller
from sagewright.controllers.staging import split_uri
from sagewright.dataplane.athena.statements import AlterTable, CreateTable
from sagewright.dataplane.athena.table_definitions import transform_of
from sagewright.dataplane.athena.tokens import SyntaxProblem
from sagewright.dataplane.iceberg import commits, schemas
from sagewright.dataplane.iceberg.commits import BadTable, Change, Metadata, Moved, Read, Written
from sagewright.dataplane.iceberg.manifests import Manifest

Told = Mapping[str, Any]
_TRIES: Final = 10
_QUERY: Final = "sagewright.query"
"""In the summary of a snapshot: the query that made it."""
_OPERATIONS: Final = {"INSERT": "append", "CREATE": "append", "OPTIMIZE": "replace"}
_OTHERS: Final = "ConcurrentModificationException"
_SETTINGS: Final = ("vacuum_", "optimize_", "write_target_")
_TABLE: Final = frozenset(("table_type", "format", "write_compression"))
"""Properties that are the table's format, and are not kept in it."""


def is_iceberg(table: Told) -> bool:
    return str(table.get("Parameters", {}).get("table_type", "")).upper() == "ICEBERG"


def wanted(kind: str, table: Told, name: str, columns: Any) -> dict[str, Any]:
    """The `output` that the toolkit is asked for. Raises Terminal."""
    if not is_iceberg(table):
        raise Terminal(f"NOT_SUPPORTED: Modifying Hive table rows is not supported: {kind} is for Iceberg tables.")
    return {
        "change": kind,
        "database": table["DatabaseName"].lower(),
        "table": table["Name"].lower(),
        "columns": list(columns),
        "name": name,
    }


def wanted_new(options: Told, place: tuple[str, str], name: str, default: str) -> dict[str, Any]:
    """The same of CREATE TABLE … AS; `default` is where the table lies if it does not say."""
    _check_form(str(options.get("format", "parquet")))
    told_by = options.get("partitioning", options.get("partitioned_by", ()))
    try:
        transforms = [transform_of(text) for text in told_by]
    except SyntaxProblem as error:
        raise Terminal(str(error)) from None
    return {
        "change": "CREATE",
        "database": place[0],
        "table": place[1],
        "columns": [],
        "name": name,
        "location": str(options.get("location", options.get("external_location", default))).rstrip("/"),
        "partitioning": [{"name": each.field, "transform": each.text, "column": each.column} for each in transforms],
        "properties": {key: str(value) for key, value in options.items() if key.startswith(_SETTINGS)},
    }


def _check_form(form: str) -> None:
    """Raises Terminal for what files of Iceberg tables are not."""
    if form.lower() != "parquet":
        raise Terminal(f"NOT_SUPPORTED: Sagewright's Athena keeps Iceberg tables as PARQUET, not as {form.upper()}.")


def _make(catalog: Catalog, caller: Caller, asked: Told, told: Told, now: int) -> None:
    """The table of a CREATE TABLE … AS, unless it is there."""
    place = asked["database"], asked["table"]
    there = catalog.find(*place)
    if there is not None:
        if there["StorageDescriptor"].get("Location") != asked["location"]:
            raise Terminal(f"TABLE_ALREADY_EXISTS: Table 'awsdatacatalog.{'.'.join(place)}' already exists")
        return
    transforms = [schemas.Transform.read(each["transform"], each["column"]) for each in asked["partitioning"]]
    try:
        made = schemas.created_of(
            asked["name"], asked["location"], told["fields"], told["last"], transforms, asked["properties"], now
        )
    except BadTable as error:
        raise Terminal(str(error)) from None
    _enter(catalog, caller, place, asked["location"], made, quiet=False)


def keep(catalog: Catalog, caller: Caller, asked: Told, outcome: Told, data: Path, now: int) -> None:
    """What a query wrote, into the table. It may be done again. `now` is in milliseconds."""
    place, told = (asked["database"], asked["table"]), outcome["iceberg"]
    if asked["change"] == "CREATE":
        _make(catalog, caller, asked, told, now)
    table = catalog.table(place)
    location = documents.load(caller, documents.document_of(table))["location"].rstrip("/")
    bucket, prefix = split_uri(location)
    for key, path in told["objects"].items():
        caller.put_file(bucket, f"{prefix.rstrip('/')}/{key}", data / path)
    manifest = told["manifest"]
    if manifest is None and not told["removed"]:
        return
    added = []
    if manifest is not None:
        counted = (manifest[name] for name in ("size", "spec", "files", "rows", "bytes"))
        added = [Manifest(f"{location}/{manifest['key']}", *counted)]
    usual = "delete" if not added else "overwrite"

    def change(document: Metadata, at: str, read: Read) -> Written | None:
        if any(each.get("summary", {}).get(_QUERY) == asked["name"] for each in document.get("snapshots", ())):
            return None
        made = Change(
            _OPERATIONS.get(asked["change"], usual) if asked["change"] != "MERGE" or told["removed"] else "append",
            hashlib.sha256(f"{asked['name']}/{at}".encode()).hexdigest(),
            now,
            added=added,
            removed=frozenset(told["removed"]),
            summary={_QUERY: asked["name"]},
        )
        return commits.committed(document, at, made, read)

    commit(catalog, caller, place, change)


def commit(
    catalog: Catalog,
    caller: Caller,
    place: tuple[str, str],
    change: Callable[[Metadata, str, Read], Written | None],
) -> None:
    """`change` is given the table's document, where that lies, and how objects are read; it may give None, for nothing
    that is to be done."""
    for _ in range(_TRIES):
        table = catalog.table(place)
        try:
            at = documents.document_of(table)
            document = documents.load(caller, at)
            written = change(document, at, lambda uri: documents.read(caller, uri))
        except Moved as error:
            raise Terminal(
                f"ICEBERG_COMMIT_ERROR: Failed to commit Iceberg update to table: {'.'.join(place)}: {error} Somebody "
                "else wrote to it meanwhile. Run the statement again."
            ) from None
        except BadTable as error:
            text = str(error)
            raise Terminal(text if text.partition(":")[0].isupper() else f"ICEBERG_BAD_DATA: {text}") from None
        if written is None:
            return
        try:
            documents.replace(caller, catalog.ask, (place[0], table["Name"]), document["location"], table, written)
        except AwsError as error:
            if error.code != _OTHERS:
                raise
            continue
        return
    raise Terminal(
        f"ICEBERG_COMMIT_ERROR: Failed to commit Iceberg update to table: {'.'.join(place)}: others were quicker, "
        "again and again. Run the statement again."
    )


def create(statement: CreateTable, catalog: Catalog, caller: Caller, seed: str, now: int, *, again: bool) -> None:
    """CREATE TABLE. `seed` is something that no other statement has."""
    database, name = catalog.full(statement.table)
    if catalog.find(database, name) is not None and (statement.quiet or again):
        return
    if not statement.location:
        raise Terminal("INVALID_TABLE_PROPERTY: An Iceberg table needs a LOCATION: LOCATION 's3://bucket/prefix/'.")
    _check_form({key.lower(): value for key, value in statement.properties.items()}.get("format", "parquet"))
    properties = {key: value for key, value in statement.properties.items() if key.lower() not in _TABLE}
    location = statement.location.rstrip("/")
    try:
        made = schemas.created(seed, location, statement.columns, statement.transforms, properties, now)
    except BadTable as error:
        raise Terminal(str(error)) from None
    _enter(catalog, caller, (database, name), location, made, quiet=statement.quiet or again)


def _enter(
    catalog: Catalog, caller: Caller, place: tuple[str, str], location: str, made: Written, *, quiet: bool
) -> None:
    """A new table into the catalog."""
    documents.put(caller, location, made)
    entered = documents.entry(place[1], location, made, {})
    try:
        catalog.ask("CreateTable", DatabaseName=place[0], TableInput=entered)
    except AwsError as error:
        if error.code != EXISTS or not quiet:
            raise


def alter(statement: AlterTable, table: Told, catalog: Catalog, caller: Caller, now: int) -> None:
    """ALTER TABLE; it may be done again."""
    if statement.replaced or statement.location:
        what = "REPLACE COLUMNS" if statement.replaced else "SET LOCATION"
        raise Terminal(f"NOT_SUPPORTED: ALTER TABLE {what} is not for Iceberg tables.")

    def change(document: Metadata, at: str, _read: Read) -> Written | None:
        made = _altered(document, statement)
        return None if made == document else commits.succeeded(dict(made), [], at, now, "altered")

    commit(catalog, caller, (table["DatabaseName"], table["Name"]), change)


def _altered(document: Metadata, statement: AlterTable) -> Metadata:
    if statement.added:
        return schemas.added(document, statement.added)
    if statement.dropped:
        return schemas.dropped(document, statement.dropped)
    if statement.changed is not None:
        name, column = statement.changed
        there = {each["name"].lower() for each in commits.current_schema(document)["fields"]}
        return schemas.changed(document, column[0] if name not in there else name, column)
    properties = {**document.get("properties", {}), **statement.properties}
    return {**document, "properties": {key: value for key, value in properties.items() if key not in statement.unset}}
