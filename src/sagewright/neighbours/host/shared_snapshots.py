"""Snapshots in a PostgreSQL database, for servers that share one: each has a process of neighbours of its own.

They take turns. In its turn a process sees what the others changed since, does one question, and writes down what that
changed and its answer in one transaction; so none needs to know of another, and any may die at any moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from sagewright.neighbours.host.snapshots import Snapshot, Snapshots, Unit, Unreadable

_TURN: Final = 0x5A70
"""The advisory lock that is held during a turn."""
_PUT: Final = (
    "INSERT INTO neighbour (service, account, region, modules, moto, state, version) "
    "VALUES (%s, %s, %s, %s, %s, %s, nextval('neighbour_version')) ON CONFLICT (service, account, region) DO UPDATE "
    "SET modules = excluded.modules, moto = excluded.moto, state = excluded.state, version = excluded.version "
    "RETURNING version"
)


class SharedSnapshots(Snapshots):
    """Used by the worker's thread alone. What psycopg raises ends the process: the next one begins with the truth."""

    shared = True

    def __init__(self, url: str, *, moto: str, server: str) -> None:
        self._moto, self._server = moto, server
        self._connection = psycopg.connect(url, autocommit=True, application_name="sagewright-neighbours")
        # Who is stopped in the middle of its turn loses it.
        self._connection.execute("SET idle_in_transaction_session_timeout = '30s'")
        self._seen: dict[Unit, int] = {}
        """The versions that this process has read or written."""
        # A server that has been gone for a day asks nothing again.
        self._connection.execute("DELETE FROM neighbour_answer WHERE at < now() - interval '1 day'")

    @contextmanager
    def turn(self) -> Iterator[list[Unit]]:
        """Nobody else's turn; gives the units that others have changed since the last one."""
        with self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (_TURN,))
            rows = self._connection.execute("SELECT service, account, region, version FROM neighbour").fetchall()
            versions = {Unit(*row[:3]): row[3] for row in rows}
            yield [unit for unit, version in versions.items() if self._seen.get(unit) != version]

    def units(self) -> list[Unit]:
        rows = self._connection.execute("SELECT service, account, region FROM neighbour").fetchall()
        return [Unit(*row) for row in rows]

    def read(self, unit: Unit) -> Snapshot | None:
        sql = "SELECT modules, moto, state, version FROM neighbour WHERE (service, account, region) = (%s, %s, %s)"
        row = self._connection.execute(sql, (unit.service, unit.account, unit.region)).fetchone()
        if row is None:
            return None
        if row[1] != self._moto:
            raise Unreadable(
                f"{self.where(unit)} was written by moto {row[1]}, and this Sagewright holds moto {self._moto}. "
                "Run the same Sagewright on all servers that share a database."
            )
        self._seen[unit] = row[3]
        return Snapshot(row[0].split(","), bytes(row[2]))

    def answer(self, number: int) -> bytes | None:
        sql = "SELECT bytes FROM neighbour_answer WHERE server = %s AND number = %s"
        row = self._connection.execute(sql, (self._server, number)).fetchone()
        return bytes(row[0]) if row else None

    def commit(self, changed: Mapping[Unit, Snapshot], answers: Mapping[int, bytes], *, settled: int) -> None:
        """Written when the turn ends."""
        for unit, kept in changed.items():
            values = (unit.service, unit.account, unit.region, ",".join(kept.modules), self._moto, kept.state)
            row: Any = self._connection.execute(_PUT, values).fetchone()
            self._seen[unit] = row[0]
        self._connection.execute(
            "DELETE FROM neighbour_answer WHERE server = %s AND number < %s", (self._server, settled)
        )
        for number, data in answers.items():
            self._connection.execute(
                "INSERT INTO neighbour_answer (server, number, bytes) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (self._server, number, data),
            )

    def where(self, unit: Unit) -> str:
        return f"The snapshot of {unit.service} in {unit.region} in the database"
