"""Types of columns: Hive's, as the catalog has them; DuckDB's; Athena's, as results tell them. And values as text."""

from __future__ import annotations

import re
from typing import Any, Final

from sagewright_container.athena.errors import QueryError

Type = Any
"""A type of DuckDB's (`duckdb.sqltypes.DuckDBPyType`): `id`, and `children` for those that are made of others."""

_HIVE: Final = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "binary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
_SIMPLE: Final = {
    "boolean": ("boolean", "boolean", 0, 0),
    "tinyint": ("tinyint", "tinyint", 3, 0),
    "smallint": ("smallint", "smallint", 5, 0),
    "integer": ("integer", "int", 10, 0),
    "bigint": ("bigint", "bigint", 19, 0),
    "utinyint": ("smallint", "smallint", 5, 0),
    "usmallint": ("integer", "int", 10, 0),
    "uinteger": ("bigint", "bigint", 19, 0),
    "ubigint": ("bigint", "bigint", 19, 0),
    "hugeint": ("bigint", "bigint", 19, 0),
    "uhugeint": ("bigint", "bigint", 19, 0),
    "float": ("float", "float", 17, 0),
    "double": ("double", "double", 17, 0),
    "varchar": ("varchar", "string", 2147483647, 0),
    "blob": ("varbinary", "binary", 1073741824, 0),
    "date": ("date", "date", 0, 0),
    "timestamp": ("timestamp", "timestamp", 3, 0),
    "timestamp_s": ("timestamp", "timestamp", 3, 0),
    "timestamp_ms": ("timestamp", "timestamp", 3, 0),
    "timestamp_ns": ("timestamp", "timestamp", 3, 0),
    "timestamp with time zone": ("timestamp with time zone", "timestamp", 3, 0),
    "time": ("time", "string", 3, 0),
    "interval": ("interval day to second", "string", 0, 0),
    "json": ("json", "string", 0, 0),
    "uuid": ("uuid", "string", 0, 0),
    '"null"': ("unknown", "string", 0, 0),
    "sqlnull": ("unknown", "string", 0, 0),
}
WIDE: Final = ("hugeint", "uhugeint", "ubigint")
"""What DuckDB makes of sums where Trino stays with bigint."""


def from_hive(text: str) -> str:
    """DuckDB's type for one of the catalog. Raises QueryError for one that Athena does not have."""
    found, rest = _hive(text.strip().lower().replace(" ", ""))
    if rest:
        raise QueryError(f"TYPE_NOT_FOUND: The type {text} of a column is none that Athena has.")
    return found


def _hive(text: str) -> tuple[str, str]:
    """The type that a text begins with, and what follows it."""
    if text.startswith("array<"):
        inner, rest = _hive(text[6:])
        return f"{inner}[]", _after(rest, ">")
    if text.startswith("map<"):
        key, rest = _hive(text[4:])
        value, rest = _hive(_after(rest, ","))
        return f"MAP({key}, {value})", _after(rest, ">")
    if text.startswith("struct<"):
        fields, rest = [], text[7:]
        while True:
            name, _, rest = rest.partition(":")
            inner, rest = _hive(rest)
            fields.append(f"{quoted(name)} {inner}")
            if not rest.startswith(","):
                return f"STRUCT({', '.join(fields)})", _after(rest, ">")
            rest = rest[1:]
    if match := re.match(r"decimal(\((\d+)(,(\d+))?\))?", text):
        return f"DECIMAL({match[2] or 10}, {match[4] or 0})", text[match.end() :]
    if match := re.match(r"(varchar|char)(\(\d+\))?", text):
        return "VARCHAR", text[match.end() :]
    match = re.match(r"[a-z]+", text)
    if match is None or match[0] not in _HIVE:
        raise QueryError(f"TYPE_NOT_FOUND: The type {text} of a column is none that Athena has.")
    return _HIVE[match[0]], text[match.end() :]


def _after(text: str, sign: str) -> str:
    if not text.startswith(sign):
        raise QueryError(f"TYPE_NOT_FOUND: A type of a column lacks '{sign}' before '{text}'.")
    return text[1:]


