"""When keys and roles were used last: noted in memory for each request, written down now and then.

A server that is killed forgets the last minutes. The note is the `LastUsed` of an access key's or role's status.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, Final

from sagewright.base.clock import Clock
from sagewright.base.errors import StaleRecord, Transient
from sagewright.operations.call import Principal
from sagewright.operations.iam.records import ACCESS_KEY, ROLE, key
from sagewright.resources.arn import Arn
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store

_EVERY: Final = 300.0
"""Seconds between two writes."""


class LastUsed:
    """The notes of one server. Any thread may call any method; `note` waits for nothing."""

    def __init__(self, store: Store, clock: Clock, account: str) -> None:
        self._store, self._clock, self._account = store, clock, account
        self._lock = threading.Lock()
        self._subjects = lru_cache(maxsize=1024)(self._subject)
        self._notes: dict[Key, Mapping[str, Any]] = {}
        self._written = clock.monotonic()

    def note(self, principal: Principal, access_key_id: str, *, service: str, region: str) -> None:
        """A request was signed well by this key. The root key's use is not noted."""
        subject = self._subjects(principal, access_key_id)
        if subject is None:
            return
        self._notes[subject] = {"Date": float(int(self._clock.now())), "ServiceName": service, "Region": region}
        if self._clock.monotonic() - self._written < _EVERY:
            return
        with self._lock:
            due = self._clock.monotonic() - self._written >= _EVERY
            if due:
                self._written = self._clock.monotonic()
        if due:
            threading.Thread(target=self.flush, name="last-used", daemon=True).start()

    def of(self, record: Record) -> Mapping[str, Any]:
        """`Date` (epoch seconds), `ServiceName` and `Region` of a key's or role's last use; empty if it had none."""
        found: Mapping[str, Any] = self._notes.get(record.key) or record.status.get("LastUsed", {})
        return found if found.get("Date", 0.0) >= record.created else {}

    def flush(self) -> None:
        """Write down what is noted."""
        with self._lock:
            notes, self._notes = self._notes, {}
        for subject, noted in notes.items():
            # It is busy, or the database is away: its next use is noted again.
            with contextlib.suppress(StaleRecord, Transient):
                self._store.amend(subject, partial(_with, noted))

    def _subject(self, principal: Principal, access_key_id: str) -> Key | None:
        if principal.kind == "role":
            return key(self._account, ROLE, Arn.parse(principal.arn).resource.split("/")[1])
        if principal.kind == "user" and principal.session is None:
            return key(self._account, ACCESS_KEY, access_key_id)
        return None


def _with(noted: Mapping[str, Any], record: Record) -> Record:
    return replace(record, status={**record.status, "LastUsed": noted})
