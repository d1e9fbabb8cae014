"""Schema changes: numbered SQL files, applied in order, appended and never edited.

`NNNN_what.sql` is for every database, `NNNN_what.<dialect>.sql` for one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from typing import Any, Final

Execute = Callable[[str, Sequence[Any]], Sequence[Sequence[Any]]]
"""Runs a statement with its parameters (written as ?) and gives its rows."""

OPTIONAL: Final = "0004_names"
"""The index for substrings of names: a database that has no means for one answers all the same, by looking."""


def migrate(execute: Execute, dialect: str) -> bool:
    """Bring the database to the newest schema, in the caller's transaction. Returns whether OPTIONAL is there."""
    execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY)", ())
    done = {str(row[0]).removesuffix(".sql") for row in execute("SELECT name FROM migrations", ())}
    for name, text in _scripts(dialect):
        if name not in done and _run(execute, name, text):
            execute("INSERT INTO migrations (name) VALUES (?)", (f"{name}.sql",))
            done.add(name)
    return OPTIONAL in done


def _run(execute: Execute, name: str, text: str) -> bool:
    """Whether it was applied; only an optional one may not be."""
    execute("SAVEPOINT migration", ())
    try:
        for statement in statements(text):
            execute(statement, ())
    except Exception:
        execute("ROLLBACK TO SAVEPOINT migration", ())
        if name != OPTIONAL:
            raise
        return False
    execute("RELEASE SAVEPOINT migration", ())
    return True


def _scripts(dialect: str) -> Iterator[tuple[str, str]]:
    folder = resources.files("sagewright.store") / "migrations"
    for script in sorted(folder.iterdir(), key=lambda path: path.name):
        name, *rest = script.name.split(".")
        if rest in (["sql"], [dialect, "sql"]):
            yield name, script.read_text()


def statements(text: str) -> Iterator[str]:
    """The statements of a script, without comments on lines of their own."""
    statement = ""
    for line in text.splitlines(keepends=True):
        if line.startswith("--"):
            continue
        statement += line
        # A trigger holds semicolons of its own: SQLite knows where it ends, and PostgreSQL's scripts have none.
        if sqlite3.complete_statement(statement):
            yield statement.strip().removesuffix(";")
            statement = ""
