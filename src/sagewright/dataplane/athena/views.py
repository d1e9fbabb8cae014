"""Views as Athena keeps them in the catalog: the query and its columns as JSON in base 64, in `ViewOriginalText`.

    /* Presto View: eyJvcmlnaW5hbFNxbCI6… */

The JSON has `originalSql`, `catalog` and `schema` (what the query meant where it named none), and `columns`, each with
`name` and `type` (Trino's). Tools that read the catalog, awswrangler among them, read the same.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

_BEGINS: Final = "/* Presto View: "
_ENDS: Final = " */"
KIND: Final = "VIRTUAL_VIEW"


@dataclass(frozen=True, slots=True)
class View:
    """A view's query, and the database that it means where it names none."""

    sql: str
    database: str


def read(table: Mapping[str, Any]) -> View | None:
    """The view that an entry of the catalog is; None for one that Athena has not made."""
    text = table.get("ViewOriginalText", "")
    if not text.startswith(_BEGINS) or not text.endswith(_ENDS):
        return None
    try:
        told = orjson.loads(base64.b64decode(text[len(_BEGINS) : -len(_ENDS)], validate=True))
        return View(str(told["originalSql"]), str(told.get("schema", table["DatabaseName"])).lower())
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError):
        return None


def entry(name: str, view: View, columns: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The TableInput of a view; `columns` have Name, `hive` and `trino`, a type in the words of both."""
    told = {
        "originalSql": view.sql,
        "catalog": "awsdatacatalog",
        "schema": view.database,
        "columns": [{"name": each["Name"], "type": each["trino"]} for each in columns],
    }
    return {
        "Name": name,
        "TableType": KIND,
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": each["Name"], "Type": each["hive"]} for each in columns],
            "Location": "",
            "SerdeInfo": {},
        },
        "ViewOriginalText": f"{_BEGINS}{base64.b64encode(orjson.dumps(told)).decode()}{_ENDS}",
        "ViewExpandedText": "/* Presto View */",
    }