def described(kind: Type) -> dict[str, Any]:
    """Type, Precision and Scale as GetQueryResults tells them, and `hive`, the catalog's name of the type."""
    match str(kind.id):
        case "decimal":
            precision, scale = (int(value) for _, value in kind.children)
            return {"Type": "decimal", "Precision": precision, "Scale": scale, "hive": f"decimal({precision},{scale})"}
        case "list" | "array":
            return {"Type": "array", "Precision": 0, "Scale": 0, "hive": f"array<{_hive_name(kind.children[0][1])}>"}
        case "map":
            (_, key), (_, value) = kind.children
            hive = f"map<{_hive_name(key)},{_hive_name(value)}>"
            return {"Type": "map", "Precision": 0, "Scale": 0, "hive": hive}
        case "struct":
            fields = ",".join(f"{name}:{_hive_name(child)}" for name, child in kind.children)
            return {"Type": "row", "Precision": 0, "Scale": 0, "hive": f"struct<{fields}>"}
        case _:
            simple = _SIMPLE.get(str(kind).lower()) or _SIMPLE.get(str(kind.id).lower())
            if simple is None:
                raise QueryError(f"NOT_SUPPORTED: A column of the result is of the type {kind}: cast it to varchar.")
            name, hive, precision, scale = simple
            return {"Type": name, "Precision": precision, "Scale": scale, "hive": hive}


def _hive_name(kind: Type) -> str:
    return str(described(kind)["hive"])


def trino_name(kind: Type) -> str:
    """The type in Trino's words, as views tell it."""
    match str(kind.id):
        case "list" | "array":
            return f"array({trino_name(kind.children[0][1])})"
        case "map":
            (_, key), (_, value) = kind.children
            return f"map({trino_name(key)}, {trino_name(value)})"
        case "struct":
            return f"row({', '.join(f'{quoted(name)} {trino_name(child)}' for name, child in kind.children)})"
        case "decimal":
            precision, scale = (int(value) for _, value in kind.children)
            return f"decimal({precision},{scale})"
    name = str(described(kind)["Type"])
    return {"float": "real", "timestamp": "timestamp(3)"}.get(name, name)


def text_of(expression: str, kind: Type, depth: int = 0) -> str:
    """An expression of DuckDB's that gives a value as Athena writes it; NULL stays NULL."""
    match str(kind.id):
        case "list" | "array":
            each = f"e{depth}"
            inner = text_of(each, kind.children[0][1], depth + 1)
            parts = f"list_transform({expression}, lambda {each}: coalesce({inner}, 'null'))"
            return f"('[' || array_to_string({parts}, ', ') || ']')"
        case "map":
            (_, key), (_, value) = kind.children
            each = f"e{depth}"
            pair = (
                f"{text_of(f'{each}.key', key, depth + 1)} || '=' || "
                f"coalesce({text_of(f'{each}.value', value, depth + 1)}, 'null')"
            )
            parts = f"list_transform(map_entries({expression}), lambda {each}: {pair})"
            return f"('{{' || array_to_string({parts}, ', ') || '}}')"
        case "struct":
            shown = [(name, text_of(f"{expression}.{quoted(name)}", child, depth + 1)) for name, child in kind.children]
            fields = [f"{literal(name + '=')} || coalesce({text}, 'null')" for name, text in shown]
            joined = " || ', ' || ".join(fields)
            return f"CASE WHEN {expression} IS NOT NULL THEN '{{' || {joined} || '}}' END"
        case "timestamp" | "timestamp_s" | "timestamp_ms" | "timestamp_ns":
            return f"strftime({expression}::TIMESTAMP, '%Y-%m-%d %H:%M:%S.%g')"
        case "timestamp with time zone":
            return f"(strftime({expression}, '%Y-%m-%d %H:%M:%S.%g') || ' UTC')"
        case "blob":
            return f"trim(regexp_replace(lower(hex({expression})), '(..)', '\\1 ', 'g'))"
        case _:
            return f"CAST({expression} AS VARCHAR)"


def schema_of(database: str) -> str:
    """DuckDB's schema for a database of the catalog: some names are DuckDB's own, `information_schema` among them."""
    return f"of_{database}"


def quoted(name: str) -> str:
    """A name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a string."""
    return "'" + text.replace("'", "''") + "'"
