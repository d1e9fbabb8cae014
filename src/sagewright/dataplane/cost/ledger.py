"""The ledger as it is read: what was entered, and what runs, up to now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from sagewright.base.clock import Clock
from sagewright.resources import usage
from sagewright.resources.usage import Entry, Line
from sagewright.store.base import Query, Store

_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Use:
    """One line of an entry, with its price."""

    entry: Entry
    line: Line

    def hours(self, start: float, end: float) -> float:
        """Instance hours between two times (epoch seconds)."""
        line = self.line
        return max(min(end, line.end) - max(start, line.start), 0.0) * line.count / _HOUR

    @property
    def usd_per_hour(self) -> float:
        """What is billed for one instance; nothing where the price is not known."""
        return (self.line.usd_per_hour or 0.0) * self.line.share


class Ledger:
    """Reads it. Any thread may."""

    def __init__(
        self, store: Store, clock: Clock, *, price: Callable[[str], float | None], spot_share: Callable[[], float]
    ) -> None:
        """`price` is USD per hour of an instance type, and `spot_share` what of it a Spot instance costs: for what
        runs. What has ended was entered with its price."""
        self._store, self._clock = store, clock
        self._price, self._spot_share = price, spot_share

    def uses(self, account: str, start: float, end: float) -> Iterator[Use]:
        """All that was used between two times (epoch seconds), in no order."""
        # What runs is read first: what ends meanwhile is seen in both places, and known by its ARN and start.
        running = list(self._running(account))
        entered = set()
        for entry in self._entered(account, start):
            for line in entry.lines:
                entered.add((entry.arn, line.kind, line.start))
                if line.start < end:
                    yield Use(entry, line)
        for use in running:
            seen = (use.entry.arn, use.line.kind, use.line.start) in entered
            if not seen and use.line.start < end and use.line.end > start:
                yield use

    def _entered(self, account: str, start: float) -> Iterator[Entry]:
        query = Query(account, "", usage.KIND, parent="", name_after=usage.seek(start))
        return map(usage.entry, self._store.every(query))

    def _running(self, account: str) -> Iterator[Use]:
        now = self._clock.now()
        for kind, metered in usage.METERED.items():
            for record in self._store.unsettled(kind, metered.settled):
                if record.key.account != account or record.state in metered.settled:
                    continue
                entry = usage.running(record, now)
                for line in entry.lines:
                    share = self._spot_share() if line.spot else 1.0
                    yield Use(entry, replace(line, usd_per_hour=self._price(line.instance_type), share=share))
