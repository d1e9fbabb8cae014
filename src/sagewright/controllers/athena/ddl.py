"""Statements that change or show the catalog. What each tells is text, as Athena leaves it: a row a line.

They may be carried out again by a server that follows a killed one (`again`): then what is there already, or gone
already, is this statement's own work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import unquote

from sagewright.base.errors import AwsError, Terminal
from sagewright.controllers.athena import formats, iceberg_changes, iceberg_vacuum
from sagewright.controllers.athena.catalog import EXISTS, MISSING, Catalog
from sagewright.controllers.athena.ports import Caller
from sagewright.controllers.athena.prepared import PreparedStatements
from sagewright.controllers.athena.showing import Told, show
from sagewright.controllers.staging import split_uri
from sagewright.dataplane.athena import views
from sagewright.dataplane.athena.statements import (
    AlterPartitions,
    AlterTable,
    CreateDatabase,
    CreateTable,
    Deallocate,
    Drop,
    Prepare,
    Repair,
    Show,
    Statement,
    Vacuum,
)


def carry_out(
    statement: Statement,
    catalog: Catalog,
    caller: Caller,
    prepared: PreparedStatements,
    *,
    query: str,
    now: float,
    again: bool,
) -> Told:
    """`query` is the statement's id, `now` in epoch seconds. Raises Terminal and AwsError with what the statement fails
    with."""
    match statement:
        case CreateDatabase():
            _create_database(statement, catalog, again=again)
        case CreateTable(iceberg=True):
            iceberg_changes.create(statement, catalog, caller, query, int(now * 1000), again=again)
        case CreateTable():
            _create_table(statement, catalog, again=again)
        case Drop():
            _drop(statement, catalog, caller, again=again)
        case AlterPartitions():
            _alter(statement, catalog, again=again)
        case Repair():
            return ["result"], [[line] for line in _repair(statement, catalog, caller)]
        case Show():
            return show(statement, catalog)
        case AlterTable():
            _change(statement, catalog, caller, int(now * 1000))
        case Vacuum():
            iceberg_vacuum.carry_out(statement, catalog, caller, now)
        case Prepare():
            prepared.keep(statement.name, statement.sql)
        case Deallocate():
            if not prepared.forget(statement.name) and not again:
                raise Terminal(f"NOT_FOUND: Prepared statement {statement.name} was not found.")
    return [], []


def _create_database(statement: CreateDatabase, catalog: Catalog, *, again: bool) -> None:
    told = {
        "Name": statement.name,
        "Description": statement.comment,
        "LocationUri": statement.location,
        "Parameters": dict(statement.properties),
    }
    try:
        catalog.ask("CreateDatabase", DatabaseInput={key: value for key, value in told.items() if value})
    except AwsError as error:
        if error.code == EXISTS and (statement.quiet or again):
            return
        raise


def _create_table(statement: CreateTable, catalog: Catalog, *, again: bool) -> None:
    if not statement.location:
        raise Terminal("SYNTAX_ERROR: CREATE EXTERNAL TABLE needs LOCATION 's3://bucket/prefix/'.")
    split_uri(statement.location)
    properties = dict(statement.serde_properties)
    described = formats.descriptor(
        statement.stored_as or "textfile",
        statement.location,
        _columns(statement.columns),
        serde=statement.serde,
        properties=properties,
    )
    database, name = catalog.full(statement.table)
    made: dict[str, Any] = {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", **statement.properties},
        "PartitionKeys": _columns(statement.partitions),
        "StorageDescriptor": described,
    }
    if statement.comment:
        made["Description"] = statement.comment
    try:
        catalog.ask("CreateTable", DatabaseName=database, TableInput=made)
    except AwsError as error:
        if error.code == EXISTS and (statement.quiet or again):
            return
        raise


def _columns(columns: Sequence[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [{"Name": name, "Type": kind, **({"Comment": text} if text else {})} for name, kind, text in columns]


def _drop(statement: Drop, catalog: Catalog, caller: Caller, *, again: bool) -> None:
    try:
        if statement.table is not None:
            _drop_table(statement, catalog, caller)
            return
        assert statement.database is not None
        tables = list(catalog.each("GetTables", "TableList", DatabaseName=statement.database))
        if tables and not statement.cascade:
            raise Terminal(f"GENERIC_USER_ERROR: Database {statement.database} is not empty: drop it with CASCADE.")
        for table in tables:
            catalog.ask("DeleteTable", DatabaseName=statement.database, Name=table["Name"])
        catalog.ask("DeleteDatabase", Name=statement.database)
    except AwsError as error:
        if error.code == MISSING and (statement.quiet or again):
            return
        raise


def _drop_table(statement: Drop, catalog: Catalog, caller: Caller) -> None:
    database, name = catalog.full((statement.database, statement.table or ""))
    there = catalog.find(database, name)
    if there is not None and (there.get("TableType") == views.KIND) != statement.view:
        what, other = ("a view", "VIEW") if there.get("TableType") == views.KIND else ("a table", "TABLE")
        raise Terminal(f"GENERIC_USER_ERROR: {database}.{name} is {what}: say DROP {other}.")
    catalog.ask("DeleteTable", DatabaseName=database, Name=name)
    if there is not None and iceberg_changes.is_iceberg(there):
        iceberg_vacuum.drop(there, caller)


_UNTOLD: Final = frozenset(
    ("DatabaseName", "CreateTime", "UpdateTime", "CreatedBy", "IsRegisteredWithLakeFormation", "CatalogId", "VersionId")
)
"""What GetTable tells and UpdateTable does not take."""


def _change(statement: AlterTable, catalog: Catalog, caller: Caller, now: int) -> None:
    """ALTER TABLE of what is in the table's entry; it may be done again."""
    table = catalog.table(statement.table)
    if table.get("TableType") == views.KIND:
        raise Terminal(f"GENERIC_USER_ERROR: {table['DatabaseName']}.{table['Name']} is a view: CREATE OR REPLACE it.")
    if iceberg_changes.is_iceberg(table):
        iceberg_changes.alter(statement, table, catalog, caller, now)
        return
    if statement.dropped or statement.changed:
        what = "CHANGE COLUMN" if statement.changed else "DROP COLUMN"
        raise Terminal(f"NOT_SUPPORTED: ALTER TABLE {what} is for Iceberg tables: say REPLACE COLUMNS (…).")
    descriptor = dict(table["StorageDescriptor"])
    if statement.replaced:
        descriptor["Columns"] = _columns(statement.replaced)
    if statement.added:
        known = {each["Name"].lower() for each in descriptor["Columns"]}
        keys = {each["Name"].lower() for each in table.get("PartitionKeys", ())}
        taken = [name for name, _, _ in statement.added if name in keys]
        if taken:
            raise Terminal(f"GENERIC_USER_ERROR: {taken[0]} is a partition key of the table.")
        added = [each for each in statement.added if each[0] not in known]
        descriptor["Columns"] = [*descriptor["Columns"], *_columns(added)]
    if statement.location:
        split_uri(statement.location)
        descriptor["Location"] = statement.location
    told = {name: value for name, value in table.items() if name not in _UNTOLD}
    kept = {key: value for key, value in table.get("Parameters", {}).items() if key not in statement.unset}
    told |= {"StorageDescriptor": descriptor, "Parameters": {**kept, **statement.properties}}
    catalog.ask("UpdateTable", DatabaseName=table["DatabaseName"], TableInput=told)


