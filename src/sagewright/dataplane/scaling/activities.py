"""Scaling activities: what was done about a target's capacity and why, as DescribeScalingActivities tells it. Pure.

A target has at most one in progress; its name is in the target's `status["activity"]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sagewright.resources.record import Key, Record
from sagewright.resources.scaling import ACTIVITY, belongings, identity, place

NOT_SCALED: Final = "NotScaled"
"""The state of what is only told with IncludeNotScaledActivities; others have their StatusCode."""
KEPT: Final = 42 * 86400.0
"""Seconds."""
MOST: Final = 1000
"""Of each target."""


@dataclass(frozen=True, slots=True)
class Change:
    """A capacity that is being set."""

    wanted: int
    base: int
    """What further steps count from until the cooldown is over."""
    out: bool
    cooldown: float
    """Seconds."""

    @classmethod
    def of(cls, activity: Record) -> Change:
        return cls(**activity.status["change"])


def begun(target: Key, change: Change, cause: str, activity_id: str, now: float) -> Record:
    """An activity whose change was handed to SageMaker."""
    what = _what(target, change)
    told = {
        "StatusCode": "InProgress",
        "StatusMessage": f"Successfully set {what}. Waiting for change to be fulfilled by sagemaker.",
        "change": {"wanted": change.wanted, "base": change.base, "out": change.out, "cooldown": change.cooldown},
    }
    return _new(target, f"Setting {what}.", cause, activity_id, now, "InProgress", told)


def ended(activity: Record, target: Key, code: str, why: str, now: float) -> Record:
    """An activity that came to its end; `why` is a sentence, '' for the good end."""
    what = _what(target, Change.of(activity))
    message = f"Successfully set {what}. {why or 'Change successfully fulfilled by sagemaker.'}"
    status = {**activity.status, "StatusCode": code, "StatusMessage": message, "EndTime": now}
    return replace(activity, state=code, status=status, modified=now)


def noted(target: Key, bounds: str, cause: str, activity_id: str, now: float, failure: str = "") -> Record:
    """An activity that changed nothing but bounds, or could not: `failure` says why, as a sentence."""
    code = "Failed" if failure else "Successful"
    message = f"Failed to set {bounds}. {failure}" if failure else f"Successfully set {bounds}"
    told = {"StatusCode": code, "StatusMessage": message, "EndTime": now}
    return _new(target, f"Setting {bounds}", cause, activity_id, now, code, told)


def failed(target: Key, change: Change, cause: str, why: str, activity_id: str, now: float) -> Record:
    """An activity whose change SageMaker refused, with a sentence."""
    return noted(target, _what(target, change), cause, activity_id, now, failure=why)


def not_scaled(
    target: Key, cause: str, reasons: Sequence[Mapping[str, Any]], why: str, activity_id: str, now: float
) -> Record:
    """What a policy was called for in vain."""
    told = {"StatusCode": "Failed", "StatusMessage": why, "NotScaledReasons": list(reasons), "EndTime": now}
    text = "Attempting to scale due to alarm triggered"
    return _new(target, text, cause, activity_id, now, NOT_SCALED, told)


def same(one: Record, other: Record) -> bool:
    """Whether two were in vain for the same cause and reason; by which values is not looked at."""
    return _gist(one) == _gist(other)


def _gist(activity: Record) -> Sequence[Any]:
    return [
        activity.state,
        activity.spec["Cause"],
        activity.spec["Description"],
        activity.status.get("NotScaledReasons"),
    ]


def _what(target: Key, change: Change) -> str:
    found = place(target)
    assert found is not None
    return f"desired {found.dimension.what} to {change.wanted}"


def _new(
    target: Key, description: str, cause: str, activity_id: str, now: float, state: str, status: Mapping[str, Any]
) -> Record:
    key = Key(target.account, target.region, ACTIVITY, belongings(target), activity_id)
    spec = {
        "ActivityId": activity_id,
        **identity(target),
        "Description": description,
        "Cause": cause,
        "StartTime": now,
    }
    return Record(key, activity_id, now, now, spec, status, state, facets={"ResourceId": target.parent})
