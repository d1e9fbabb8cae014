"""The tables `information_schema`: what the catalog has, as the caller may see it, for queries to read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sagewright.controllers.athena.catalog import Catalog
from sagewright.dataplane.athena import views

DATABASE: Final = "information_schema"
_CATALOG: Final = "awsdatacatalog"
Row = Mapping[str, str | int | None]


def _schemata(catalog: Catalog) -> Iterator[Row]:
    for database in _databases(catalog):
        yield {"catalog_name": _CATALOG, "schema_name": database}


def _tables(catalog: Catalog) -> Iterator[Row]:
    for table in _every_table(catalog):
        yield {**_named(table), "table_type": "VIEW" if table.get("TableType") == views.KIND else "BASE TABLE"}


def _views(catalog: Catalog) -> Iterator[Row]:
    for table in _every_table(catalog):
        if (view := views.read(table)) is not None:
            yield {**_named(table), "view_definition": view.sql}


def _columns(catalog: Catalog) -> Iterator[Row]:
    for table in _every_table(catalog):
        keys = table.get("PartitionKeys", ())
        columns = table.get("StorageDescriptor", {}).get("Columns", ())
        for number, column in enumerate((*columns, *keys), 1):
            yield {
                **_named(table),
                "column_name": column["Name"].lower(),
                "ordinal_position": number,
                "column_default": None,
                "is_nullable": "YES",
                "data_type": trino_type(column.get("Type", "string")),
                "comment": column.get("Comment"),
                "extra_info": "partition key" if number > len(columns) else None,
            }


_OF_TABLES: Final = ("table_catalog", "table_schema", "table_name")
TABLES: Final[Mapping[str, tuple[tuple[str, ...], Callable[[Catalog], Iterator[Row]]]]] = {
    "schemata": (("catalog_name", "schema_name"), _schemata),
    "tables": ((*_OF_TABLES, "table_type"), _tables),
    "views": ((*_OF_TABLES, "view_definition"), _views),
    "columns": (
        (
            *(*_OF_TABLES, "column_name", "ordinal_position", "column_default"),
            *("is_nullable", "data_type", "comment", "extra_info"),
        ),
        _columns,
    ),
}
"""Names of columns and rows of each. All are text, except `ordinal_position`, a bigint."""


def _databases(catalog: Catalog) -> Iterator[str]:
    for each in catalog.each("GetDatabases", "DatabaseList"):
        yield each["Name"]


def _every_table(catalog: Catalog) -> Iterator[Mapping[str, Any]]:
    for database in _databases(catalog):
        yield from catalog.each("GetTables", "TableList", DatabaseName=database)


def _named(table: Mapping[str, Any]) -> Row:
    names = (_CATALOG, table["DatabaseName"].lower(), table["Name"].lower())
    return dict(zip(_OF_TABLES, names, strict=True))


_WORDS: Final = {
    "string": "varchar",
    "int": "integer",
    "float": "real",
    "binary": "varbinary",
    "timestamp": "timestamp(3)",
    "struct": "row",
}
_PARTS: Final = re.compile(r"\w+\([\d, ]*\)|\w+\s*:|\w+|.")
_SIGNS: Final = {"<": "(", ">": ")", ",": ", "}


def trino_type(hive: str) -> str:
    """A type of the catalog in Trino's words: `array<struct<a:int>>` is `array(row(a integer))`."""
    return "".join(_word(part) for part in _PARTS.findall(hive.lower()) if part.strip())


def _word(part: str) -> str:
    if part.endswith(":"):
        return f"{part[:-1].strip()} "
    return _SIGNS.get(part) or _WORDS.get(part, part)
