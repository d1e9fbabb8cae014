"""Training jobs that wait for room: what they say meanwhile, and for how long they may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sagewright.resources import tries, warm_pool
from sagewright.resources.record import Record

PENDING: Final = "Pending"
NO_PLACE_YET: Final = ("Starting", PENDING, "Interrupted")


def has_a_place(record: Record) -> bool:
    """Whether the job had room when this was written down."""
    return record.status["SecondaryStatus"] not in NO_PLACE_YET or warm_pool.is_reused(record)


def seconds_left(record: Record, now: float) -> float | None:
    """How long it may still wait; None: for ever. It waits from its creation on, and a Spot job that was interrupted
    may for what is left of MaxWaitTimeInSeconds."""
    limits = record.spec["StoppingCondition"]
    pending = None if tries.ended(record) else limits.get("MaxPendingTimeInSeconds")
    wait = limits.get("MaxWaitTimeInSeconds") if tries.is_spot(record) else None
    most = min((limit for limit in (pending, wait) if limit is not None), default=None)
    return None if most is None else record.created + float(most) - now


def told(record: Record, sentence: str) -> Mapping[str, Any]:
    """The status of a job that said before that it waits, with another sentence."""
    *story, last = record.status["SecondaryStatusTransitions"]
    return {"SecondaryStatusTransitions": [*story, {**last, "StatusMessage": sentence}]}
