"""What CREATE EXTERNAL TABLE and its like say of a table: its name, columns, format and properties."""

from __future__ import annotations

import re
from typing import Final

from sagewright.dataplane.athena.statements import Column, CreateTable, Place
from sagewright.dataplane.athena.tokens import Reader, SyntaxProblem
from sagewright.dataplane.iceberg.schemas import Transform


def place(reader: Reader) -> Place:
    """`table`, `database.table`, or the same behind the catalog's name. SHOW CREATE TABLE puts the whole in quotes."""
    path = reader.name().split(".")
    while reader.take("."):
        path.append(reader.name())
    if len(path) == 3 and path[0] == "awsdatacatalog":
        path = path[1:]
    if len(path) > 2:
        raise SyntaxProblem(f"CATALOG_NOT_FOUND: Catalog '{path[0]}' does not exist. There is AwsDataCatalog.")
    return (path[0], path[1]) if len(path) == 2 else (None, path[0])


def create_table(reader: Reader, *, iceberg: bool = False) -> CreateTable:
    """`iceberg`: a CREATE TABLE, which must say that its table is one of Iceberg's."""
    quiet = reader.take("if", "not", "exists")
    table = place(reader)
    columns = columns_of(reader)
    told: dict[str, object] = {}
    while reader.next.kind != "end":
        if reader.take("comment"):
            told["comment"] = reader.string()
        elif reader.take("partitioned", "by"):
            told.update(transforms=transforms_of(reader)) if iceberg else told.update(partitions=columns_of(reader))
        elif reader.take("row", "format", "serde"):
            told["serde"] = reader.string()
        elif reader.take("row", "format", "delimited"):
            told["serde_properties"] = _delimited(reader)
        elif reader.take("with", "serdeproperties"):
            told["serde_properties"] = properties_of(reader)
        elif reader.take("stored", "as", "inputformat"):
            told["stored_as"] = reader.string()
            reader.want("outputformat")
            reader.string()
        elif reader.take("stored", "as"):
            told["stored_as"] = reader.name()
        elif reader.take("location"):
            told["location"] = reader.string()
        elif reader.take("tblproperties"):
            told["properties"] = properties_of(reader)
        else:
            raise reader.unexpected("PARTITIONED BY, ROW FORMAT, STORED AS, LOCATION or TBLPROPERTIES")
    made = CreateTable(table, quiet, columns, iceberg=iceberg, **told)  # type: ignore[arg-type]
    if (
        iceberg
        and {key.lower(): value for key, value in made.properties.items()}.get("table_type", "").lower() != "iceberg"
    ):
        raise SyntaxProblem(
            "NOT_SUPPORTED: CREATE TABLE makes Iceberg tables: say TBLPROPERTIES ('table_type'='ICEBERG'), or CREATE "
            "EXTERNAL TABLE for others."
        )
    return made


def transforms_of(reader: Reader) -> list[Transform]:
    """(column, day(column), bucket(16, column), …): what an Iceberg table's partitions are told by."""
    reader.want("(")
    found = []
    while True:
        name = reader.name()
        if not reader.take("("):
            found.append(Transform("identity", name))
        else:
            number = None
            if reader.next.kind == "number":
                number = int(float(reader.next.text))
                reader.at += 1
                reader.want(",")
            found.append(_transform(name, reader.name(), number))
            reader.want(")")
        if not reader.take(","):
            reader.want(")")
            return found


def transform_of(text: str) -> Transform:
    """The same of one, as CREATE TABLE … AS has it in a string."""
    [found] = transforms_of(Reader(f"({text})"))
    return found


def _transform(name: str, column: str, number: int | None) -> Transform:
    name = name.removesuffix("s") if name in ("years", "months", "days", "hours") else name
    if name in ("year", "month", "day", "hour") and number is None:
        return Transform(name, column)
    if name in ("bucket", "truncate") and number:
        return Transform(name, column, number)
    raise SyntaxProblem(
        f"NOT_SUPPORTED: Partitions are told by a column, or by year, month, day or hour of it, bucket(n, column) or "
        f"truncate(n, column), not by {name}."
    )


_DELIMITERS: Final = (
    (("fields", "terminated", "by"), "field.delim"),
    (("escaped", "by"), "escape.delim"),
    (("lines", "terminated", "by"), "line.delim"),
    (("collection", "items", "terminated", "by"), "collection.delim"),
    (("map", "keys", "terminated", "by"), "mapkey.delim"),
    (("null", "defined", "as"), "serialization.null.format"),
)


def _delimited(reader: Reader) -> dict[str, str]:
    found: dict[str, str] = {}
    while True:
        key = next((key for words, key in _DELIMITERS if reader.take(*words)), None)
        if key is None:
            return found
        found[key] = _unescaped(reader.string())


_ESCAPED: Final = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES: Final = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "Z": "\x1a"}


def _unescaped(text: str) -> str:
    """A string of Hive's, where a backslash begins what cannot be written otherwise."""
    return _ESCAPED.sub(
        lambda found: chr(int(found[1], 8)) if len(found[1]) == 3 else _ESCAPES.get(found[1], found[1]), text
    )


def columns_of(reader: Reader) -> list[Column]:
    reader.want("(")
    found = []
    while True:
        name, kind = reader.name(), _type(reader)
        found.append((name, kind, reader.string() if reader.take("comment") else ""))
        if not reader.take(","):
            reader.want(")")
            return found


def change_of(reader: Reader) -> tuple[str, Column]:
    """The name of a column; its new name, type and comment."""
    name, new, kind = reader.name(), reader.name(), _type(reader)
    return name, (new, kind, reader.string() if reader.take("comment") else "")


def _type(reader: Reader) -> str:
    """The words of a type, up to a comma, bracket or COMMENT that ends it."""
    depth, text = 0, ""
    while True:
        token = reader.next
        if depth == 0 and (token.text in (",", ")") or token.says("comment") or token.kind == "end"):
            break
        depth += (token.text in ("<", "(")) - (token.text in (">", ")"))
        if token.kind == "end":
            raise reader.unexpected("the end of a type")
        text += token.text.lower()
        reader.at += 1
    if not text:
        raise reader.unexpected("a type")
    return "int" if text == "integer" else text


def properties_of(reader: Reader) -> dict[str, str]:
    found: dict[str, str] = {}
    reader.want("(")
    while True:
        key = reader.property()
        reader.want("=")
        found[key] = _unescaped(reader.property())
        if not reader.take(","):
            reader.want(")")
            return found


def property_names(reader: Reader) -> list[str]:
    reader.want("(")
    found = [reader.property()]
    while reader.take(","):
        found.append(reader.property())
    reader.want(")")
    return found
