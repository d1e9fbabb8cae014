"""The tries of a training job: each is one run of its tasks, on instances that the job may lose and get anew.

Those that are over stand in `status["tries"]`, in order. What asks for an interruption names the try that it is for, so
that it is carried out once, whatever is killed on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple

from sagewright.resources.record import Record

Why = Literal["lost", "interrupted", "ended"]
"""lost: the machine lost it. interrupted: its Spot instances were reclaimed. ended: the job ended with it."""
WARNING: Final = 120.0
"""Seconds between the notice of an interruption and the instance's end, as on EC2."""


class Interruption(NamedTuple):
    """The end of a try's instances: when it was told (epoch seconds), and how many seconds later it comes."""

    told: float
    warning: float


def ended(record: Record) -> Sequence[Mapping[str, Any]]:
    """Those that are over: `{"start", "end", "why"}`, times in epoch seconds."""
    found: Sequence[Mapping[str, Any]] = record.status.get("tries", ())
    return found


def number(record: Record) -> int:
    """Of the try that is on, from 0."""
    return sum(each["why"] != "ended" for each in ended(record))


def lost(record: Record) -> int:
    """How many the machine lost."""
    return sum(each["why"] == "lost" for each in ended(record))


def with_end(record: Record, start: float, end: float, why: Why) -> dict[str, Any]:
    """What the status says when the try that is on is over."""
    before = [each for each in ended(record) if each["why"] != "ended"]
    return {"tries": [*before, {"start": start, "end": max(start, end), "why": why}]}


def seconds(tries: Sequence[Mapping[str, Any]]) -> float:
    """For how long they trained."""
    total: float = sum(each["end"] - each["start"] for each in tries)
    return total


def is_spot(record: Record) -> bool:
    return bool(record.spec.get("EnableManagedSpotTraining"))


def interrupted(record: Record, *, now: float, warning: float) -> Record:
    """The record as one whose instances are to be reclaimed. Whoever asks for the same try again may only hasten it."""
    known = interruption(record)
    if known is not None and known.told + known.warning <= now + warning:
        return record
    told = now if known is None else known.told
    wanted = {"try": number(record), "told": told, "warning": now + warning - told}
    return replace(record, spec={**record.spec, "interruption": wanted})


def interruption(record: Record) -> Interruption | None:
    """What is to happen to the instances of the try that is on, if anything is."""
    wanted = record.spec.get("interruption")
    if wanted is None or wanted["try"] != number(record):
        return None
    return Interruption(wanted["told"], wanted["warning"])
