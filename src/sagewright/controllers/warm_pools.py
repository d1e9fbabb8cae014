"""Warm pools, made so: what a job leaves is kept while its time lasts, and handed to the next one that is alike.

What is kept is the job's place on this machine (`room.py`) and its cache folder. That a job takes a pool is one commit:
the pool goes, the job that left it and the one that takes it say so, and the time that nobody used it is entered.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sagewright.compute.base import Mount
from sagewright.controllers import metering
from sagewright.controllers.pending import PENDING
from sagewright.controllers.platform import Platform
from sagewright.controllers.room import Room
from sagewright.resources import training_job, tries, warm_pool
from sagewright.resources.record import Key, Record
from sagewright.resources.training_host import Host, hosts
from sagewright.store.base import Query, Store, Write

_FOLDER = "warm-pools"
_LOOKED_AT = 200
"""How many jobs are looked at for one that waits for a pool."""
_SICK = "InternalServerError"
"""How a failure begins after which instances are not kept: it may have been them."""


class WarmPools:
    """The reconciler of warm pools: ends those whose time is over."""

    kind = warm_pool.KIND
    settled: Sequence[str] = ()

    def __init__(self, platform: Platform, wake: Callable[[Key], None], room: Room) -> None:
        """`room` is where all kinds of jobs have their places."""
        self._platform = platform
        self._wake = wake
        self._room = room
        room.remember(self._known)

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        now = self._platform.clock.now()
        if record.state == "Available":
            left = warm_pool.until(record) - now
            if left > 0:
                self._room.enter(record, _types(record), always=True)
                if (waiting := _next_for(self._platform.store, record)) is not None:
                    self._wake(waiting.key)
                return left
            record = self._terminate(record, now)
        shutil.rmtree(_folder(self._platform, record.spec["cache"]), ignore_errors=True)
        self._platform.store.delete(record)
        self._room.leave(record)
        return None

    def fail(self, record: Record, reason: str) -> None:
        """Nothing that it does fails for good."""

    def _known(self) -> Iterator[tuple[Record, Sequence[str], bool]]:
        """What is kept when the server starts, for the room."""
        for record in self._platform.store.unsettled(warm_pool.KIND, ()):
            if record.state == "Available":
                yield record, _types(record), True

    def _terminate(self, pool: Record, now: float) -> Record:
        # Looked at late, it is not billed for longer than it was asked for.
        end = min(now, warm_pool.until(pool))
        writes: list[Write] = [("update", replace(pool, state="Terminating"))]
        writes += metering.of_warm_pool(pool, end)
        writes += _told(self._platform, pool, warm_pool.status("Terminated", pool, end))
        return self._platform.store.write(writes)[0]


def taken(platform: Platform, job: Record, room: Room) -> Record:
    """The job with the pool that it can have, if there is one. Raises StaleRecord if somebody else was faster."""
    if warm_pool.is_reused(job) or tries.ended(job) or not warm_pool.takes_part(job.spec):
        return job
    now = platform.clock.now()
    pool = _found(platform, job, now)
    if pool is None:
        return job
    status = {**job.status, "warm": {"cache": pool.spec["cache"]}, "WarmPoolStatus": {"Status": "InUse"}}
    writes: list[Write] = [("update", replace(job, status=status, modified=now)), ("delete", pool)]
    writes += metering.of_warm_pool(pool, now)
    writes += _told(platform, pool, warm_pool.status("Reused", pool, now, job.name))
    job = platform.store.write(writes)[0]
    room.leave(job)  # it waits no more
    room.enter(job, _types(job), always=True)
    room.leave(pool)
    return job


def in_use(job: Record) -> Mapping[str, Any]:
    """What the status of a job says whose instances are to be kept."""
    if not warm_pool.wanted(job.spec) or "WarmPoolStatus" in job.status:
        return {}
    return {"WarmPoolStatus": {"Status": "InUse"}}


def mounts(platform: Platform, job: Record, host: Host) -> Sequence[Mount]:
    """The cache folder of a host, for jobs that share one with others."""
    if not _has_cache(job):
        return ()
    folder = _folder(platform, warm_pool.cache_of(job)) / str(host.number)
    folder.mkdir(parents=True, exist_ok=True)
    return (Mount(folder, warm_pool.CACHE, writable=True),)


def left_by(job: Record, now: float) -> tuple[Record, Sequence[Write]]:
    """A job that has ended, saying what became of its instances, and the pool that is written down with it."""
    if not _has_cache(job):
        return job, ()
    ran = bool(tries.ended(job)) or warm_pool.is_reused(job)
    well = not job.status.get("FailureReason", "").startswith(_SICK)
    kept = ran and well and warm_pool.wanted(job.spec) > 0
    pool = warm_pool.new(job, now, kept=kept)
    told = warm_pool.status("Available" if kept else "Terminated", pool, now)
    return replace(job, status={**job.status, **told}), [("create", pool)]


def _types(record: Record) -> Sequence[str]:
    """The instance types of a job's hosts, or of a pool's."""
    return [host.instance_type for host in hosts(record)]


def _has_cache(job: Record) -> bool:
    """Also one whose period was set to nothing while it ran."""
    return warm_pool.is_reused(job) or "KeepAlivePeriodInSeconds" in job.spec.get("ResourceConfig", {})


def _found(platform: Platform, job: Record, now: float) -> Record | None:
    """The oldest pool that matches and whose time is not over."""
    query = Query(
        job.key.account,
        job.key.region,
        warm_pool.KIND,
        states=["Available"],
        facets={warm_pool.MATCH: warm_pool.match(job.spec)},
        sort_by="created",
    )
    found = platform.store.list(query, limit=100).records
    return next((pool for pool in found if warm_pool.until(pool) > now), None)


def _next_for(store: Store, pool: Record) -> Record | None:
    """The oldest job that waits for room and matches, among those that wait longest."""
    key = pool.key
    query = Query(key.account, key.region, training_job.KIND, states=["InProgress"], sort_by="created")
    found = store.list(query, limit=_LOOKED_AT).records
    return next(
        (
            job
            for job in found
            if job.status["SecondaryStatus"] == PENDING
            and warm_pool.takes_part(job.spec)
            and warm_pool.match(job.spec) == pool.facets[warm_pool.MATCH]
        ),
        None,
    )


def _told(platform: Platform, pool: Record, status: Mapping[str, Any]) -> Sequence[Write]:
    """The write by which the job that left a pool says what became of it."""
    job = platform.store.get(pool.key._replace(kind=training_job.KIND))
    if job is None or f"pool-{job.uid}" != pool.uid:
        return ()
    return [("update", replace(job, status={**job.status, **status}))]


def _folder(platform: Platform, cache: str) -> Path:
    """Beside the tasks' folders, for it outlives them."""
    return platform.tasks.parent / _FOLDER / cache
