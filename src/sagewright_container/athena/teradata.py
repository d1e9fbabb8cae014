"""Functions that Trino has from Teradata, whose formats are spelled in letters: `yyyy-mm-dd hh24:mi:ss`."""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp  # type: ignore[import-not-found]

from sagewright_container.athena.errors import QueryError

_LETTERS: Final = {"yyyy": "%Y", "yy": "%y", "mm": "%m", "dd": "%d", "hh24": "%H", "hh": "%I", "mi": "%M", "ss": "%S"}
_PARTS: Final = re.compile("|".join([*_LETTERS, r"[-/,.;:\s]", "."]), re.DOTALL)


def formatted(tree: exp.Expression) -> None:
    """`to_timestamp(text, format)` as DuckDB's. Raises QueryError where the format is not literal, or has other
    letters."""
    for node in list(tree.find_all(exp.Anonymous)):
        if str(node.this).lower() != "to_timestamp":
            continue
        if len(node.expressions) != 2 or not node.expressions[1].is_string:
            raise QueryError("FUNCTION_NOT_FOUND: to_timestamp takes a text and a format in quotes.")
        text, form = node.expressions
        node.replace(exp.Anonymous(this="strptime", expressions=[text, exp.Literal.string(_translated(form.name))]))


def _translated(form: str) -> str:
    parts = _PARTS.findall(form.lower())
    unknown = [part for part in parts if part.isalnum() and part not in _LETTERS]
    if unknown:
        raise QueryError(f"INVALID_FUNCTION_ARGUMENT: Failed to parse '{form}': {unknown[0]} is no part of a time.")
    return "".join(_LETTERS.get(part, part.replace("%", "%%")) for part in parts)
