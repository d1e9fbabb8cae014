"""Lifecycle policies: kept, checked, tried out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sagewright.testing.world import Client, World

Code = Callable[..., str]
Push = Callable[..., str]


def policy(number: int) -> str:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": number}
    return json.dumps({"rules": [{"rulePriority": 7, "selection": selection, "action": {"type": "expire"}}]})


def test_a_policy_is_kept_as_it_was_given(ecr: Client, code: Code) -> None:
    absent = "LifecyclePolicyNotFoundException"
    assert code(ecr.get_lifecycle_policy, repositoryName="app") == absent
    assert code(ecr.put_lifecycle_policy, repositoryName="app", lifecyclePolicyText="{}") == "InvalidParameterException"
    ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=policy(3))
    assert ecr.get_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"] == policy(3)
    assert ecr.delete_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"] == policy(3)
    assert code(ecr.delete_lifecycle_policy, repositoryName="app") == absent


def test_a_preview_says_what_would_go_and_nothing_goes(world: World, ecr: Client, push: Push, code: Code) -> None:
    asked: dict[str, Any] = {"repositoryName": "app"}
    assert code(ecr.get_lifecycle_policy_preview, **asked) == "LifecyclePolicyPreviewNotFoundException"
    assert code(ecr.start_lifecycle_policy_preview, **asked) == "LifecyclePolicyNotFoundException"
    digests = []
    for name, tag in (("one", "v1"), ("two", None), ("three", "v3")):
        digests.append(push(name, tag))
        world.clock.advance(1)
    ecr.start_lifecycle_policy_preview(**asked, lifecyclePolicyText=policy(1))
    found = ecr.get_lifecycle_policy_preview(**asked)
    assert found["status"] == "COMPLETE"
    assert [each["imageDigest"] for each in found["previewResults"]] == digests[:2]
    assert found["previewResults"][0]["appliedRulePriority"] == 7
    assert found["summary"] == {"expiringImageTotalCount": 2}
    assert len(ecr.list_images(**asked)["imageIds"]) == 3
    first = ecr.get_lifecycle_policy_preview(**asked, maxResults=1)
    second = ecr.get_lifecycle_policy_preview(**asked, maxResults=1, nextToken=first["nextToken"])
    assert [*first["previewResults"], *second["previewResults"]] == found["previewResults"]
    assert code(ecr.get_lifecycle_policy_preview, **asked, nextToken="eA==") == "InvalidParameterException"
    tagged = ecr.get_lifecycle_policy_preview(**asked, filter={"tagStatus": "TAGGED"})
    assert [each["imageTags"] for each in tagged["previewResults"]] == [["v1"]]
    named = ecr.get_lifecycle_policy_preview(**asked, imageIds=[{"imageDigest": digests[1]}])
    assert [each["imageDigest"] for each in named["previewResults"]] == [digests[1]]
