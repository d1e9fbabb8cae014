"""ECR without a server: root asks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.testing.world import Client, World

Push = Callable[..., str]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.make(tmp_path)
    yield world
    world.close()


@pytest.fixture
def ecr(world: World) -> Client:
    client = world.client("ecr")
    client.create_repository(repositoryName="app")
    return client


@pytest.fixture
def push(ecr: Client) -> Push:
    """Push an index of nothing, which needs no layers; its digest."""

    def pushed(name: str, tag: str | None = None) -> str:
        content = json.dumps({"schemaVersion": 2, "manifests": [], "annotations": {"name": name}})
        tagged = {} if tag is None else {"imageTag": tag}
        answer = ecr.put_image(repositoryName="app", imageManifest=content, **tagged)
        assert answer["image"]["imageId"]["imageDigest"] == f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
        return str(answer["image"]["imageId"]["imageDigest"])

    return pushed


@pytest.fixture
def code() -> Callable[..., str]:
    """The code that an operation refuses with."""

    def refused(ask: Callable[..., Any], **members: Any) -> str:
        with pytest.raises(AwsError) as caught:
            ask(**members)
        return caught.value.code

    return refused
