"""Buckets with lifecycle rules, swept: when their rules change, and then every hour."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from sagewright.base.clock import Clock
from sagewright.dataplane.objects.base import Objects
from sagewright.dataplane.objects.buckets import KIND, Bucket
from sagewright.dataplane.objects.expiry import sweep
from sagewright.dataplane.objects.notices import Bus, records, swept
from sagewright.dataplane.objects.retention import locked
from sagewright.resources.record import Record

_log = logging.getLogger(__name__)

EVERY: Final = 3600.0
"""Seconds between two sweeps. Rules count in days, so an hour late is soon enough."""


class Buckets:
    """The reconciler of buckets."""

    kind = KIND
    settled: Sequence[str] = ()

    def __init__(self, objects: Objects, bus: Bus, clock: Clock) -> None:
        self._objects, self._bus, self._clock = objects, bus, clock

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        bucket = Bucket.of(record)
        if "Lifecycle" not in bucket.settings:
            return None
        now = self._clock.now()
        done = sweep(
            self._objects,
            bucket,
            now=now,
            locked=lambda info: locked(info.kept, now),
            tell=lambda of, info, action, what: records(self._bus, of, swept(of, info, action, what, now)),
        )
        if done:
            _log.info("bucket %s: lifecycle rules did %s", bucket.name, dict(done))
        return EVERY

    def fail(self, record: Record, reason: str) -> None:
        """A bucket has no failed end: the next sweep tries again."""
        _log.error("bucket %s: its lifecycle rules could not be carried out: %s", record.name, reason)
