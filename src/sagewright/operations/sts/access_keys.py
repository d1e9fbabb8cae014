"""Users' access keys as the edge needs them for every request: the secret, and who signs with it.

No secret is kept anywhere: it is derived from the key's id with the data folder's master key, so that whoever reads
the store alone can sign nothing. What is read is remembered; every write to a user or key makes it forgotten, and
where other servers may write to the same store, so does a second.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sagewright.base.clock import Clock
from sagewright.operations.call import Principal
from sagewright.operations.iam.records import ACCESS_KEY, USER, key
from sagewright.resources.record import Key
from sagewright.store.base import Store

_KEY_ID: Final = re.compile(r"[A-Z0-9]{16,128}")
_REMEMBERED: Final = 4096
_SECONDS: Final = 1.0
"""How long a key counts that another server may have changed meanwhile."""


@dataclass(frozen=True, slots=True)
class _Known:
    secret: str = field(repr=False)
    principal: Principal
    until: float
    """On the monotonic clock."""


class AccessKeys:
    """The users' keys of one account. Any thread may ask."""

    def __init__(self, store: Store, clock: Clock, account: str, secret: Callable[[str], str]) -> None:
        """`secret` derives a key's secret from its id."""
        self._store, self._clock, self._account, self._secret = store, clock, account, secret
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._writes = 0
        store.subscribe(self._forget)

    def find(self, access_key_id: str) -> tuple[str, Principal] | None:
        """The secret of an active key, and its user; None for all others."""
        known = self._known.get(access_key_id)
        if known is not None and self._clock.monotonic() < known.until:
            return known.secret, known.principal
        writes = self._writes
        known = self._read(access_key_id)
        if known is None:
            return None
        with self._lock:
            # What was written while this was being read may have made it old.
            if writes == self._writes:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[access_key_id] = known
        return known.secret, known.principal

    def _read(self, access_key_id: str) -> _Known | None:
        if not _KEY_ID.fullmatch(access_key_id):
            return None  # not all stores can be asked for every text
        record = self._store.get(key(self._account, ACCESS_KEY, access_key_id))
        if record is None or record.spec["Status"] != "Active":
            return None
        user = self._store.get(key(self._account, USER, record.spec["UserName"]))
        if user is None:
            return None
        until = float("inf") if self._store.local else self._clock.monotonic() + _SECONDS
        principal = Principal(self._account, user.status["Arn"], user.status["UserId"], "user")
        return _Known(self._secret(access_key_id), principal, until)

    def _forget(self, written: Key) -> None:
        if written.kind in (ACCESS_KEY, USER):
            with self._lock:
                self._writes += 1
                self._known.clear()
