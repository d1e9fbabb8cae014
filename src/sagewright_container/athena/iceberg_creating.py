"""CREATE TABLE … AS of an Iceberg table: columns in Iceberg's words for those of a query, and its rows as files.

asked: `location`, `name`, and `partitioning`, what partitions are told by: [{name, transform, column}].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final

from sagewright_container.athena import iceberg_writing
from sagewright_container.athena.errors import QueryError
from sagewright_container.athena.translate import UNNAMED
from sagewright_container.athena.types import quoted

_FIRST: Final = 1000
_SIMPLE: Final = {
    "boolean": "boolean",
    "tinyint": "int",
    "smallint": "int",
    "integer": "int",
    "bigint": "long",
    "hugeint": "long",
    "uhugeint": "long",
    "ubigint": "long",
    "float": "float",
    "double": "double",
    "varchar": "string",
    "blob": "binary",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_s": "timestamp",
    "timestamp_ms": "timestamp",
    "timestamp_ns": "timestamp",
    "timestamp with time zone": "timestamptz",
}
_CAST: Final = {"int": "INTEGER", "long": "BIGINT", "timestamp": "TIMESTAMP"}


def created(connection: Any, query: str, asked: Mapping[str, Any], output: Path) -> dict[str, Any]:
    """The outcome; with `fields`, the table's columns, and the last number that is in them. Raises QueryError."""
    names = [row[0] for row in connection.execute(f"DESCRIBE {query}").fetchall()]
    for number, name in enumerate(names, 1):
        if name.startswith(UNNAMED):
            raise QueryError(f"MISSING_COLUMN_NAME: Column name not specified at position {number}: name it with AS.")
    if len({name.lower() for name in names}) < len(names):
        raise QueryError("DUPLICATE_COLUMN_NAME: Two columns of the query have the same name: name them apart with AS.")
    connection.execute(f"CREATE TEMP TABLE found AS {query}")
    described = connection.execute("SELECT * FROM found LIMIT 0").description
    connection.fetchall()
    numbers = count(1)
    fields, shown = [], []
    for name, (inner, kind, *_) in zip(names, described, strict=True):
        number = next(numbers)
        made = _type(kind, name, lambda: next(numbers))
        fields.append({"id": number, "name": name.lower(), "required": False, "type": made})
        cast = _CAST.get(made) if isinstance(made, str) else None
        shown.append(f"CAST({quoted(inner)} AS {cast or kind}) AS {quoted(name.lower())}")
    connection.execute(f"CREATE TEMP TABLE result AS SELECT {', '.join(shown)} FROM found")
    known = {each["name"]: each["id"] for each in fields}
    absent = [each["column"] for each in asked["partitioning"] if each["column"] not in known]
    if absent:
        raise QueryError(f"COLUMN_NOT_FOUND: Partitions are told by {absent[0]}, which is no column of the table.")
    spec = [
        {"name": each["name"], "transform": each["transform"], "source-id": known[each["column"]], "field-id": number}
        for number, each in enumerate(asked["partitioning"], _FIRST)
    ]
    told = {**asked, "fields": fields, "schema": 0, "spec": {"spec-id": 0, "fields": spec}}
    written = iceberg_writing.write(connection, "result", told, output / "data")
    rows = connection.execute("SELECT count(*) FROM result").fetchall()[0][0]
    made_of = {**written, "removed": [], "fields": fields, "last": next(numbers) - 1}
    return {"columns": [], "rows": rows, "files": [], "iceberg": made_of}


def _type(kind: Any, name: str, number: Callable[[], int]) -> Any:
    """Iceberg's type for one of DuckDB's, its parts numbered. Raises QueryError."""
    match str(kind.id):
        case "decimal":
            precision, scale = (int(value) for _, value in kind.children)
            return f"decimal({precision}, {scale})"
        case "list" | "array":
            own = number()
            inner = _type(kind.children[0][1], name, number)
            return {"type": "list", "element-id": own, "element": inner, "element-required": False}
        case "map":
            key, value = number(), number()
            kinds = [_type(child, name, number) for _, child in kind.children]
            told = {"key-id": key, "key": kinds[0], "value-id": value, "value": kinds[1]}
            return {"type": "map", **told, "value-required": False}
        case "struct":
            fields = []
            for field, child in kind.children:
                own = number()
                fields.append({"id": own, "name": field, "required": False, "type": _type(child, name, number)})
            return {"type": "struct", "fields": fields}
    found = _SIMPLE.get(str(kind).lower()) or _SIMPLE.get(str(kind.id).lower())
    if found is None:
        raise QueryError(f"NOT_SUPPORTED: An Iceberg table cannot hold the column {name}, which is of the type {kind}.")
    return found
