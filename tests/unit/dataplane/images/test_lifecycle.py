"""Lifecycle policies: what may be one, and which images are due to go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sagewright.dataplane.images.lifecycle import BadPolicy, Candidate, due, read

DAY = 86_400.0
NOW = 100 * DAY


def image(name: str, *tags: str, days: float = 0.0, held: bool = False) -> Candidate:
    return Candidate(name, tags, NOW - days * DAY, held)


def rule(priority: int = 1, status: str = "any", number: int = 1, **selection: Any) -> dict[str, Any]:
    kind = {"countType": "imageCountMoreThan"} if "countType" not in selection else {}
    selected = {"tagStatus": status, "countNumber": number, **kind, **selection}
    return {"rulePriority": priority, "selection": selected, "action": {"type": "expire"}}


def old(priority: int, status: str, number: int, **selection: Any) -> dict[str, Any]:
    return rule(priority, status, number, countType="sinceImagePushed", countUnit="days", **selection)


def policy(*rules: dict[str, Any]) -> str:
    return json.dumps({"rules": [*rules]})


def gone(images: list[Candidate], *rules: dict[str, Any]) -> dict[str, int]:
    return dict(due(read(policy(*rules)), images, NOW))


def test_more_than_so_many_images_lose_the_oldest() -> None:
    images = [image("a", "1", days=3), image("b", "2", days=1), image("c", days=2)]
    assert [*gone(images, rule(number=1)).items()] == [("a", 1), ("c", 1)]


def test_images_older_than_so_many_days_go() -> None:
    images = [image("a", days=15), image("b", days=14), image("c", "kept", days=90)]
    assert gone(images, old(1, "untagged", 14)) == {"a": 1}


def test_every_prefix_must_fit_one_of_the_tags() -> None:
    images = [image("a", "prod-1", "eu-1", days=1), image("b", "prod-2", days=2), image("c", "prod-3", "eu-3", days=3)]
    assert gone(images, rule(1, "tagged", 1, tagPrefixList=["prod", "eu"])) == {"c": 1}


def test_patterns_fit_with_wildcards() -> None:
    images = [image("a", "web-prod", days=1), image("b", "web-test", days=2), image("c", "api-prod", days=3)]
    assert gone(images, rule(1, "tagged", 1, tagPatternList=["*prod*"])) == {"c": 1}


def test_what_fits_an_earlier_rule_is_left_alone_by_later_ones() -> None:
    images = [image("a", "prod", days=1), image("b", "prod", days=2), image("c", "test", days=3), image("d", days=4)]
    kept = rule(1, "tagged", 5, tagPrefixList=["prod"])
    assert gone(images, kept, rule(2, "any", 1)) == {"c": 2, "d": 2}


def test_later_rules_count_what_earlier_ones_take() -> None:
    images = [image("a", days=1), image("b", "t", days=2), image("c", "t", days=3)]
    first, second = old(1, "untagged", 7), rule(2, "any", 2)
    assert gone(images, first, second) == {"c": 2}


def test_what_an_index_names_stays() -> None:
    assert gone([image("a", days=9, held=True), image("b", days=8)], old(1, "any", 1)) == {"b": 1}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("[]", "rules"),
        (policy(), "rules"),
        (json.dumps({"rules": [rule()], "x": 1}), "not allowed"),
        (policy({**rule(), "x": 1}), "not allowed"),
        (policy({"rulePriority": 1}), "missing required"),
        (policy(rule(priority=0)), "positive"),
        (policy(rule(number=0)), "positive"),
        (policy(rule(1), rule(1)), "of its own"),
        (policy(rule(1), rule(2)), "Only one rule"),
        (policy(rule(1), rule(2, "untagged")), "highest value"),
        (policy(rule(1, "untagged"), rule(2, "untagged", 2)), "Only one rule"),
        (policy(rule(1, "tagged")), "tagPrefixList"),
        (policy(rule(1, "untagged", tagPrefixList=["a"])), "tagPrefixList"),
        (policy(rule(1, "tagged", tagPrefixList=["a"], tagPatternList=["a"])), "tagPrefixList"),
        (policy(rule(1, "tagged", tagPatternList=["*a*b*c*d*"])), "wildcards"),
        (policy(rule(1, "tagged", tagPrefixList=[1])), "list of texts"),
        (policy(rule(1, countUnit="days")), "countUnit"),
        (policy(rule(1, countType="sinceImagePushed")), "countUnit"),
        (policy(rule(1, countType="sinceImagePulled", countUnit="days")), "archive"),
        (policy(rule(1, storageClass="archive")), "archive"),
        (policy({**rule(), "action": {"type": "transition", "targetStorageClass": "archive"}}), "archive"),
        (policy({**rule(), "action": {"type": "keep"}}), "expire"),
        (policy({**rule(), "action": "expire"}), "action"),
        (policy({**rule(), "selection": []}), "selection"),
        (policy({**rule(), "description": 1}), "description"),
        (" " * 40_000, "longer"),
    ],
)
def test_what_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadPolicy, match=why):
        read(text)
