"""moto's backends, with their life on disk: taken from snapshots when first touched, kept when they changed.

moto reaches every backend by `backends[account][region]`. That is where this file looks on: it learns which backends a
call touched, and brings those that are only on disk.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterable
from typing import Any, Final

import moto.backends
from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend

from sagewright.neighbours.host import pickling
from sagewright.neighbours.host.snapshots import Snapshot, Snapshots, Unit, Unreadable
from sagewright.neighbours.table import NEIGHBOURS, TOGETHER

_log = logging.getLogger(__name__)
_KEPT: Final = frozenset(row.module for row in NEIGHBOURS.values())
_get_region: Final = AccountSpecificBackend.__getitem__
_get_account: Final = BackendDict.__getitem__


class Backends:
    """One thread uses it, and another calls `committed`; there is one per process."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._touched: set[Unit] = set()
        self._made: set[Unit] = set()
        self._brought: set[str] = set()
        self._lock = threading.Lock()
        self._uncommitted: dict[Unit, Snapshot] = {}
        self._unreadable: Unreadable | None = None

    def look_on(self) -> None:
        """From now on, see what is touched."""

        def get_account(backends: Any, account: str) -> Any:
            self._bring_all(pickling.module_of(backends.backend))
            return _get_account(backends, account)

        def get_region(regions: Any, region: str) -> Any:
            # moto's own word for a service without regions.
            return self._get(regions, "aws" if region == "global" else region)

        BackendDict.__getitem__ = get_account  # type: ignore[method-assign]
        AccountSpecificBackend.__getitem__ = get_region  # type: ignore[method-assign]

    def begin(self) -> None:
        """Before a call."""
        self._touched.clear()
        self._made.clear()
        self._unreadable = None

    def refresh(self, units: Iterable[Unit]) -> None:
        """Take over what another process has made of these, where this one has them. Raises Unreadable."""
        for unit in units:
            if unit.service in self._brought or _homes(unit):
                self._restore(unit)

    def modules(self, account: str, region: str) -> list[str]:
        """Those services of moto's that hold something there, in memory or on disk."""
        held = {unit for unit in self._snapshots.units() if (unit.account, unit.region) == (account, region)}
        with self._lock:
            held |= {unit for unit in self._uncommitted if (unit.account, unit.region) == (account, region)}
        return sorted(
            {unit.service for unit in held}
            | {module for module, home in TOGETHER.items() if Unit(home, account, region) in held}
        )

    def keep(self, *, changes: bool) -> dict[Unit, Snapshot]:
        """After a call that was done: what has to be on disk before it is answered.

        Of a call that changes nothing, that is what it brought into being, such as the default VPC and its random ids.
        Raises Unreadable when the call met something that cannot be read.
        """
        if self._unreadable is not None:
            raise self._unreadable
        kept = {}
        for unit in list(self._touched if changes else self._made):
            states = [(module, vars(regions[unit.region])) for module, regions in _homes(unit)]
            kept[unit] = Snapshot([module for module, _ in states], pickling.dump([state for _, state in states]))
        return kept

    def hand_on(self, kept: dict[Unit, Snapshot]) -> None:
        """These are to be written: from now on a unit is what they say, whether they are on disk yet or not."""
        with self._lock:
            self._uncommitted.update(kept)

    def undo(self, *, changes: bool) -> None:
        """After a call that was refused: nothing of it stays.

        Raises Unreadable when the call met that: moto may have taken it for a fault of its own.
        """
        for unit in self._made:
            for _, regions in _homes(unit):
                del regions[unit.region]
        if self._unreadable is not None:
            raise self._unreadable
        if changes:
            for unit in self._touched - self._made:
                self._restore(unit)

    def committed(self, kept: Iterable[tuple[Unit, Snapshot]]) -> None:
        """These are on disk."""
        with self._lock:
            for unit, snapshot in kept:
                if self._uncommitted.get(unit) is snapshot:
                    del self._uncommitted[unit]

    def _get(self, regions: Any, region: str) -> BaseBackend:
        module = pickling.module_of(regions.backend)
        if module not in _KEPT:
            foreign: BaseBackend = _get_region(regions, region)
            return foreign
        unit = Unit(TOGETHER.get(module, module), regions.account_id, region)
        if not dict.__contains__(regions, region):
            was_there = bool(_homes(unit))
            _get_region(regions, region)  # makes it; raises KeyError for a region that AWS does not have
            if not was_there:
                self._made.add(unit)
        self._touched.add(unit)
        found: BaseBackend = dict.__getitem__(regions, region)
        return found

    def _bring_all(self, module: str) -> None:
        """All of a service is brought when it is first touched: some operations look through every region."""
        home = TOGETHER.get(module, module)
        if home in self._brought or module not in _KEPT:
            return
        self._brought.add(home)
        try:
            for unit in self._snapshots.units():
                if unit.service == home and not _homes(unit):
                    self._restore(unit)
        except Unreadable as error:
            self._brought.discard(home)
            self._unreadable = error
            raise

    def _restore(self, unit: Unit) -> None:
        """Make a unit what it was last. Its backends stay the objects that they are, since others refer to them."""
        kept = self._uncommitted.get(unit) or self._snapshots.read(unit)
        if kept is None:
            return
        for module, regions in _homes(unit):
            if module not in kept.modules:
                del regions[unit.region]
        homes = []
        for module in kept.modules:
            backends = moto.backends.get_backend(module)  # type: ignore[call-overload]
            homes.append((_get_account(backends, unit.account), backends.backend))
        new = [(regions, kind) for regions, kind in homes if not dict.__contains__(regions, unit.region)]
        for regions, kind in new:
            dict.__setitem__(regions, unit.region, kind.__new__(kind))
        try:
            states = pickling.load(kept.state)
        except Exception as error:
            for regions, _ in new:
                dict.__delitem__(regions, unit.region)
            _log.exception("%s cannot be read", self._snapshots.where(unit))
            sentence = f"{self._snapshots.where(unit)} cannot be read ({error}). It is left as it is: restore a backup."
            raise Unreadable(sentence) from error
        for (regions, _), state in zip(homes, states, strict=True):
            held = vars(dict.__getitem__(regions, unit.region))
            held.clear()
            held.update(state)


def _homes(unit: Unit) -> list[tuple[str, dict[str, Any]]]:
    """The services of a unit that have a backend there, each with its backends by region.

    Looked at without anybody noticing; a service that is not even imported has none.
    """
    found = []
    for module in (unit.service, *(module for module, home in TOGETHER.items() if home == unit.service)):
        accounts = getattr(sys.modules.get(f"moto.{module}"), f"{module}_backends", {})
        regions = dict.get(accounts, unit.account)
        if regions is not None and dict.__contains__(regions, unit.region):
            found.append((module, regions))
    return found
