"""Lifecycle rules at work: what is due for an object, at a moment. Pure.

    rules = [Rule.of(rule) for rule in configuration["Rules"]]
    due(rules, seen, now)            what to do with a version now
    due_upload(rules, key, begun, now)
    expiry(rules, seen)              when a current version will go, and by which rule

Days are counted as S3 counts them: from when something was written (or became noncurrent), up to the next midnight
UTC: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

DAY: Final = 86_400
SMALLEST_TRANSITION: Final = 128 << 10
"""Bytes below which objects stay in their class unless their rule speaks of sizes."""

_CLASSES: Final = (
    "STANDARD",
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
"""From warm to cold: objects move downwards only."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A version as rules look at it."""

    key: str
    size: int
    modified: float
    """Epoch seconds."""
    tags: Mapping[str, str]
    storage_class: str = "STANDARD"
    marker: bool = False
    noncurrent_since: float | None = None
    """Epoch seconds at which a newer version took its place; None for the current one."""
    newer: int = 0
    """How many noncurrent versions of the key are newer."""
    alone: bool = True
    """Whether the key has no other version."""


@dataclass(frozen=True, slots=True)
class Action:
    """What is due: `expire` a current version as a delete without version does, `remove` a version for good, or move
    it to a storage class."""

    kind: Literal["expire", "remove", "transition"]
    rule: str
    """The rule's id."""
    storage_class: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """An enabled rule; its members are those of the service model's `LifecycleRule`."""

    id: str
    prefix: str
    tags: Mapping[str, str]
    larger: int | None
    smaller: int | None
    spec: Mapping[str, Any]

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Rule:
        filters = spec.get("Filter") or {}
        joined = filters.get("And") or filters
        tags = joined.get("Tags") or ([joined["Tag"]] if "Tag" in joined else [])
        return cls(
            id=spec.get("ID", ""),
            prefix=joined.get("Prefix") or spec.get("Prefix") or "",
            tags={tag["Key"]: tag["Value"] for tag in tags},
            larger=joined.get("ObjectSizeGreaterThan"),
            smaller=joined.get("ObjectSizeLessThan"),
            spec=spec,
        )

    def about(self, seen: Seen) -> bool:
        """Whether its filter takes this version."""
        return (
            seen.key.startswith(self.prefix)
            and (self.larger is None or seen.size > self.larger)
            and (self.smaller is None or seen.size < self.smaller)
            and self.tags.items() <= seen.tags.items()
        )

    @property
    def sizes(self) -> bool:
        """Whether its filter speaks of sizes."""
        return self.larger is not None or self.smaller is not None


def enabled(configuration: Mapping[str, Any]) -> list[Rule]:
    """The rules that count, of a lifecycle configuration."""
    return [Rule.of(rule) for rule in configuration.get("Rules", []) if rule["Status"] == "Enabled"]


def due(rules: Sequence[Rule], seen: Seen, now: float) -> Action | None:
    """What is to be done with a version now. What takes it away comes before what moves it."""
    about = [rule for rule in rules if rule.about(seen)]
    for rule in about:
        kind = _ends(rule, seen, now)
        if kind is not None:
            return Action(kind, rule.id)
    return None if seen.marker else _moves(about, seen, now)


def _ends(rule: Rule, seen: Seen, now: float) -> Literal["expire", "remove"] | None:
    if seen.noncurrent_since is not None:
        return "remove" if _noncurrent(rule.spec.get("NoncurrentVersionExpiration"), seen, now) else None
    expiration = rule.spec.get("Expiration") or {}
    if not seen.marker:
        when = _when(expiration, seen.modified)
        return "expire" if when is not None and when <= now else None
    if not seen.alone or rule.tags or rule.sizes:
        return None
    # A marker that hides nothing goes when that is asked for, or when an object of its age would.
    when = _when(expiration, seen.modified)
    asked = bool(expiration.get("ExpiredObjectDeleteMarker"))
    return "remove" if asked or (when is not None and when <= now) else None


def _moves(rules: Sequence[Rule], seen: Seen, now: float) -> Action | None:
    """The coldest class that a rule wants a version in by now."""
    found: Action | None = None
    coldest = _coldness(seen.storage_class)
    for rule in rules:
        if seen.size < SMALLEST_TRANSITION and not rule.sizes:
            continue
        for storage_class in _wanted(rule, seen, now):
            if _coldness(storage_class) > coldest:
                coldest, found = _coldness(storage_class), Action("transition", rule.id, storage_class)
    return found


def _wanted(rule: Rule, seen: Seen, now: float) -> list[str]:
    """The classes that a rule has a version in by now."""
    if seen.noncurrent_since is not None:
        steps = rule.spec.get("NoncurrentVersionTransitions") or []
        return [step["StorageClass"] for step in steps if _noncurrent(step, seen, now)]
    steps = rule.spec.get("Transitions") or []
    times = [(_when(step, seen.modified), step["StorageClass"]) for step in steps]
    return [storage_class for when, storage_class in times if when is not None and when <= now]


def _noncurrent(step: Mapping[str, Any] | None, seen: Seen, now: float) -> bool:
    """Whether a step for noncurrent versions has come."""
    if step is None or seen.noncurrent_since is None or seen.newer < step.get("NewerNoncurrentVersions", 0):
        return False
    return midnight_after(seen.noncurrent_since, step.get("NoncurrentDays", 0)) <= now


def _when(step: Mapping[str, Any], written: float) -> float | None:
    """When a step for current versions comes; None for one without a time."""
    if "Date" in step:
        return float(step["Date"])
    return midnight_after(written, step["Days"]) if "Days" in step else None


def _coldness(storage_class: str) -> int:
    return _CLASSES.index(storage_class) if storage_class in _CLASSES else 0


def midnight_after(moment: float, days: int) -> float:
    """So many days after a moment, then up to midnight UTC."""
    return float(math.ceil(moment / DAY + days) * DAY)


def due_upload(rules: Sequence[Rule], key: str, begun: float, now: float) -> bool:
    """Whether an upload that was begun and never completed is to be aborted."""
    for rule in rules:
        days = (rule.spec.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
        if days is not None and key.startswith(rule.prefix) and midnight_after(begun, days) <= now:
            return True
    return False


def expiry(rules: Sequence[Rule], seen: Seen) -> tuple[float, str] | None:
    """When a current version will expire (epoch seconds), and the id of the rule that says so; None for never."""
    times = [
        (when, rule.id)
        for rule in rules
        if rule.about(seen) and (when := _when(rule.spec.get("Expiration") or {}, seen.modified)) is not None
    ]
    return min(times, default=None)
