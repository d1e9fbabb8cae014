"""Repositories: what their lifecycle policies let go, and what broken-off pushes left."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sagewright.base.clock import Clock
from sagewright.dataplane.images.base import Images
from sagewright.dataplane.images.lifecycle import BadPolicy, Candidate, due, read
from sagewright.dataplane.images.values import ImagesError, Repository
from sagewright.resources.ecr import REPOSITORY
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store

_log = logging.getLogger(__name__)

EVERY: Final = 3600.0
"""Seconds between two sweeps; a changed policy is carried out at once. Pushes wake this too, and change nothing."""


class EcrRepositories:
    """The reconciler of repositories."""

    kind = REPOSITORY
    settled: Sequence[str] = ()

    def __init__(self, store: Store, images: Images, clock: Clock) -> None:
        self._store, self._images, self._clock = store, images, clock
        self._swept: dict[Key, float] = {}

    def tasks(self, record: Record) -> Sequence[str]:
        return ()

    def reconcile(self, record: Record) -> float | None:
        repository = Repository(record.key.region, record.name)
        now = self._clock.monotonic()
        if now - self._swept.get(record.key, -EVERY) >= EVERY:
            self._swept[record.key] = now
            self._images.sweep(repository)
        wait = EVERY - (now - self._swept[record.key])
        if "LifecyclePolicy" not in record.spec:
            return wait
        age: float = self._clock.now() - record.status.get("LifecycleEvaluatedAt", 0.0)
        if age < EVERY and record.status.get("LifecyclePolicyAt") == record.spec["LifecyclePolicyAt"]:
            return min(wait, EVERY - age)
        self._expire(repository, record)
        return min(wait, EVERY)

    def _expire(self, repository: Repository, record: Record) -> None:
        now = self._clock.now()
        try:
            rules = read(record.spec["LifecyclePolicy"])
        except BadPolicy:  # it was checked when it was put; a later version may read policies more strictly
            rules = ()
        with contextlib.suppress(ImagesError):
            gone = due(rules, [Candidate.of(image) for image in self._images.all(repository)], now)
            for digest in gone:
                with contextlib.suppress(ImagesError):  # somebody else was faster, or an index came to name it
                    self._images.remove(repository, digest)
            if gone:
                _log.info("repository %s: its lifecycle policy let %d images go", repository.name, len(gone))
        done = {"LifecycleEvaluatedAt": now, "LifecyclePolicyAt": record.spec["LifecyclePolicyAt"]}
        self._store.amend(record.key, lambda known: replace(known, status={**known.status, **done}))

    def forget(self, key: Key) -> None:
        self._swept.pop(key, None)

    def fail(self, record: Record, reason: str) -> None:
        """A repository has no failed end: the next sweep tries again."""
        _log.error("repository %s: could not be swept: %s", record.name, reason)
