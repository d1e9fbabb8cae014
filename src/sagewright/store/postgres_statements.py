"""How statements with `?` for their parameters, and text with NULs in it, are said to PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import psycopg

from sagewright.store.statements import Row

Connection = psycopg.Connection[Any]


class Cursor:
    """A cursor that takes parameters as `?`, and text with the two characters that have to be spelled otherwise."""

    def __init__(self, connection: Connection) -> None:
        self._cursor = connection.cursor()

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    def execute(self, sql: str, parameters: Sequence[Any], /) -> object:
        return self._cursor.execute(spelled(sql), [stored(value) for value in parameters])

    def fetchall(self) -> Sequence[Row]:
        return [read(row) for row in self._cursor.fetchall()] if self._cursor.description is not None else ()

    def fetchone(self) -> Row | None:
        row = self._cursor.fetchone() if self._cursor.description is not None else None
        return None if row is None else read(row)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.fetchall())


class Statements:
    """A transaction, with what telemetry asks of any database (`telemetry/database.py`)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        cursor = Cursor(self._connection)
        cursor.execute(sql, parameters)
        return cursor

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> object:
        values = [[stored(value) for value in row] for row in rows]
        if values:
            self._connection.cursor().executemany(spelled(sql), values)
        return None


@lru_cache(maxsize=1024)
def spelled(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def stored(value: Any) -> Any:
    """PostgreSQL keeps no NUL: it and the character after it are spelled with two, which keeps the order."""
    if isinstance(value, str) and ("\0" in value or "\1" in value):
        return value.replace("\1", "\1\2").replace("\0", "\1\1")
    if isinstance(value, list):
        return [stored(each) for each in value]
    return value


def read(row: Row) -> Row:
    if not any(isinstance(value, str) and "\1" in value for value in row):
        return row
    return [value.replace("\1\1", "\0").replace("\1\2", "\1") if isinstance(value, str) else value for value in row]
