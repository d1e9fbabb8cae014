"""The trial components of jobs, from the job's side: the metrics that come while it runs, and how both end.

For the controller of any kind of job that has one (`resources/trial_component.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from sagewright.base.errors import AlreadyExists, StaleRecord
from sagewright.controllers.platform import Platform
from sagewright.resources import lineage, trial_component
from sagewright.resources.record import Key, Record
from sagewright.store.base import Store, Write, attempts
from sagewright.telemetry.component_metrics import Point, Read


class Found(NamedTuple):
    """A value that a job told: of which metric, when (epoch seconds), and where in what was read it ends."""

    name: str
    value: float
    time: float
    upto: int
    step: int | None = None


def finish(platform: Platform, job: Record, along: Sequence[Write] = ()) -> Record:
    """Write a job's final state down, and in the same commit that of its component, what both say of lineage, and what
    goes `along`.

    Raises StaleRecord when the job was written since it was read.
    """
    now = platform.clock.now()
    for _ in attempts():
        try:
            return platform.store.write([("update", job), *along, *_along(platform.store, job, now)])[0]
        except (StaleRecord, AlreadyExists):
            # Somebody wrote the component or made the same artifact meanwhile: look again, unless it was the job.
            newest = platform.store.get(job.key)
            if newest is None or (newest.uid, newest.version) != (job.uid, job.version):
                raise StaleRecord(f"{job.key.kind} {job.name!r} was written since it was read") from None
    raise StaleRecord(f"what belongs to {job.key.kind} {job.name!r} kept changing")


def note(platform: Platform, job: Record, source: str, found: Sequence[Found]) -> None:
    """Add what a job told to the metrics of its component. What was read from a source before is not added again."""
    told = [each for each in found if math.isfinite(each.value)]
    component = of(platform.store, job) if told else None
    if component is not None:
        platform.metrics.components.put(
            component.uid,
            [(each.name, Point(each.time, each.step, each.value)) for each in told],
            [Read(source, each.upto) for each in told],
        )


def of(store: Store, job: Record) -> Record | None:
    """The component that was made for a job; None where there is none any more."""
    if not trial_component.has_component(job):
        return None
    component = store.get(trial_component.key_of(job))
    if component is None or component.status.get("Source") != trial_component.source(job):
        return None
    return component


def _along(store: Store, job: Record, now: float) -> Iterator[Write]:
    component = of(store, job)
    if component is None:
        return
    status = {**component.status, **trial_component.result(job)}
    yield "update", replace(component, status=status, modified=now)
    for record in _lineage(job, component, now):
        if store.get(record.key) is None:  # an artifact is the same for the same address, whoever made it
            yield "create", record


def _lineage(job: Record, component: Record, now: float) -> Sequence[Record]:
    """What a job used and made as artifacts, and how these have to do with its component."""
    told = trial_component.tell(job)
    own = trial_component.source(job)["SourceType"]
    found: dict[Key, Record] = {}
    for uri, kind in told.used:
        artifact = lineage.artifact(job.key, uri, kind, now=now)
        edge = lineage.association(artifact, component, "ContributedTo", types=(kind, own), now=now)
        found |= {artifact.key: artifact, edge.key: edge}
    for uri, kind in told.made:
        artifact = lineage.artifact(job.key, uri, kind, now=now)
        edge = lineage.association(component, artifact, "Produced", types=(own, kind), now=now)
        found |= {artifact.key: artifact, edge.key: edge}
    return list(found.values())