def _alter(statement: AlterPartitions, catalog: Catalog, *, again: bool) -> None:
    table = catalog.table(statement.table)
    keys = [each["Name"].lower() for each in table.get("PartitionKeys", ())]
    for values, _ in statement.partitions:
        if sorted(values) != sorted(keys):
            raise Terminal(
                f"SYNTAX_ERROR: A partition of this table is told by its keys: {', '.join(keys) or 'it has none'}."
            )
    if statement.add:
        base = table["StorageDescriptor"]["Location"].rstrip("/")
        added = [
            ([values[key] for key in keys], place or f"{base}/{'/'.join(f'{key}={values[key]}' for key in keys)}/")
            for values, place in statement.partitions
        ]
        if catalog.add_partitions(table, added) < len(added) and not (statement.quiet or again):
            raise Terminal("GENERIC_USER_ERROR: A partition is there already: say IF NOT EXISTS.")
        return
    for values, _ in statement.partitions:
        try:
            named = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
            catalog.ask("DeletePartition", **named, PartitionValues=[values[key] for key in keys])
        except AwsError as error:
            if error.code != MISSING or not (statement.quiet or again):
                raise


def _repair(statement: Repair, catalog: Catalog, caller: Caller) -> Iterator[str]:
    """Partitions for all folders `key=value/…` below the table's that have none."""
    table = catalog.table(statement.table)
    keys = [each["Name"].lower() for each in table.get("PartitionKeys", ())]
    if not keys:
        raise Terminal("GENERIC_USER_ERROR: The table has no partitions to repair.")
    location = f"{table['StorageDescriptor']['Location'].rstrip('/')}/"
    bucket, prefix = split_uri(location)
    known = {tuple(each["Values"]) for each in catalog.partitions(table)}
    found: dict[tuple[str, ...], str] = {}
    for key, _, _ in caller.list(bucket, prefix):
        parts = key[len(prefix) :].split("/")[: len(keys)]
        pairs = [part.partition("=") for part in parts]
        if len(key[len(prefix) :].split("/")) > len(keys) and [pair[0].lower() for pair in pairs] == keys:
            found.setdefault(tuple(unquote(pair[2]) for pair in pairs), f"{location}{'/'.join(parts)}/")
    added = [(list(values), place) for values, place in found.items() if values not in known]
    catalog.add_partitions(table, added)
    name = f"{catalog.full(statement.table)[1]}"
    if added:
        yield "Partitions not in metastore: " + " ".join(f"{name}:{'/'.join(values)}" for values, _ in added)
    for _, place in added:
        yield f"Repair: Added partition to metastore {name}:{place.removeprefix(location).rstrip('/')}"
