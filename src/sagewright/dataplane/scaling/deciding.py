"""From what the policies of a target ask for to the capacity that it gets. Pure.

The highest capacity that is asked for wins. While a cooldown lasts nothing shrinks, and what grows is counted from
the capacity before: what was added already is part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sagewright.resources.record import Record
from sagewright.resources.scaling import Capacity

_FLAPPING: Final = "AutoScalingAnticipatedFlapping"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which capacities a target is scaled."""

    low: int
    high: int

    @classmethod
    def of(cls, target: Record, capacity: Capacity) -> Bounds:
        low = max(target.spec["MinCapacity"], capacity.least)
        return cls(low, max(target.spec["MaxCapacity"], low))


@dataclass(frozen=True, slots=True)
class Cooldown:
    """What the last scaling left."""

    until: float = 0.0
    base: int = 0
    """The capacity before it."""
    out: bool = False

    @classmethod
    def of(cls, target: Record) -> Cooldown:
        return cls(**target.status.get("cooldown", {}))


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one policy asks for."""

    policy: str
    cause: str
    capacity: int
    out_cooldown: float
    in_cooldown: float
    shrinks: bool = False
    """Whether it is target tracking that looks for less."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A capacity to be set because of a proposal."""

    capacity: int
    proposal: Proposal
    base: int
    cooldown: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a proposal leads to nothing, as NotScaledReasons tells it."""

    proposal: Proposal
    reasons: Sequence[Mapping[str, Any]]
    why: str


def start_of(capacity: Capacity, cooldown: Cooldown, now: float) -> int:
    """The capacity that policies count from."""
    return cooldown.base if cooldown.out and now < cooldown.until else capacity.desired


def decide(
    proposals: Sequence[Proposal],
    capacity: Capacity,
    bounds: Bounds,
    cooldown: Cooldown,
    suspended: Mapping[str, bool],
    now: float,
) -> Decision | Refusal | None:
    """None where nothing is to be done and nothing to be told: while it is suspended or cools down."""
    best = max(proposals, key=lambda proposal: proposal.capacity)
    here, cooling = capacity.desired, now < cooldown.until
    wanted = min(max(best.capacity, bounds.low), bounds.high)
    if best.capacity > here:
        if suspended.get("DynamicScalingOutSuspended"):
            return None
        if wanted <= here:
            reason = {"Code": "AlreadyAtMaxCapacity", "MaxCapacity": bounds.high}
            return Refusal(best, [reason], f"The capacity is {here} already, the most there may be.")
        return Decision(wanted, best, start_of(capacity, cooldown, now), best.out_cooldown)
    if cooling or (best.capacity < here and suspended.get("DynamicScalingInSuspended")):
        return None
    if best.capacity == here:
        return _stays(best, here)
    if wanted >= here:
        reason = {"Code": "AlreadyAtMinCapacity", "MinCapacity": bounds.low}
        return Refusal(best, [reason], f"The capacity is {here} already, the least there may be.")
    return Decision(wanted, best, here, best.in_cooldown)


def _stays(proposal: Proposal, here: int) -> Refusal:
    if proposal.shrinks:
        return Refusal(
            proposal, [{"Code": _FLAPPING}], f"With less than {here} the metric would be above its target again."
        )
    reason = {"Code": "AlreadyAtDesiredCapacity", "CurrentCapacity": here}
    return Refusal(proposal, [reason], f"The capacity is {here} already.")
