"""How many instances a serverless variant has: as many as are asked for, kept ready, or needed to prove the model.

Who asks is known to the data plane, which tells it in records (`resources/demand.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sagewright.controllers import own_images
from sagewright.controllers.fleet import Wanted
from sagewright.controllers.platform import Platform
from sagewright.resources import demand
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record


class Serverless:
    """Has endpoints looked at when the demand for them changes, and counts."""

    def __init__(self, platform: Platform, wake: Callable[[Key], None]) -> None:
        self._platform, self._wake = platform, wake
        platform.store.subscribe(self._changed)

    def fitted(self, record: Record, wanted: Sequence[Wanted]) -> Sequence[Wanted]:
        """The same, with as many instances of serverless variants as there should be now."""
        return [self._fitted(record, each) if "ServerlessConfig" in each.settings else each for each in wanted]

    def _fitted(self, record: Record, variant: Wanted) -> Wanted:
        """While no instance is needed, one stands by: it has loaded what all models of its framework need, which takes
        longer than most models."""
        config = variant.settings["ServerlessConfig"]
        told = self._platform.store.get(demand.key(record.key, variant.variant))
        proves = _proven_until(record, variant.generation) > self._platform.clock.now()
        needed = 1 if proves or record.state == "RollingBack" else 0
        count = max(int(config.get("ProvisionedConcurrency", 0)), demand.wanted(told, record), needed)
        if count == 0 and self._platform.serverless_standby and own_images.has_runtimes(variant.model):
            return replace(variant, count=1, standby=True)
        return replace(variant, count=min(count, int(config["MaxConcurrency"])))

    def proven(self, record: Record, target: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the endpoint's status remembers of a generation that serves: the instance that proved that its model
        loads is kept until this moment, as if somebody had asked it."""
        variants = target["config"]["ProductionVariants"]
        if not any("ServerlessConfig" in variant for variant in variants):
            return {}
        if _proven_until(record, target["generation"]) < float("inf"):
            return {"proven": record.status["proven"]}
        until = self._platform.clock.now() + self._platform.serverless_idle
        return {"proven": {"generation": target["generation"], "until": until}}

    def _changed(self, key: Key) -> None:
        if key.kind == demand.KIND:
            self._wake(Key(key.account, key.region, KIND, "", key.parent))


def _proven_until(record: Record, generation: int) -> float:
    """Until when an instance is needed for the model's sake: for ever, before the generation has served."""
    known = record.status.get("proven", {})
    return float(known["until"]) if known.get("generation") == generation else float("inf")
