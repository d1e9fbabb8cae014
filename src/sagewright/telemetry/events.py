"""Events: what happened, told to whoever made a rule for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """One event in EventBridge's shape; its id and the moment of arrival are added by the bus."""

    account: str
    region: str
    source: str
    """`aws.sagemaker`, `aws.s3`, or a user's own."""
    detail_type: str
    detail: Mapping[str, Any]
    resources: Sequence[str] = ()
    time: float | None = None
    """Epoch seconds; None for now."""
    bus: str = "default"


class Events(Protocol):
    """Where events are handed in. Any thread may. `dataplane/events/bus.py` is the real one."""

    def put(self, event: Event) -> None:
        """Take an event; durable on return for everybody whose rule wants it."""
