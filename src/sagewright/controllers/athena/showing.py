"""SHOW and DESCRIBE: the catalog as text, a row a line, as Athena leaves it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sagewright.base.errors import Terminal
from sagewright.controllers.athena.catalog import Catalog
from sagewright.dataplane.athena import views
from sagewright.dataplane.athena.statements import Show

Told = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Names of columns, and rows."""


def show(statement: Show, catalog: Catalog) -> Told:
    """Raises Terminal and AwsError with what the statement fails with."""
    match statement.what:
        case "databases":
            names = [each["Name"] for each in catalog.each("GetDatabases", "DatabaseList")]
            return ["database_name"], [[name] for name in sorted(names) if _like(name, statement.pattern)]
        case "tables":
            database = statement.table[0] or catalog.database
            names = [each["Name"] for each in catalog.each("GetTables", "TableList", DatabaseName=database)]
            return ["tab_name"], [[name] for name in sorted(names) if _like(name, statement.pattern)]
        case "views":
            database = statement.table[0] or catalog.database
            tables = catalog.each("GetTables", "TableList", DatabaseName=database)
            names = [each["Name"] for each in tables if each.get("TableType") == views.KIND]
            return ["views"], [[name] for name in sorted(names) if _like(name, statement.pattern)]
    table = catalog.table(statement.table)
    keys = table.get("PartitionKeys", ())
    columns = [*table["StorageDescriptor"].get("Columns", ()), *keys]
    match statement.what:
        case "columns":
            return ["field"], [[each["Name"]] for each in columns]
        case "tblproperties":
            return ["prpt_name", "prpt_value"], [list(each) for each in sorted(table.get("Parameters", {}).items())]
        case "create_table":
            return ["createtab_stmt"], [[line] for line in _create_table(table)]
        case "create_view":
            return ["Create View"], [[line] for line in _create_view(table)]
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


def _create_view(table: Mapping[str, Any]) -> Iterator[str]:
    view = views.read(table)
    if view is None:
        raise Terminal(f"GENERIC_USER_ERROR: {table['DatabaseName']}.{table['Name']} is no view of Athena's.")
    yield f'CREATE VIEW "{table["DatabaseName"]}"."{table["Name"]}" AS'
    yield from view.sql.splitlines()


def _create_table(table: Mapping[str, Any]) -> Iterator[str]:
    """The statement that makes the table, in the lines that Hive breaks it into."""
    if table.get("TableType") == views.KIND:
        raise Terminal(f"GENERIC_USER_ERROR: {table['DatabaseName']}.{table['Name']} is a view: SHOW CREATE VIEW.")
    descriptor = table["StorageDescriptor"]
    serde = descriptor.get("SerdeInfo", {})
    yield f"CREATE EXTERNAL TABLE `{table['DatabaseName']}.{table['Name']}`("
    yield from _listed([_column(each) for each in descriptor["Columns"]])
    if table.get("Description"):
        yield f"COMMENT {_text(table['Description'])}"
    if table.get("PartitionKeys"):
        yield "PARTITIONED BY ( "
        yield from _listed([_column(each) for each in table["PartitionKeys"]])
    yield "ROW FORMAT SERDE "
    yield f"  {_text(serde.get('SerializationLibrary', ''))} "
    if serde.get("Parameters"):
        yield "WITH SERDEPROPERTIES ( "
        yield from _listed(_properties(serde["Parameters"]))
    yield "STORED AS INPUTFORMAT "
    yield f"  {_text(descriptor.get('InputFormat', ''))} "
    yield "OUTPUTFORMAT "
    yield f"  {_text(descriptor.get('OutputFormat', ''))}"
    yield "LOCATION"
    yield f"  {_text(descriptor.get('Location', ''))}"
    if told := _properties({name: value for name, value in table.get("Parameters", {}).items() if name != "EXTERNAL"}):
        yield "TBLPROPERTIES ("
        yield from _listed(told)


def _column(column: Mapping[str, str]) -> str:
    comment = f" COMMENT {_text(column['Comment'])}" if column.get("Comment") else ""
    return f"`{column['Name']}` {column.get('Type', 'string')}{comment}"


def _properties(told: Mapping[str, str]) -> list[str]:
    return [f"{_text(name)}={_text(value)}" for name, value in sorted(told.items())]


def _listed(items: Sequence[str]) -> Iterator[str]:
    for number, item in enumerate(items, 1):
        yield f"  {item}{')' if number == len(items) else ', '}"


def _text(value: str) -> str:
    """A string as Hive reads it; lines in it would break the row."""
    for plain, escaped in (("\\", "\\\\"), ("'", "''"), ("\t", "\\t"), ("\n", "\\n"), ("\x01", "\\001")):
        value = value.replace(plain, escaped)
    return f"'{value}'"
