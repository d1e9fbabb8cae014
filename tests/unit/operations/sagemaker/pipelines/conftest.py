from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sagewright.testing.asker import Asker

DEFINITION: dict[str, Any] = {
    "Version": "2020-12-01",
    "Parameters": [
        {"Name": "Rate", "Type": "Float", "DefaultValue": 0.5},
        {"Name": "Rounds", "Type": "Integer"},
    ],
    "Steps": [{"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Rate"}}}],
}


@pytest.fixture
def definition() -> str:
    """What the pipelines here are made of."""
    return json.dumps(DEFINITION)


@pytest.fixture
def other() -> str:
    """Another definition."""
    return json.dumps({**DEFINITION, "Metadata": {}})


@pytest.fixture
def token() -> Callable[[int], str]:
    """Client tokens by number."""
    return "{:032d}".format


@pytest.fixture
def pipeline(asker: Asker, role: str, definition: str, token: Callable[[int], str]) -> Callable[..., str]:
    """Makes a pipeline; answers its ARN."""

    def make(name: str = "Houses", number: int = 0, **members: Any) -> str:
        request = {"PipelineDefinition": definition, **members}
        made = asker.call(
            "CreatePipeline", PipelineName=name, RoleArn=role, ClientRequestToken=token(number), **request
        )
        return str(made["PipelineArn"])

    return make
