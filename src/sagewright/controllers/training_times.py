"""How long a training job may go on, for how long it trained, and what of that is billed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sagewright.compute import instances
from sagewright.resources import tries
from sagewright.resources.record import Record

OutOfTime = Literal["MaxRuntimeExceeded", "MaxWaitTimeExceeded"]
"""The secondary status of a job that was ended by one of its limits."""


def left(record: Record, started: float | None, now: float) -> tuple[float, OutOfTime]:
    """Seconds until the first of a job's limits, and what it is called. `started` is when the try that is on began to
    train; None while it waits for its instances or prepares them.

    MaxRuntimeInSeconds is for all tries together, and only while they train; MaxWaitTimeInSeconds is for everything
    since the job was created, and only Spot jobs have it.
    """
    limits = record.spec["StoppingCondition"]
    trained = tries.seconds(tries.ended(record)) + (now - started if started is not None else 0.0)
    found: tuple[float, OutOfTime] = limits["MaxRuntimeInSeconds"] - trained, "MaxRuntimeExceeded"
    if tries.is_spot(record) and "MaxWaitTimeInSeconds" in limits:
        found = min(found, (record.created + limits["MaxWaitTimeInSeconds"] - now, "MaxWaitTimeExceeded"))
    return found


def times(record: Record, known: Mapping[str, Any], now: float) -> dict[str, Any]:
    """When a job ended, how long it trained and for how many seconds it is billed, once `known` is all that its status
    says. What is billed of a Spot job's time is as much less as its instances are cheaper."""
    ended = {"TrainingEndTime": known.get("TrainingEndTime", now)}
    if "TrainingStartTime" not in known:
        return ended
    seconds = max(1, round(tries.seconds(known.get("tries", ()))))
    billed = max(1, round(seconds * instances.spot_share())) if tries.is_spot(record) else seconds
    return {**ended, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": billed}
