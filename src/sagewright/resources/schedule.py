"""What EventBridge Scheduler keeps: schedules, and the groups they stand in."""

from __future__ import annotations

from typing import Final

from sagewright.resources.arn import Arn
from sagewright.resources.record import Key

KIND: Final = "schedule"
"""A schedule's parent is its group; its spec holds the members of CreateSchedule, and `since` when it was set up."""
GROUP: Final = "schedule-group"
DEFAULT_GROUP: Final = "default"


def schedule_arn(key: Key) -> str:
    return str(Arn("aws", "scheduler", key.region, key.account, f"schedule/{key.parent}/{key.name}"))


def group_arn(account: str, region: str, name: str) -> str:
    return str(Arn("aws", "scheduler", region, account, f"schedule-group/{name}"))
