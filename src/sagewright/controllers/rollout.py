"""How a new generation of an inference component takes the place of the one before, batch by batch. Pure.

A rollout is kept in `status["rollout"]`: the generation that comes, how many of its copies there should be (`up`), how
many have taken the place of old ones (`done`), when it began, and when the last batch was `ready`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

Rollout = Mapping[str, Any]
"""generation, up, done, begun; ready, between a batch and the next."""


def begun(known: Rollout | None, generation: int, copies: int, config: Mapping[str, Any], now: float) -> Rollout:
    """The one that goes on, or a new one. `config` is the DeploymentConfig; without one all copies come at once."""
    if known is not None and known["generation"] == generation:
        return {**known, "up": min(known["up"], copies)}
    return {"generation": generation, "up": min(_batch(copies, config), copies), "done": 0, "begun": now}


def staying(rollout: Rollout, copies: int, before: int) -> int:
    """How many of the `before` copies of the old generation stay for now, of `copies` that come."""
    return 0 if rollout["done"] >= copies else max(before - rollout["done"], 0)


def advanced(rollout: Rollout, healthy: int, copies: int, config: Mapping[str, Any], now: float) -> Rollout | None:
    """The rollout when so many of the new copies answer; None when it is over."""
    ready = rollout.get("ready")
    if ready is None:
        return rollout if healthy < rollout["up"] else {**rollout, "done": rollout["up"], "ready": now}
    if now - ready < config.get("RollingUpdatePolicy", {}).get("WaitIntervalInSeconds", 0):
        return rollout
    if rollout["done"] >= copies:
        return None
    further = {member: value for member, value in rollout.items() if member != "ready"}
    return {**further, "up": min(rollout["up"] + _batch(copies, config), copies)}


def is_late(rollout: Rollout, config: Mapping[str, Any], now: float) -> bool:
    """Whether it has taken longer than it may."""
    limit = config.get("RollingUpdatePolicy", {}).get("MaximumExecutionTimeoutInSeconds")
    return limit is not None and now - rollout["begun"] > limit


def _batch(copies: int, config: Mapping[str, Any]) -> int:
    size = config.get("RollingUpdatePolicy", {}).get("MaximumBatchSize")
    if size is None:
        return copies
    share = ceil(copies * size["Value"] / 100) if size["Type"] == "CAPACITY_PERCENT" else size["Value"]
    return max(int(share), 1)
