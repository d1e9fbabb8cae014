"""Snapshots: the file in which all that the neighbours know is kept. One row per service, account and region.

SQLite, because several rows have to change at once (a message leaves a topic and arrives in a queue) and because a
copy of the data folder can then be made while the server runs.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS snapshot (
    service TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL,
    modules TEXT NOT NULL, moto TEXT NOT NULL, state BLOB NOT NULL,
    PRIMARY KEY (service, account, region)
);
CREATE TABLE IF NOT EXISTS answer (server TEXT NOT NULL, number INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (server, number));
"""


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """What is kept as one: a service in an account and a region."""

    service: str
    """moto's name of it."""
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A unit as it was."""

    modules: Sequence[str]
    """The services whose backends are in it."""
    state: bytes


class Unreadable(Exception):
    """Something kept cannot be read. Nothing is written over it; the message says where it is."""


class Snapshots:
    """The file. Any thread may use it."""

    shared = False
    """Whether processes of other servers change it too."""

    def __init__(self, path: Path | None, *, moto: str, server: str) -> None:
        """`moto` is the version whose objects are kept; `server` tells one server's answers from another's."""
        self._path, self._moto, self._server = path, moto, server
        self._lock = threading.Lock()
        self._broken: str | None = None
        try:
            self._file = self._open()
        except sqlite3.DatabaseError as error:
            self._broken = _unreadable(path, error)
            self._file = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)

    def _open(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.touch(mode=0o600)
        file = sqlite3.connect(self._path or ":memory:", check_same_thread=False, isolation_level=None, timeout=20)
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL"):
                file.execute(f"PRAGMA {pragma}")
            file.executescript(_TABLES)
            # Nobody asks again what an earlier server asked.
            file.execute("DELETE FROM answer WHERE server <> ?", (self._server,))
        except sqlite3.DatabaseError:
            file.close()
            raise
        return file

    @contextmanager
    def turn(self) -> Iterator[Sequence[Unit]]:
        """While a question is done; gives the units that other processes have changed since the last one."""
        yield ()

    def units(self) -> list[Unit]:
        """Which are kept. Raises Unreadable."""
        return [Unit(*row) for row in self._rows("SELECT service, account, region FROM snapshot")]

    def read(self, unit: Unit) -> Snapshot | None:
        """The newest that is on disk; None when there is none. Raises Unreadable."""
        sql = "SELECT modules, moto, state FROM snapshot WHERE service = ? AND account = ? AND region = ?"
        rows = self._rows(sql, unit.service, unit.account, unit.region)
        if not rows:
            return None
        row = rows[0]
        if row[1] != self._moto:
            raise Unreadable(
                f"{self.where(unit)} was written by moto {row[1]}, and this Sagewright holds moto {self._moto}. "
                "Use the Sagewright that wrote it, or move the file away to begin anew."
            )
        return Snapshot(row[0].split(","), row[2])

    def answer(self, number: int) -> bytes | None:
        """What this server was already answered to a question. Raises Unreadable."""
        rows = self._rows("SELECT bytes FROM answer WHERE server = ? AND number = ?", self._server, number)
        return bytes(rows[0][0]) if rows else None

    def commit(self, changed: Mapping[Unit, Snapshot], answers: Mapping[int, bytes], *, settled: int) -> None:
        """On disk when it returns, all or nothing. Raises sqlite3.Error. Answers below `settled` are forgotten."""
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                self._file.executemany(
                    "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        (unit.service, unit.account, unit.region, ",".join(kept.modules), self._moto, kept.state)
                        for unit, kept in changed.items()
                    ],
                )
                self._file.execute("DELETE FROM answer WHERE server = ? AND number < ?", (self._server, settled))
                self._file.executemany(
                    "INSERT OR REPLACE INTO answer VALUES (?, ?, ?)",
                    [(self._server, number, data) for number, data in answers.items()],
                )
                self._file.execute("COMMIT")
            except BaseException:
                if self._file.in_transaction:
                    self._file.execute("ROLLBACK")
                raise

    def where(self, unit: Unit) -> str:
        """A unit's place, for people."""
        return f"The snapshot of {unit.service} in {unit.region} in {self._path or 'memory'}"

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        if self._broken is not None:
            raise Unreadable(self._broken)
        try:
            with self._lock:
                return self._file.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise Unreadable(_unreadable(self._path, error)) from error


def _unreadable(path: Path | None, error: Exception) -> str:
    return f"{path} cannot be read ({error}). Put a backup in its place; Sagewright does not change it."
