"""Records kept from changing for a moment, from another process than the server: for backups."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sagewright.base.errors import SagewrightError

DUMP: Final = "records.dump"
_WAIT: Final = 20.0


class NotHeld(SagewrightError):
    """The records could not be kept still: the message is for the user."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Records that nobody can write just now."""

    release: Callable[[], object] = lambda: None
    """Let writers go on."""
    copy: Callable[[Path], None] = lambda _folder: None
    """Put the records, as they were while they were held, into a folder; nothing to do where they are in a file."""


Held = Callable[[], AbstractContextManager[Holding]]


@contextmanager
def nothing() -> Iterator[Holding]:
    """There are no records to hold."""
    yield Holding()


def in_sqlite(path: Path) -> Held:
    """Be SQLite's writer for a moment. The file itself is copied like every other database."""

    @contextmanager
    def held() -> Iterator[Holding]:
        connection = sqlite3.connect(path, isolation_level=None, timeout=_WAIT)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield Holding(release=connection.rollback)
        except sqlite3.DatabaseError as error:
            raise NotHeld(f"{path}: {error}") from error
        finally:
            connection.close()

    return held


def in_postgres(url: str) -> Held:
    """Lock the records' tables for a moment; what is dumped afterwards is the state of that moment."""

    @contextmanager
    def held() -> Iterator[Holding]:
        program = shutil.which("pg_dump")
        if program is None:
            raise NotHeld("pg_dump is not on the PATH. It comes with PostgreSQL's client programs.")
        try:
            import psycopg
        except ImportError:
            raise NotHeld("records in PostgreSQL need psycopg: pip install 'sagewright[postgres]'") from None
        try:
            with psycopg.connect(url) as locking, psycopg.connect(url, autocommit=True) as seeing:
                locking.execute("LOCK TABLE records, facets IN SHARE MODE")
                seeing.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                row = seeing.execute("SELECT pg_export_snapshot()").fetchone()
                assert row is not None
                snapshot: str = row[0]
                yield Holding(locking.rollback, lambda folder: _dump(program, url, snapshot, folder / DUMP))
        except psycopg.Error as error:
            raise NotHeld(f"the database cannot be read: {error}") from error

    return held


def _dump(program: str, url: str, snapshot: str, target: Path) -> None:
    from psycopg.conninfo import conninfo_to_dict

    # In the environment, where other users do not see a password.
    names = {"dbname": "PGDATABASE", "application_name": "PGAPPNAME"}
    given = {
        names.get(name, f"PG{name.replace('_', '').upper()}"): str(value)
        for name, value in conninfo_to_dict(url).items()
        if value is not None
    }
    command = [program, "--format=custom", f"--snapshot={snapshot}", f"--file={target}"]
    done = subprocess.run(command, env={**os.environ, **given}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotHeld(f"pg_dump failed: {done.stderr.strip()[-500:]}")
    target.chmod(0o600)
