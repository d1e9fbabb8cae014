"""Lifecycle policies: which images are due to go. Pure.

The rules: https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html. What is due follows from a
policy, the images and the time:

- A rule sees every image that fits its selection, also those that rules before it take.
- An image that fits a rule is left alone by all rules that come after it.
- An image that an index names stays as long as the index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from sagewright.base.errors import SagewrightError
from sagewright.dataplane.images.mutability import matches
from sagewright.resources.record import Record

_DAY: Final = 86_400.0
_LARGEST: Final = 30_720
_RULE: Final = frozenset({"rulePriority", "description", "selection", "action"})
_SELECTION: Final = frozenset(
    {"tagStatus", "tagPrefixList", "tagPatternList", "countType", "countUnit", "countNumber", "storageClass"}
)
_MOST_STARS: Final = 4


class BadPolicy(SagewrightError):
    """A text that is no lifecycle policy; the message says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    priority: int
    status: str
    """`tagged`, `untagged` or `any`."""
    prefixes: Sequence[str]
    patterns: Sequence[str]
    by_age: bool
    """Whether `count` are days since the push, instead of images."""
    count: int

    def fits(self, image: Candidate) -> bool:
        """Whether an image is one that it selects from."""
        if self.status == "any":
            return True
        if self.status == "untagged":
            return not image.tags
        # Each prefix or pattern must fit one of the tags.
        return (
            bool(image.tags)
            and all(any(tag.startswith(prefix) for tag in image.tags) for prefix in self.prefixes)
            and all(any(matches(pattern, tag) for tag in image.tags) for pattern in self.patterns)
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """What rules look at."""

    digest: str
    tags: Sequence[str]
    pushed: float
    """Epoch seconds."""
    held: bool
    """Whether an index names it."""

    @classmethod
    def of(cls, image: Record) -> Candidate:
        return cls(image.name, image.spec["tags"], image.created, bool(image.spec["parents"]))


def due(rules: Sequence[Rule], images: Sequence[Candidate], now: float) -> Mapping[str, int]:
    """The digests that are due to go, with the priority of the rule that says so; the oldest first."""
    young_first = sorted(images, key=lambda image: (-image.pushed, image.digest))
    claimed: set[str] = set()
    found: dict[str, int] = {}
    for rule in sorted(rules, key=lambda rule: rule.priority):
        fitting = [image for image in young_first if rule.fits(image)]
        if rule.by_age:
            old = [image for image in fitting if now - image.pushed > rule.count * _DAY]
        else:
            old = fitting[rule.count :]
        found |= {image.digest: rule.priority for image in old if image.digest not in claimed and not image.held}
        claimed |= {image.digest for image in fitting}
    return {image.digest: found[image.digest] for image in reversed(young_first) if image.digest in found}


def read(text: str) -> Sequence[Rule]:
    """A policy's rules. Raises BadPolicy."""
    if len(text.encode()) > _LARGEST:
        raise BadPolicy(f"The policy is longer than {_LARGEST} bytes.")
    try:
        policy = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadPolicy(f"The policy is no JSON: {error}.") from None
    if not isinstance(policy, dict) or not isinstance(policy.get("rules"), list) or not policy["rules"]:
        raise BadPolicy("object has missing required properties (['rules'])")
    if unknown := sorted(policy.keys() - {"rules"}):
        raise BadPolicy(f"object instance has properties which are not allowed by the schema: {unknown}")
    rules = [_rule(each) for each in policy["rules"]]
    _check_together(rules)
    return rules


def _check_together(rules: Sequence[Rule]) -> None:
    priorities = [rule.priority for rule in rules]
    if len(set(priorities)) < len(priorities):
        raise BadPolicy("Each rule must have a rulePriority of its own.")
    anything = [rule for rule in rules if rule.status == "any"]
    if len(anything) > 1:
        raise BadPolicy("Only one rule may have the tagStatus 'any'.")
    if anything and anything[0].priority != max(priorities):
        raise BadPolicy("The rule with the tagStatus 'any' must have the highest value for rulePriority.")
    if sum(rule.status == "untagged" for rule in rules) > 1:
        raise BadPolicy("Only one rule may have the tagStatus 'untagged'.")


def _rule(value: Any) -> Rule:
    if not isinstance(value, dict):
        raise BadPolicy("Each rule must be an object.")
    if unknown := sorted(value.keys() - _RULE):
        raise BadPolicy(f"object instance has properties which are not allowed by the schema: {unknown}")
    if missing := sorted({"rulePriority", "selection", "action"} - value.keys()):
        raise BadPolicy(f"object has missing required properties ({missing})")
    _check_action(value["action"])
    if not isinstance(value.get("description", ""), str):
        raise BadPolicy("A rule's description must be a text.")
    selection = value["selection"]
    if not isinstance(selection, dict):
        raise BadPolicy("A rule's selection must be an object.")
    if unknown := sorted(selection.keys() - _SELECTION):
        raise BadPolicy(f"object instance has properties which are not allowed by the schema: {unknown}")
    if "storageClass" in selection and selection["storageClass"] != "standard":
        raise BadPolicy("Sagewright has no archive: a rule can select from the storageClass 'standard' only.")
    status = selection.get("tagStatus")
    if status not in ("tagged", "untagged", "any"):
        raise BadPolicy("A selection's tagStatus must be 'tagged', 'untagged' or 'any'.")
    prefixes, patterns = _texts(selection, "tagPrefixList"), _texts(selection, "tagPatternList")
    if (status == "tagged") != bool(prefixes or patterns) or (prefixes and patterns):
        raise BadPolicy(
            "A selection of tagged images needs either a tagPrefixList or a tagPatternList; others have neither."
        )
    if any(pattern.count("*") > _MOST_STARS for pattern in patterns):
        raise BadPolicy(f"A tag pattern may hold {_MOST_STARS} wildcards at most.")
    return Rule(
        priority=_positive(value, "rulePriority"),
        status=status,
        prefixes=prefixes,
        patterns=patterns,
        by_age=_by_age(selection),
        count=_positive(selection, "countNumber"),
    )


def _check_action(action: Any) -> None:
    if not isinstance(action, dict) or not isinstance(action.get("type"), str):
        raise BadPolicy("A rule's action must have a type.")
    if action["type"] == "transition":
        raise BadPolicy("Sagewright has no archive to move images to: the action's type must be 'expire'.")
    if action != {"type": "expire"}:
        raise BadPolicy("A rule's action must be {'type': 'expire'}.")


def _by_age(selection: Mapping[str, Any]) -> bool:
    kind = selection.get("countType")
    if kind in ("sinceImagePulled", "sinceImageTransitioned"):
        raise BadPolicy(f"Sagewright has no archive, which the countType {kind!r} is for.")
    if kind not in ("imageCountMoreThan", "sinceImagePushed"):
        raise BadPolicy("A selection's countType must be 'imageCountMoreThan' or 'sinceImagePushed'.")
    by_age: bool = kind == "sinceImagePushed"
    if selection.get("countUnit") != ("days" if by_age else None):
        raise BadPolicy("A selection has the countUnit 'days' where its countType is 'sinceImagePushed', else none.")
    return by_age


def _texts(selection: Mapping[str, Any], member: str) -> Sequence[str]:
    found = selection.get(member, [])
    if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
        raise BadPolicy(f"A selection's {member} must be a list of texts.")
    return found


def _positive(value: Mapping[str, Any], member: str) -> int:
    found = value.get(member)
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise BadPolicy(f"{member} must be a positive whole number.")
    return found
