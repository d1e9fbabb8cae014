"""Records and leases in an SQL database: what SQLite and PostgreSQL share. Statements are written out: building them
from expressions took longer than running them."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from sagewright.resources.record import Key, Record
from sagewright.store import cursor
from sagewright.store.base import Page, Query, Store
from sagewright.store.plans import Dialect, Listing
from sagewright.store.statements import COLUMNS, GET, HOLDER, Row, columns, record_of


class SqlStore(Store):
    """The port over a database that runs statements."""

    dialect: ClassVar[Dialect]
    _searchable: bool
    """Whether there is an index of names' substrings."""

    @abstractmethod
    def _rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        """What a statement that only reads finds. Parameters are written as `?`."""

    def get(self, key: Key) -> Record | None:
        rows = self._rows(GET, columns(key))
        return record_of(rows[0]) if rows else None

    def list(self, query: Query, *, limit: int, after: str | None = None) -> Page:
        mark = None if after is None else cursor.decode(after, query.sort_by)
        rows = self._listing(query).page(limit + 1, mark)
        records = [record_of(row) for row in rows[:limit]]
        more = len(rows) > limit and bool(records)
        return Page(records, cursor.encode(records[-1], query.sort_by) if more else None)

    def count(self, query: Query) -> int:
        return self._listing(query).count()

    def holder(self, name: str, *, now: float) -> str | None:
        rows = self._rows(HOLDER, (name, now))
        return rows[0][0] if rows else None

    def _listing(self, query: Query) -> Listing:
        return Listing(query, self._rows, self.dialect, searchable=self._searchable)

    def unsettled(self, kind: str, settled: Sequence[str]) -> Sequence[Record]:
        # There are few states, and the settled ones hold nearly all records: each place and state is asked for once.
        found = [record for place in self._states(kind) if place[2] not in settled for record in self._in(kind, place)]
        wished = f"SELECT {COLUMNS} FROM records WHERE kind = ? AND intent <> 'run'"
        seen = {record.key for record in found}
        found += [record for record in map(record_of, self._rows(wished, (kind,))) if record.key not in seen]
        # What stands in no region has no index by state.
        nowhere = f"SELECT {COLUMNS} FROM records WHERE kind = ? AND account = ? AND region = '' AND intent = 'run'"
        for account in self._accounts(kind):
            found += [
                each for each in map(record_of, self._rows(nowhere, (kind, account))) if each.state not in settled
            ]
        return found

    def _states(self, kind: str) -> Sequence[tuple[str, str, str]]:
        """Every (account, region, state) that a kind's records in regions have."""
        index = self.dialect.index("records_by_state")
        sql = (
            f"SELECT account, region, state FROM records{index} WHERE kind = ? AND region <> '' "
            "AND (account, region, state, created) > (?, ?, ?, ?) ORDER BY account, region, state, created LIMIT 1"
        )
        # The greatest number: SQLite would walk through all records of the state that it stands at.
        found: list[tuple[str, str, str]] = []
        place = ("", "", "")
        while rows := self._rows(sql, (kind, *place, sys.float_info.max)):
            place = (rows[0][0], rows[0][1], rows[0][2])
            found.append(place)
        return found

    def _in(self, kind: str, place: tuple[str, str, str]) -> Sequence[Record]:
        index = self.dialect.index("records_by_state")
        sql = (
            f"SELECT {COLUMNS} FROM records{index} WHERE kind = ? AND account = ? AND region = ? AND state = ? "
            "AND region <> ''"
        )
        return [record_of(row) for row in self._rows(sql, (kind, *place))]

    def _accounts(self, kind: str) -> Sequence[str]:
        """Every account that has records of a kind in no region."""
        sql = "SELECT account FROM records WHERE kind = ? AND account > ? ORDER BY account LIMIT 1"
        found: list[str] = []
        account = ""
        while rows := self._rows(sql, (kind, account)):
            account = rows[0][0]
            found.append(account)
        return found
