"""How many instances a serverless variant has: as many as are asked for, kept ready, or needed to prove the model.

Who asks is known to the data plane, which tells it in records (`resources/demand.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sagewright.controllers.platform import Platform
from sagewright.resources import demand
from sagewright.resources.endpoint import KIND
from sagewright.resources.record import Key, Record


class Serverless:
    """Has endpoints looked at when the demand for them changes, and counts."""

    def __init__(self, platform: Platform, wake: Callable[[Key], None]) -> None:
        self._platform, self._wake = platform, wake
        platform.store.subscribe(self._changed)

    def count(self, record: Record, target: Mapping[str, Any], variant: Mapping[str, Any]) -> int:
        """How many instances a variant of a generation should have now."""
        config = variant["ServerlessConfig"]
        told = self._platform.store.get(demand.key(record.key, variant["VariantName"]))
        needed = 1 if self._is_proven_until(record, target) > self._platform.clock.now() else 0
        wanted = max(int(config.get("ProvisionedConcurrency", 0)), demand.wanted(told, record), needed)
        return min(wanted, int(config["MaxConcurrency"]))

    def proven(self, record: Record, target: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the endpoint's status remembers of a generation that serves: the instance that proved that its model
        loads is kept until this moment, as if somebody had asked it."""
        variants = target["config"]["ProductionVariants"]
        if not any("ServerlessConfig" in variant for variant in variants):
            return {}
        if self._is_proven_until(record, target) < float("inf"):
            return {"proven": record.status["proven"]}
        until = self._platform.clock.now() + self._platform.serverless_idle
        return {"proven": {"generation": target["generation"], "until": until}}

    def _is_proven_until(self, record: Record, target: Mapping[str, Any]) -> float:
        known = record.status.get("proven", {})
        return float(known["until"]) if known.get("generation") == target["generation"] else float("inf")

    def _changed(self, key: Key) -> None:
        if key.kind == demand.KIND:
            self._wake(Key(key.account, key.region, KIND, "", key.parent))
