"""How an endpoint goes from one generation to the next: a deployment configuration as stages. Pure.

In each stage some instances of both fleets run, the old one's and the new one's. When all that it brings up answer, the
requests are shared out anew; then alarms are watched for a while ("baking"), and the next stage begins. `Progress` is
what has to be remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import ceil
from typing import Any, Final

Counts = Mapping[str, int]
"""Instances by variant."""

WAIT: Final = "WaitIntervalInSeconds"
TERMINATION: Final = "TerminationWaitInSeconds"
_BLUE_GREEN: Final = "BlueGreenUpdatePolicy"
_ROLLING: Final = "RollingUpdatePolicy"


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs from its beginning to its end, and how requests are shared once it stands."""

    share: float
    """Of the requests, what the new fleet takes."""
    old: Counts
    new: Counts
    seconds: float = 0.0
    """How long it bakes."""
    why: str = WAIT
    """The member of the policy that says so."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a deployment has come."""

    stage: int
    began: float
    """When the stage did; epoch seconds, as below."""
    since: float | None = None
    """When all of it stood: the baking began. None before."""


@dataclass(frozen=True, slots=True)
class Course:
    """Stages, one after the other: forward to the new generation, or back to the old one."""

    stages: Sequence[Stage]
    before: float = 0.0
    """The new fleet's share until the first stage stands."""
    back: bool = False

    def share(self, progress: Progress) -> float:
        """Of the requests, what the new fleet takes now."""
        if progress.since is not None:
            return self.stages[progress.stage].share
        return self.stages[progress.stage - 1].share if progress.stage else self.before

    def advance(self, progress: Progress, now: float, stands: Callable[[Stage], bool]) -> Progress | None:
        """Where it is now, when `stands` tells which stages' instances all answer; None: at its end."""
        while True:
            stage = self.stages[progress.stage]
            if progress.since is None:
                if not stands(stage):
                    return progress
                progress = replace(progress, since=now)
            if now - (progress.since or 0.0) < stage.seconds:
                return progress
            if progress.stage + 1 == len(self.stages):
                return None
            progress = Progress(progress.stage + 1, began=now)


def forward(config: Mapping[str, Any], old: Counts, new: Counts) -> Course:
    """The way that a deployment configuration says; {} is blue/green, all at once."""
    if _ROLLING in config:
        return Course(_rolling(config[_ROLLING], old, new))
    policy = config.get(_BLUE_GREEN, {})
    routing = policy.get("TrafficRoutingConfiguration", {})
    seconds = float(routing.get(WAIT, 0))
    stages = [Stage(share, old, new, seconds) for share in _shares(routing, new)]
    if termination := float(policy.get(TERMINATION, 0)):
        stages.append(Stage(1.0, old, new, termination, TERMINATION))
    return Course(stages)


def back(config: Mapping[str, Any], old: Counts, new: Counts, reached: Progress) -> Course:
    """The way back from where `forward` had come to.

    A whole old fleet takes all requests at once; what a rolling update has ended of it is brought up again before.
    """
    way = forward(config, old, new)
    left = way.stages[reached.stage]
    if _ROLLING not in config or left.old == old:
        return Course([Stage(0.0, old, {})], back=True)
    stood = left.new if reached.since is not None else way.stages[reached.stage - 1].new
    size = config[_ROLLING].get("RollbackMaximumBatchSize", {"Type": "CAPACITY_PERCENT", "Value": 100})
    share = way.share(reached)
    stages: list[Stage] = []
    for step in count(1):
        up = {name: min(total, left.old.get(name, 0) + step * _batch(size, total)) for name, total in old.items()}
        kept = stages[-1].share / share if stages else 1.0
        stages.append(Stage(share * (1 - _part(left.old, up, old)), up, _scaled(stood, kept)))
        if up == old:
            return Course(stages, before=share, back=True)
    raise AssertionError  # pragma: no cover - counts without end


def _shares(routing: Mapping[str, Any], new: Counts) -> Sequence[float]:
    """What the new fleet takes of the requests, stage by stage; 1 in the last."""
    if routing.get("Type") == "CANARY":
        return [_share(routing["CanarySize"], new), 1.0]
    if routing.get("Type") == "LINEAR":
        step = _share(routing["LinearStepSize"], new)
        return [min(1.0, round(number * step, 9)) for number in range(1, ceil(round(1 / step, 9)) + 1)]
    return [1.0]


