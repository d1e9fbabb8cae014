"""Statements that change or show the catalog. What each tells is text, as Athena leaves it: a row a line.

They may be carried out again by a server that follows a killed one (`again`): then what is there already, or gone
already, is this statement's own work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from sagewright.base.errors import AwsError, Terminal
from sagewright.controllers.athena import formats
from sagewright.controllers.athena.catalog import EXISTS, MISSING, Catalog
from sagewright.controllers.athena.ports import Caller
from sagewright.controllers.staging import split_uri
from sagewright.dataplane.athena.statements import (
    AlterPartitions,
    CreateDatabase,
    CreateTable,
    Drop,
    Repair,
    Show,
    Statement,
)

Told = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Names of columns, and rows."""


def carry_out(statement: Statement, catalog: Catalog, caller: Caller, *, again: bool) -> Told:
    """Raises Terminal and AwsError with what the statement fails with."""
    match statement:
        case CreateDatabase():
            _create_database(statement, catalog, again=again)
        case CreateTable():
            _create_table(statement, catalog, again=again)
        case Drop():
            _drop(statement, catalog, again=again)
        case AlterPartitions():
            _alter(statement, catalog, again=again)
        case Repair():
            return ["result"], [[line] for line in _repair(statement, catalog, caller)]
        case Show():
            return _show(statement, catalog)
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


def _drop(statement: Drop, catalog: Catalog, *, again: bool) -> None:
    try:
        if statement.table is not None:
            catalog.ask("DeleteTable", DatabaseName=statement.database or catalog.database, Name=statement.table)
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


def _show(statement: Show, catalog: Catalog) -> Told:
    match statement.what:
        case "databases":
            names = [each["Name"] for each in catalog.each("GetDatabases", "DatabaseList")]
            return ["database_name"], [[name] for name in sorted(names) if _like(name, statement.pattern)]
        case "tables":
            database = statement.table[0] or catalog.database
            names = [each["Name"] for each in catalog.each("GetTables", "TableList", DatabaseName=database)]
            return ["tab_name"], [[name] for name in sorted(names) if _like(name, statement.pattern)]
    table = catalog.table(statement.table)
    keys = table.get("PartitionKeys", ())
    columns = [*table["StorageDescriptor"]["Columns"], *keys]
    match statement.what:
        case "columns":
            return ["field"], [[each["Name"]] for each in columns]
        case "tblproperties":
            return ["prpt_name", "prpt_value"], [list(each) for each in sorted(table.get("Parameters", {}).items())]
        case "partitions":
            if not keys:
                raise Terminal("GENERIC_USER_ERROR: The table has no partitions.")
            return ["partition"], [[_partition(keys, each["Values"])] for each in catalog.partitions(table)]
    rows = [[each["Name"], each.get("Type", "string"), each.get("Comment", "")] for each in columns]
    return ["col_name", "data_type", "comment"], rows


def _partition(keys: Sequence[Mapping[str, str]], values: Sequence[str]) -> str:
    return "/".join(f"{key['Name']}={value}" for key, value in zip(keys, values, strict=True))


def _like(name: str, pattern: str) -> bool:
    """Hive's patterns: `*` for anything, `|` for or."""
    if not pattern:
        return True
    expression = "|".join(".*".join(map(re.escape, part.split("*"))) for part in pattern.split("|"))
    return re.fullmatch(expression, name, re.IGNORECASE) is not None
