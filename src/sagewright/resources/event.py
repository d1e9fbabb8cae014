"""What EventBridge keeps: buses, rules, deliveries that are under way."""

from __future__ import annotations

from typing import Final

from sagewright.resources.arn import Arn
from sagewright.resources.record import Key

BUS: Final = "event-bus"
RULE: Final = "event-rule"
"""A rule's parent is its bus. Its spec holds the members of PutRule, and `Targets`: those of PutTargets."""
DELIVERY: Final = "event-delivery"
"""One text for one target. Removed when it arrived or was given up."""
DEFAULT_BUS: Final = "default"


def bus_arn(account: str, region: str, name: str) -> str:
    return str(Arn("aws", "events", region, account, f"event-bus/{name}"))


def rule_arn(rule: Key) -> str:
    """Rules of the default bus do not name it."""
    name = rule.name if rule.parent == DEFAULT_BUS else f"{rule.parent}/{rule.name}"
    return str(Arn("aws", "events", rule.region, rule.account, f"rule/{name}"))