def _share(size: Mapping[str, Any], counts: Counts) -> float:
    """A part of the requests as large as this part of the capacity. Percents need no whole instances."""
    if size["Type"] == "CAPACITY_PERCENT":
        return min(1.0, float(size["Value"]) / 100)
    total = sum(counts.values())
    return sum(min(size["Value"], each) for each in counts.values()) / total if total else 1.0


def _rolling(policy: Mapping[str, Any], old: Counts, new: Counts) -> Sequence[Stage]:
    """Batch by batch: a batch of the new fleet comes up and bakes, then as much of the old one ends."""
    size, seconds = policy["MaximumBatchSize"], float(policy[WAIT])
    stages: list[Stage] = []
    up: dict[str, int] = {}
    for step in count(1):
        done = _part({}, up, new) if up else 0.0
        left = {name: total - _ended(name, total, up, new, done) for name, total in old.items()}
        up = {name: min(total, step * _batch(size, total)) for name, total in new.items()}
        stages.append(Stage(1.0 if up == dict(new) else _part({}, up, new), left, up, seconds))
        if up == dict(new):
            return stages
    raise AssertionError  # pragma: no cover - counts without end


def _ended(name: str, total: int, up: Counts, new: Counts, done: float) -> int:
    """How many of an old variant's instances are not needed any more: as large a part as the new one has up."""
    part = up.get(name, 0) / new[name] if new.get(name) else done
    return int(total * part + 1e-9)


def _batch(size: Mapping[str, Any], total: int) -> int:
    """Instances of a batch: whole ones, and one at least."""
    if size["Type"] == "CAPACITY_PERCENT":
        return max(1, int(total * size["Value"] / 100 + 1e-9))
    return max(1, int(size["Value"]))


def _part(begin: Counts, now: Counts, end: Counts) -> float:
    """How much of the way from some counts to others is done."""
    way = sum(end.values()) - sum(begin.values())
    return (sum(now.values()) - sum(begin.values())) / way if way else 1.0


def _scaled(counts: Counts, part: float) -> Counts:
    return {name: ceil(total * part - 1e-9) for name, total in counts.items()}


# What is refused.


def problem(config: Mapping[str, Any], new: Counts) -> str | None:
    """What is wrong with a deployment configuration for a fleet of these sizes, in a sentence; None: nothing."""
    if _BLUE_GREEN in config and _ROLLING in config:
        return f"Give one update policy: {_BLUE_GREEN} or {_ROLLING}."
    if any("AlarmName" not in alarm for alarm in config.get("AutoRollbackConfiguration", {}).get("Alarms", ())):
        return "Each alarm of AutoRollbackConfiguration needs an AlarmName."
    found = _size_problem(config, new)
    if found is not None:
        return found
    policy = config.get(_ROLLING) or config.get(_BLUE_GREEN, {})
    limit = policy.get("MaximumExecutionTimeoutInSeconds")
    waits = sum(stage.seconds for stage in forward(config, {}, new).stages)
    if limit is not None and limit <= waits:
        return f"MaximumExecutionTimeoutInSeconds ({limit}) must be longer than all waits together ({waits:.0f} s)."
    return None


def _size_problem(config: Mapping[str, Any], new: Counts) -> str | None:
    if _ROLLING in config:
        rolling = config[_ROLLING]
        again = rolling.get("RollbackMaximumBatchSize")
        return _outside("MaximumBatchSize", rolling["MaximumBatchSize"], new, 5, 50) or (
            _outside("RollbackMaximumBatchSize", again, {}, 1, 100) if again is not None else None
        )
    routing = config.get(_BLUE_GREEN, {}).get("TrafficRoutingConfiguration", {})
    for kind, member, least in (("CANARY", "CanarySize", 0), ("LINEAR", "LinearStepSize", 10)):
        if routing.get("Type") == kind:
            if member not in routing:
                return f"{member} is required for traffic routing of type {kind}."
            return _outside(member, routing[member], new, least, 50)
    return None


def _outside(member: str, size: Mapping[str, Any], counts: Counts, least: int, most: int) -> str | None:
    """What is wrong with a size that must lie between these percents of each variant's instances."""
    if size["Type"] == "CAPACITY_PERCENT":
        fits = least <= size["Value"] <= most
    else:
        fits = all(least * total <= 100 * size["Value"] <= most * total for total in counts.values() if total)
    if fits:
        return None
    limits = f"{least} to {most} percent" if least else f"at most {most} percent"
    return f"{member} must be {limits} of each variant's instances. This is {size['Value']} ({size['Type']})."
