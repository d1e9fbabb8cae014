"""Prepared statements as statements make and remove them: PREPARE and DEALLOCATE PREPARE."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AlreadyExists, StaleRecord, Terminal
from sagewright.controllers.athena.ports import Caller
from sagewright.controllers.platform import Platform
from sagewright.resources.query_execution import PREPARED
from sagewright.resources.record import Key, Record
from sagewright.store.base import attempts

_LONGEST: Final = 256
"""Characters of a name."""


class PreparedStatements:
    """Those of the workgroup that a query runs in. Methods raise AwsError for what the caller may not."""

    def __init__(self, platform: Platform, query: Record, caller: Caller) -> None:
        self._platform, self._query, self._caller = platform, query, caller
        self._group: str = query.spec["WorkGroup"]

    def keep(self, name: str, sql: str) -> None:
        """In the place of one of this name."""
        self._allow("CreatePreparedStatement", name)
        key, now, store = self._key(name), self._platform.clock.now(), self._platform.store
        spec = {"QueryStatement": sql}
        for _ in attempts():
            if store.amend(key, lambda record: replace(record, spec=spec, modified=now)) is not None:
                return
            with suppress(AlreadyExists):
                store.create(Record(key, f"{self._query.uid}-prepared", now, now, spec))
                return

    def forget(self, name: str) -> bool:
        """Whether it was there."""
        self._allow("DeletePreparedStatement", name)
        while (record := self._platform.store.get(self._key(name))) is not None:
            try:
                self._platform.store.delete(record)
            except StaleRecord:
                continue
            return True
        return False

    def _key(self, name: str) -> Key:
        return self._query.key._replace(kind=PREPARED, parent=self._group, name=name)

    def _allow(self, operation: str, name: str) -> None:
        if len(name) > _LONGEST:
            raise Terminal(f"SYNTAX_ERROR: The name of a prepared statement has at most {_LONGEST} characters.")
        self._caller.allow("athena", operation, {"WorkGroup": self._group, "StatementName": name})
